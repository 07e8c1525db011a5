/**
 * Lines on their way into a file that begins anew when it is large enough. Nobody waits for the disk:
 * what it does not take in time waits in a queue, and what the queue does not hold is counted.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { isThere } from "../is_there.ts";
import { type AppendFile, openAppending } from "./append_file.ts";

/** What is written where. */
export interface RotatingFileOptions {
  readonly path: string;
  /** Size over which it becomes `path.1`, and a new one begins. */
  readonly fileBytesMax: number;
  /** Earlier files kept, `path.1` the latest. */
  readonly keep: number;
  /** Bytes that may wait for the disk. */
  readonly queueBytesMax: number;
  readonly clock: Clock;
  /** The line that stands for `count` lines which are not there. */
  readonly lostLine: (count: number) => string;
  /** Told once why lines wait or are lost, and, when all that waited is written, how many were. */
  readonly onTrouble: (reason: string) => void;
  readonly onRecovered: (lost: number) => void;
  /** Another file system, for tests. */
  readonly open?: (path: string) => Promise<AppendFile>;
}

/** How the file is. */
export interface RotatingFileStatus {
  /** Lines that were not written, since the start. */
  readonly lost: number;
  /** Why lines wait or are lost; undefined while all are written. */
  readonly failure: string | undefined;
}

/** Pause before a file that could not be written is tried again, in milliseconds. */
const RETRY_MS = 1000;

/** Bytes handed to the disk at once. */
const WRITE_BYTES_MAX = 256 * 1024;

/** Time the lines that wait have at the end, in milliseconds. */
const CLOSE_MS_MAX = 500;

const encoder = new TextEncoder();
const LINE_END = encoder.encode("\n");
const NOTHING = new Uint8Array(0);

/**
 * A file of lines, in one process.
 *
 * @example
 * ```ts
 * await using file = new RotatingFile({ path: "audit.jsonl", fileBytesMax: 2 ** 24, keep: 8, ... });
 * file.add('{"operation":"set"}');
 * ```
 */
export class RotatingFile implements AsyncDisposable {
  #options: RotatingFileOptions;
  #file: AppendFile | undefined;
  #fileBytes = 0;
  #isTorn = false;
  #queue: Uint8Array[] = [];
  #queueBytes = 0;
  /** Lines lost since the last one that says so. */
  #lost = 0;
  #lostInTrouble = 0;
  #lostEver = 0;
  #trouble: string | undefined;
  #running: Promise<void> | undefined;
  #isReopenDue = false;
  #isClosing = false;
  #wake: () => void = () => {};

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Takes a line, without its end; returns at once and never throws. */
  add(line: string): void {
    const bytes = encoder.encode(`${line}\n`);
    if (this.#queueBytes + bytes.length > this.#options.queueBytesMax || this.#isClosing) {
      this.#lost += 1;
      this.#lostInTrouble += 1;
      this.#lostEver += 1;
      this.#inTrouble("the disk does not keep up");
      return;
    }
    this.#sayLost();
    this.#push(bytes);
  }

