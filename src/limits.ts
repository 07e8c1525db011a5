/**
 * Every bound of the program in one place. Names carry their unit. What a plant may want to change
 * is also a key of the configuration; the numbers here are the defaults and the hard ceilings.
 *
 * @module
 */

/** Longest scope name in UTF-8 bytes. */
export const SCOPE_BYTES_MAX = 255;

/** Longest key in UTF-8 bytes; Deno KV allows 2048 for the whole key including the scope's id. */
export const KEY_BYTES_MAX = 1024;

/** Largest value as JSON text, in UTF-8 bytes, unless configured otherwise. */
export const VALUE_BYTES_MAX = 1024 * 1024;

/** Deepest nesting of arrays and objects accepted in a JSON frame. */
export const JSON_DEPTH_MAX = 64;

/** JSON frames in one request; each of them is one frame of the reply. */
export const REQUEST_FRAMES_MAX = 1024;

/** Keys in one page of `list-keys`, and the page size when none is asked for. */
export const LIST_KEYS_MAX = 10_000;

/** Keys one atomic change may touch; Deno KV takes 1000 mutations in one atomic. */
export const CHANGE_KEYS_MAX = 400;

/** Updates from the bus that wait for the store before further ones are counted as overflowed. */
export const BUS_QUEUE_MAX = 100_000;

/** Scopes the bus counters are kept for separately; what comes on top shares one counter. */
export const BUS_COUNTED_SCOPES_MAX = 10_000;

/** Largest message a socket of ours accepts; libzmq disconnects the peer that sends more. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** Messages taken from one socket before the others get their turn. */
export const MESSAGES_PER_TURN = 128;

/** Time a shutdown may take before what is left is abandoned. */
export const SHUTDOWN_MS_MAX = 1_500;
