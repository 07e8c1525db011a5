/** What a process did to its files, as shim.c recorded it, and what a disk may hold of it after a power cut. */

/** One thing that was done. */
export interface DiskOperation {
  readonly kind: "write" | "truncate" | "sync" | "create" | "unlink" | "rename" | "mkdir" | "said";
  /** Path below the recorded directory; "" is the directory itself. */
  readonly name: string;
  /** Of a write where it begins, of a truncate the size. */
  readonly offset: number;
  /** Of a write the bytes, of a rename the old name, of `said` the text. */
  readonly data: Uint8Array;
}

const KINDS: Readonly<Record<string, DiskOperation["kind"]>> = {
  w: "write",
  t: "truncate",
  s: "sync",
  c: "create",
  u: "unlink",
  r: "rename",
  d: "mkdir",
  m: "said",
};

const HEAD_BYTES = 17;
const decoder = new TextDecoder();

/** Reads a log of shim.c. */
export function parseLog(bytes: Uint8Array): DiskOperation[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const operations: DiskOperation[] = [];
  for (let at = 0; at < bytes.length;) {
    const kind = KINDS[String.fromCharCode(bytes[at]!)]!;
    const nameEnd = at + HEAD_BYTES + view.getUint32(at + 1, true);
    const end = nameEnd + view.getUint32(at + 13, true);
    operations.push({
      kind,
      name: decoder.decode(bytes.subarray(at + HEAD_BYTES, nameEnd)),
      offset: Number(view.getBigUint64(at + 5, true)),
      data: bytes.subarray(nameEnd, end),
    });
    at = end;
  }
  return operations;
}

/** The unit a disk writes whole or not at all, in bytes. */
const SECTOR_BYTES = 512;

/** How much of what was not synced is on the disk after the cut. */
export type Survival = "nothing" | "everything" | "some";

/** Content that grows. */
class Content {
  #buffer: Uint8Array<ArrayBuffer>;

  constructor(public size = 0, buffer: Uint8Array<ArrayBuffer> = new Uint8Array(4096)) {
    this.#buffer = buffer;
  }

  copy(): Content {
    return new Content(this.size, this.bytes.slice());
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.size);
  }

  write(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#buffer.length));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(data, offset);
    this.size = Math.max(this.size, end);
  }

  truncate(size: number): void {
    if (size < this.size) this.#buffer.fill(0, size, this.size);
    else this.write(size, new Uint8Array());
    this.size = size;
  }
}

/** A file: what is on the disk for certain, and what was done to it since. */
class File {
  durable = new Content();
  pending: DiskOperation[] = [];

  sync(): void {
    for (const operation of this.pending) apply(this.durable, operation);
    this.pending = [];
  }

  /** Its content after a cut. A sector is on the disk as it was at some moment since the last sync. */
  after(survival: Survival, random: () => number): Content {
    const content = this.durable.copy();
    if (survival === "nothing") return content;
    const until = new Map<number, number>();
    const moment = () =>
      survival === "everything"
        ? this.pending.length
        : Math.floor(random() * (this.pending.length + 1));
    const size = moment();
    for (const [at, operation] of this.pending.entries()) {
      if (operation.kind === "truncate") {
        if (at < size) content.truncate(operation.offset);
        continue;
      }
      for (const { sector, offset, data } of sectorsOf(operation)) {
        if (!until.has(sector)) until.set(sector, moment());
        if (at < until.get(sector)!) content.write(offset, data);
      }
    }
    return content;
  }
}

function apply(content: Content, { kind, offset, data }: DiskOperation): void {
  if (kind === "truncate") content.truncate(offset);
  else content.write(offset, data);
}

function* sectorsOf({ offset, data }: DiskOperation) {
  for (let at = 0; at < data.length;) {
    const sector = Math.floor((offset + at) / SECTOR_BYTES);
    const end = Math.min(data.length, (sector + 1) * SECTOR_BYTES - offset);
    yield { sector, offset: offset + at, data: data.subarray(at, end) };
    at = end;
  }
}

type Names = Map<string, File | "directory">;

/**
 * A disk that is told what a process does. What was written is certain after a sync of the file; that a
 * file is there, or no longer, or has another name, after a sync of its directory. Of names that are not
 * certain the earlier come first, as file systems with a journal have it.
 *
 * @example
 * ```ts
 * const disk = new SimulatedDisk();
 * for (const operation of parseLog(bytes)) disk.take(operation);
 * disk.after("some", Math.random); // Map { "state.db" => Uint8Array, ... }
 * ```
 */
export class SimulatedDisk {
  readonly #names: Names = new Map();
  readonly #durable: Names = new Map();
  #pending: { readonly directory: string; readonly change: (names: Names) => void }[] = [];

  take(operation: DiskOperation): void {
    const { kind, name } = operation;
    const found = this.#names.get(name);
    switch (kind) {
      case "said":
        return;
      case "create":
        return this.#rename(name, (names, file) => names.set(name, file), new File());
      case "mkdir":
        return this.#rename(name, (names) => names.set(name, "directory"));
      case "unlink":
        return this.#rename(name, (names) => names.delete(name));
      case "rename": {
        const old = decoder.decode(operation.data);
        return this.#rename(name, (names) => {
          const moved = names.get(old);
          names.delete(old);
          if (moved) names.set(name, moved);
        });
      }
      case "sync":
        if (found instanceof File) found.sync();
        else this.#syncDirectory(name);
        return;
      default:
        // Of a file that has no name any more nothing is left after a cut.
        if (found instanceof File) found.pending.push(operation);
    }
  }

  /** The files that may be there if the power is cut now. */
  after(survival: Survival, random: () => number): Map<string, Uint8Array<ArrayBuffer>> {
    const names: Names = new Map(this.#durable);
    const kept = {
      nothing: 0,
      everything: this.#pending.length,
      some: Math.floor(random() * (this.#pending.length + 1)),
    }[survival];
    for (const { change } of this.#pending.slice(0, kept)) change(names);
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const [name, file] of names) {
      const isReachable = directoryOf(name) === "" || names.has(directoryOf(name));
      if (file !== "directory" && isReachable) files.set(name, file.after(survival, random).bytes);
    }
    return files;
  }

  #rename(name: string, change: (names: Names, file: File) => void, file = new File()): void {
    const bound = (names: Names) => change(names, file);
    bound(this.#names);
    this.#pending.push({ directory: directoryOf(name), change: bound });
  }

  #syncDirectory(name: string): void {
    for (const { change } of this.#pending.filter(({ directory }) => directory === name)) {
      change(this.#durable);
    }
    this.#pending = this.#pending.filter(({ directory }) => directory !== name);
  }
}

function directoryOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}
