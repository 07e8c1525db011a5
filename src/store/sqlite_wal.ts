/**
 * The write-ahead log of SQLite (https://www.sqlite.org/fileformat2.html#walformat): which pages of the
 * database it replaces, and whether something in its middle was damaged. SQLite itself says nothing of
 * that: it reads up to the first bad frame and takes the rest, acknowledged commits included, for
 * the remains of a crash. Pure.
 *
 * @module
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** First word of a log; the last bit says that its checksums are over big-endian words. */
const MAGIC = 0x377f0682;

/** A log that was read. */
export interface Wal {
  /** Page number to the bytes that its last commit in the log gave it. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
  /** Pages of the database after the last commit; undefined when there is none in the log. */
  readonly pageCount: number | undefined;
  /** Commits behind the first bad frame: SQLite would leave them out. */
  readonly commitsCut: number;
}

const NOTHING: Wal = { pages: new Map(), pageCount: undefined, commitsCut: 0 };

/**
 * Reads the bytes of a log.
 *
 * Each frame's checksum goes on from that of the frame before it, which is also written there: so
 * frames behind a bad one can be proved, too. One commit that is incomplete at the end is what a crash
 * leaves and was never acknowledged; it counts as nothing.
 */
export function readWal(bytes: Uint8Array): Wal {
  if (bytes.length < HEADER_BYTES + FRAME_HEADER_BYTES) return NOTHING;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pageBytes = view.getUint32(8);
  if ((view.getUint32(0) & ~1) !== (MAGIC & ~1) || !isPageSize(pageBytes)) return NOTHING;
  const isBigEndian = (view.getUint32(0) & 1) === 1;
  const salt = view.getBigUint64(16);
  const pages = new Map<number, Uint8Array>();
  let pending = new Map<number, Uint8Array>();
  let pageCount: number | undefined;
  let isWhole = true;
  let commitsCut = 0;
  let sums: Sums = [view.getUint32(24), view.getUint32(28)];
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes.length; at += frameBytes) {
    // Frames of an earlier round, which nobody has overwritten yet.
    if (view.getBigUint64(at + 8) !== salt) {
      isWhole = false;
      continue;
    }
    const data = at + FRAME_HEADER_BYTES;
    const sum = add(add(sums, view, at, 8, isBigEndian), view, data, pageBytes, isBigEndian);
    sums = [view.getUint32(at + 16), view.getUint32(at + 20)];
    const isGood = sum[0] === sums[0] && sum[1] === sums[1];
    if (isGood) pending.set(view.getUint32(at), bytes.subarray(data, data + pageBytes));
    else isWhole = false;
    const committed = view.getUint32(at + 4);
    if (committed === 0) continue;
    if (!isWhole) commitsCut += 1;
    for (const [number, page] of pending) pages.set(number, page);
    pending = new Map();
    if (isGood) pageCount = committed;
  }
  return { pages, pageCount, commitsCut };
}

type Sums = readonly [number, number];

function add(
  [first, second]: Sums,
  view: DataView,
  at: number,
  length: number,
  isBigEndian: boolean,
): Sums {
  let [a, b] = [first, second];
  for (let i = at; i < at + length; i += 8) {
    a = (a + view.getUint32(i, !isBigEndian) + b) >>> 0;
    b = (b + view.getUint32(i + 4, !isBigEndian) + a) >>> 0;
  }
  return [a, b];
}

/** A power of two from 512 to 65,536. */
export function isPageSize(bytes: number): boolean {
  return bytes >= 512 && bytes <= 65_536 && (bytes & (bytes - 1)) === 0;
}
