/**
 * Finds on one side of a socket what belongs to a message that was sent on the other side, where both are
 * in one process: nothing is added to the message.
 *
 * @module
 */

/** Messages remembered; those that another process takes are pushed out by later ones. */
const MESSAGES_MAX = 1024;

/** Bytes of a message that is worth remembering: with all of them there, 64 MiB. */
const BYTES_MAX = 64 * 1024;

/**
 * What belongs to messages that are on their way. Of messages that are the same, the first sent counts as
 * the first taken.
 *
 * @example
 * ```ts
 * handover.give(client, frames, span);
 * handover.take(client, copyOfFrames); // span
 * ```
 */
export class Handover<T> {
  readonly #waiting: { from: Uint8Array; frames: readonly Uint8Array[]; what: T }[] = [];

  /** Remembers `what` for a message of `frames` from a peer. */
  give(from: Uint8Array, frames: readonly Uint8Array[], what: T): void {
    if (frames.reduce((bytes, { length }) => bytes + length, 0) > BYTES_MAX) return;
    this.#waiting.push({ from, frames, what });
    if (this.#waiting.length > MESSAGES_MAX) this.#waiting.shift();
  }

  /** What belongs to the message; undefined where nothing does, or no more. */
  take(from: Uint8Array, frames: readonly Uint8Array[]): T | undefined {
    const at = this.#waiting.findIndex((waiting) =>
      same(waiting.from, from) && waiting.frames.length === frames.length &&
      waiting.frames.every((frame, index) => same(frame, frames[index]!))
    );
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0]!.what;
  }
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
