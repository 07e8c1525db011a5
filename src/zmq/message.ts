/**
 * Messages in and out of libzmq, without waiting and without a promise.
 *
 * @module
 */

import { ERRNO, type Handle, interrupted, lastError, lib } from "./libzmq.ts";

/** One message: its frames in order. What came in belongs to the receiver. */
export type Frames = readonly Uint8Array[];

/**
 * What became of a message: handed to libzmq, refused because the high-water mark is reached (try
 * again later), or refused because no such peer is connected (`mandatory` ROUTER only).
 */
export type Sent = "sent" | "full" | "unroutable";

/** Flags of zmq_msg_recv(3) and zmq_send(3). */
const DONTWAIT = 1;
const SNDMORE = 2;

/** Memory that messages share, which stays as long as one of them; a larger one has its own. */
const CHUNK_BYTES = 8 * 1024;
/** Memory that is written to by number: it has an address, and does not move. */
class Memory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: number;

  constructor(bytes: number) {
    // A buffer of its own: small arrays live where the garbage collector moves them.
    this.bytes = new Uint8Array(new ArrayBuffer(bytes));
    this.address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.bytes)));
  }
}

let chunk = new Memory(CHUNK_BYTES);
/** Bytes of it that messages have. */
let used = 0;
/** A `zmq_msg_t` for each frame of what comes in. */
const received = new Uint8Array(new ArrayBuffer(64));
lib.zmq_msg_init(received);

/**
 * Takes one message; undefined when none is there, or its peer vanished in the middle of it. Nobody else
 * has its bytes, but short messages share their memory: to make one array costs ten times as much as to
 * divide it.
 */
export function receive(handle: Handle): Uint8Array[] | undefined {
  let memory = chunk;
  let start = used;
  let end = start;
  const lengths: number[] = [];
  do {
    const length = receiveFrame(handle);
    if (length < 0) return undefined;
    if (end + length > memory.bytes.length) {
      memory = moved(memory, start, end, length);
      end -= start;
      start = 0;
    }
    if (length > 0) {
      lib.memcpy(BigInt(memory.address + end), lib.zmq_msg_data(received), BigInt(length));
    }
    end += length;
    lengths.push(length);
  } while (lib.zmq_msg_more(received) !== 0);
  if (memory.bytes.length === CHUNK_BYTES) [chunk, used] = [memory, end];
  else letGo();
  return lengths.map((length) => memory.bytes.subarray(start, start += length));
}

/** Bytes of the next frame, which is in `received` then; below zero when there is none. */
function receiveFrame(handle: Handle): number {
  while (true) {
    const length = lib.zmq_msg_recv(received, handle, DONTWAIT);
    if (length >= 0 || !interrupted()) return length;
  }
}

/** Other memory that begins with the bytes of `memory` from `start` to `end` and has room for `more`. */
function moved(memory: Memory, start: number, end: number, more: number): Memory {
  const needed = end - start + more;
  const { bytes } = memory;
  // Twice as much from the second time on: a message may have a thousand frames.
  const least = bytes.length === CHUNK_BYTES ? CHUNK_BYTES : 2 * bytes.length;
  const next = new Memory(Math.max(needed, least));
  next.bytes.set(bytes.subarray(start, end));
  return next;
}

/** Does not keep a large frame until the next one comes. */
function letGo(): void {
  lib.zmq_msg_close(received);
  lib.zmq_msg_init(received);
}

/**
 * Hands one message to libzmq, whole or not at all.
 *
 * @throws {Error} When the socket cannot send now at all (a REQ that waits).
 */
export function send(handle: Handle, frames: Frames): Sent {
  const last = frames.length - 1;
  for (let i = 0; i <= last; i += 1) {
    const frame = frames[i]!;
    const flags = i < last ? DONTWAIT | SNDMORE : DONTWAIT;
    // A frame at a time: cut short by a signal, zmq_sendiov does not say how many have gone.
    while (lib.zmq_send(handle, frame as BufferSource, BigInt(frame.length), flags) < 0) {
      if (interrupted()) continue;
      return refusal();
    }
  }
  return "sent";
}

/** Only the first frame of a message is ever refused (zmq_send(3)). */
function refusal(): Sent {
  const error = lastError("cannot send");
  if (error.errno === ERRNO.EAGAIN) return "full";
  if (error.errno === ERRNO.EHOSTUNREACH) return "unroutable";
  throw error;
}
