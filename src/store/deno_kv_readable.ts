/**
 * A start where the disk takes no writes: everything is served from a copy in memory, writes are refused, and
 * once the database itself can be opened it takes the place of the copy, without a restart.
 *
 * @module
 */

import { absolute } from "../paths.ts";
import { type DenoKvOptions, openFile } from "./deno_kv.ts";
import { LastingDisk } from "./deno_kv_lasting.ts";
import type { Loaded } from "./disk.ts";
import { copyToMemory, type MemoryCopy } from "./memory_copy.ts";
import { Reserve } from "./reserve.ts";
import { structureFaults } from "./sqlite_check.ts";

/** How to open a database that may not be writable. */
export interface ReadableOptions extends DenoKvOptions {
  /** Told why it is served from a copy, and nothing is written. */
  readonly onUnwritable?: (reason: string) => void;
  /** Told that it has been opened after all. */
  readonly onRegained?: () => void;
  /** Told why damaged records are left where they are. */
  readonly onNotRecovered?: (reason: string) => void;
}

/**
 * Opens a copy of the database at `options.path` if that could not be opened because its disk takes no
 * writes.
 *
 * @param thrown What opening it threw, and what this throws where there is another reason, or no copy.
 */
export async function openReadable(options: ReadableOptions, thrown: unknown): Promise<Loaded> {
  const copy = await copyToMemory(absolute(options.path), thrown);
  if (!copy) throw thrown;
  try {
    // Damage needs room for another database.
    if (structureFaults(copy.path).length > 0) throw thrown;
    const loaded = await openCopy(options, copy);
    options.onUnwritable?.(copy.reason);
    if (loaded.damaged > 0) options.onNotRecovered?.(copy.reason);
    return loaded;
  } catch {
    await copy[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function openCopy(options: ReadableOptions, copy: MemoryCopy): Promise<Loaded> {
  const path = absolute(options.path);
  const opened = await openFile(copy.path, await Reserve.beside(copy.path, 0), options);
  const reopen = async () =>
    await openFile(path, await Reserve.beside(path, options.reserveBytes), options);
  const { onRenewed = () => {}, onRegained = () => {}, clock } = options;
  const lasting = { path, mirror: opened.mirror, reopen, onRenewed, onRegained, clock, copy };
  return { ...opened, disk: new LastingDisk(opened.disk, lasting) };
}