  /** Whether lines are written, and how many were not. */
  status(): RotatingFileStatus {
    return { lost: this.#lostEver, failure: this.#trouble };
  }

  /** Another file, or other bounds, from now on: what still waits goes there, too. */
  configure(options: Pick<RotatingFileOptions, "path" | "fileBytesMax" | "keep">): void {
    this.#options = { ...this.#options, ...options };
    this.reopen();
  }

  /** Lets go of the file, so that whoever renamed it gets no more of it; the next line makes a new one. */
  reopen(): void {
    this.#isReopenDue = true;
    this.#running ??= this.#run();
  }

  /** Writes what waits, for as long as that takes at most, and closes. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#wake();
    const late = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(CLOSE_MS_MAX, late.resolve);
    await Promise.race([this.#running, late.promise]);
    cancel();
    const left = this.#queue.length;
    this.#queue = [];
    if (left > 0) this.#options.onTrouble(`${left} lines were not written before the end`);
    if (!this.#running) this.#close();
  }

  #push(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queueBytes += bytes.length;
    this.#running ??= this.#run();
  }

  /** Where lines are missing, one says how many; as soon as there is room for it. */
  #sayLost(): void {
    if (this.#lost === 0) return;
    const count = this.#lost;
    this.#lost = 0;
    this.#push(encoder.encode(`${this.#options.lostLine(count)}\n`));
  }

  async #run(): Promise<void> {
    // The lines of this very turn of the event loop go together.
    await Promise.resolve();
    for (;;) {
      try {
        if (this.#isReopenDue) this.#close();
        if (this.#queue.length === 0) this.#sayLost();
        if (this.#queue.length === 0) break;
        await this.#write();
      } catch (thrown) {
        this.#close();
        this.#inTrouble(messageOf(thrown));
        if (this.#isClosing) break;
        await this.#pause();
      }
    }
    this.#running = undefined;
    if (this.#queue.length === 0) this.#recovered();
    if (this.#isClosing) this.#close();
  }

  async #write(): Promise<void> {
    const { path, fileBytesMax, open = openAppending } = this.#options;
    if (!this.#file) {
      this.#file = await open(path);
      this.#fileBytes = this.#file.bytes;
      this.#isTorn = this.#file.isTorn;
    }
    if (this.#fileBytes > 0 && this.#fileBytes + this.#queue[0]!.length > fileBytesMax) {
      this.#close();
      return await rotate(path, this.#options.keep);
    }
    await this.#append(this.#file, this.#part(fileBytesMax - this.#fileBytes));
  }

  /** The next lines that fit `bytesMax`, at least one. */
  #part(bytesMax: number): readonly Uint8Array[] {
    let bytes = 0;
    const count = this.#queue.findIndex((line) => {
      bytes += line.length;
      return bytes > Math.min(bytesMax, WRITE_BYTES_MAX);
    });
    return this.#queue.slice(0, count < 0 ? this.#queue.length : Math.max(1, count));
  }

  /** What was written whole waits no more; a line of which only a part was is written again. */
  async #append(file: AppendFile, lines: readonly Uint8Array[]): Promise<void> {
    const head = this.#isTorn ? LINE_END : NOTHING;
    const buffer = joined([head, ...lines]);
    let written = 0;
    try {
      while (written < buffer.length) written += await file.write(buffer.subarray(written));
    } finally {
      this.#fileBytes += written;
      if (written >= head.length) this.#isTorn = false;
      this.#drop(lines, written - head.length);
    }
  }

  #drop(lines: readonly Uint8Array[], written: number): void {
    let left = written;
    let count = 0;
    while (count < lines.length && lines[count]!.length <= left) left -= lines[count++]!.length;
    this.#queue.splice(0, count);
    this.#queueBytes -= Math.max(0, written) - Math.max(0, left);
  }

  #close(): void {
    this.#isReopenDue = false;
    this.#file?.close();
    this.#file = undefined;
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const cancel = this.#options.clock.after(RETRY_MS, resolve);
    await promise;
    cancel();
  }

  #inTrouble(reason: string): void {
    if (this.#trouble !== undefined) return;
    this.#trouble = reason;
    this.#options.onTrouble(reason);
  }

  #recovered(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#options.onRecovered(this.#lostInTrouble);
    this.#lostInTrouble = 0;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, { length }) => bytes + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `path` becomes `path.1`, that `path.2`, and so on; what was `path.<keep>`, or beyond, goes. */
async function rotate(path: string, keep: number): Promise<void> {
  for (let index = keep; await isThere(`${path}.${index}`); index += 1) {
    await Deno.remove(`${path}.${index}`);
  }
  for (let index = keep - 1; index >= 1; index -= 1) {
    if (await isThere(`${path}.${index}`)) {
      await Deno.rename(`${path}.${index}`, `${path}.${index + 1}`);
    }
  }
  await Deno.rename(path, `${path}.1`);
}
