/**
 * One file of lines that is only ever added to.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { parentOf } from "../paths.ts";

/** A file that is open for adding to it. */
export interface AppendFile {
  /** Bytes in it when it was opened. */
  readonly bytes: number;
  /** Whether its last line has no end: whoever wrote it was killed, or its disk was full. */
  readonly isTorn: boolean;
  /** As `Deno.FsFile.write`: resolves with how much of `part` was written. */
  write(part: Uint8Array): Promise<number>;
  close(): void;
}

/** Whoever may read the file, and list its directory: the owner alone. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

const LINE_END = "\n".charCodeAt(0);

/**
 * Opens the file at `path`, which is made if it is missing, with its directory.
 *
 * @throws {PlantdError} `file_unusable` when there is something else than a file; and what the file
 * system says.
 *
 * @example
 * ```ts
 * const file = await openAppending("/var/log/plantd-state/audit.jsonl");
 * await file.write(new TextEncoder().encode('{"operation":"set"}\n'));
 * ```
 */
export async function openAppending(path: string): Promise<AppendFile> {
  await Deno.mkdir(parentOf(path), { recursive: true, mode: DIRECTORY_MODE });
  const options = { create: true, append: true, read: true, mode: FILE_MODE };
  const file = await Deno.open(path, options);
  try {
    const { isFile, size, mode } = await file.stat();
    if (!isFile) throw new PlantdError("file_unusable", `${path}: a file is needed, found none`);
    if (((mode ?? 0) & 0o777) !== FILE_MODE) await Deno.chmod(path, FILE_MODE);
    return {
      bytes: size,
      isTorn: size > 0 && await lastByte(file) !== LINE_END,
      write: (part) => file.write(part),
      close: () => file.close(),
    };
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}

async function lastByte(file: Deno.FsFile): Promise<number | undefined> {
  const byte = new Uint8Array(1);
  await file.seek(-1, Deno.SeekMode.End);
  await file.read(byte);
  return byte[0];
}
