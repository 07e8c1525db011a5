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

/**
 * Bytes of the replies to one request's JSON frames, together, before the rest of them is refused; with
 * one more reply the message stays below {@link MESSAGE_BYTES_MAX}.
 */
export const REPLY_BYTES_MAX = 8 * 1024 * 1024;

/** Bytes of the names in one page of a listing, escaped as badly as may be. */
export const LIST_BYTES_MAX = 4 * 1024 * 1024;

/** Keys in one page of `list-keys`, and the page size when none is asked for. */
export const LIST_KEYS_MAX = 10_000;

/** Bytes of one page of `load`; with one more value it is below the largest message. */
export const LOAD_BYTES_MAX = 8 * 1024 * 1024;

/** Bytes of values in one change: with their names a page of changes that has it fits a message. */
export const CHANGE_VALUE_BYTES_MAX = 8 * 1024 * 1024;

/** Changes remembered for watchers that missed some, unless configured otherwise. */
export const CHANGE_LOG_MAX = 100_000;

/** Bytes of memory for them. */
export const CHANGE_LOG_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes after which a page of `changes` ends with its revision. */
export const CHANGES_PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** How often the feed says where it is, in milliseconds (PROTOCOL section 4). */
export const FEED_HEARTBEAT_MS = 1000;

/** Messages of the feed a watcher keeps while it asks for what it missed. */
export const WATCH_QUEUE_MAX = 100_000;

/** Pause of a watcher before it asks a service again that did not answer, in milliseconds. */
export const WATCH_RETRY_MS = 500;

/** Snapshots kept for those who load page by page, and for how long, in milliseconds. */
export const SNAPSHOTS_MAX = 16;
export const SNAPSHOT_MS = 60_000;

/** Longest name of a request in UTF-8 bytes. */
export const REQUEST_ID_BYTES_MAX = 128;

/** For how long names of requests are remembered unless configured otherwise, in milliseconds. */
export const REQUEST_ID_MS = 10 * 60_000;

/** Names of requests remembered; beyond that the oldest go early. */
export const REQUEST_IDS_MAX = 100_000;

/** Longest note on a change in UTF-8 bytes. */
export const NOTE_BYTES_MAX = 256;

/** Keys one atomic change may touch; Deno KV takes 1000 mutations in one atomic. */
export const CHANGE_KEYS_MAX = 400;

/** Bytes of the keys and scope names of one atomic change; Deno KV takes 81,920 with its framing. */
export const CHANGE_KEY_BYTES_MAX = 64 * 1024;

/** Updates from the bus that wait for the store before further ones are counted as overflowed. */
export const BUS_QUEUE_MAX = 100_000;

/** Bytes of such updates. */
export const BUS_QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** Scopes the bus counters are kept for separately; what comes on top shares one counter. */
export const BUS_COUNTED_SCOPES_MAX = 10_000;

/** Largest message a socket of ours accepts; libzmq disconnects the peer that sends more. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** Messages taken from one socket before the others get their turn. */
export const MESSAGES_PER_TURN = 128;

/** Time the disk may take for one commit before the watchdog is let go hungry. */
export const COMMIT_MS_MAX = 30_000;

/** Time a shutdown may take before what is left is abandoned. */
export const SHUTDOWN_MS_MAX = 1_500;

/** Time of it that a worker's running requests may take; the rest is for the disk. */
export const WORKER_STOP_MS_MAX = 1_000;

/** Frames in one Majordomo message, envelope included: a request of 1024 JSON frames fits. */
export const MDP_FRAMES_MAX = 2048;

/** Longest Majordomo service name in UTF-8 bytes. */
export const SERVICE_NAME_BYTES_MAX = 255;

/** Longest client address: libzmq's limit for a routing id. */
export const ADDRESS_BYTES_MAX = 255;

/** Lanes of one worker; each takes three of the 1023 sockets libzmq allows (its monitor two). */
export const LANES_MAX = 256;

/** Requests a broker may push onto a busy lane; what comes on top is dropped and counted. */
export const LANE_QUEUE_MAX = 64;

/** Times a lane offers a reply to a socket that says "full" before it gives the broker up. */
export const REPLY_TRIES_MAX = 10;

/** Time a closing Majordomo socket has for its DISCONNECT to leave. */
export const MDP_LINGER_MS = 200;

/** Services the broker remembers only because someone asked for them. */
export const BROKER_UNSERVED_MAX = 4096;

/** Workers registered with the broker, all services together. */
export const BROKER_WORKERS_MAX = 10_000;

/** Requests waiting for one service; a single client may take half of them. */
export const BROKER_SERVICE_QUEUED_MAX = 10_000;

/** Bytes waiting for one service. */
export const BROKER_SERVICE_QUEUED_BYTES_MAX = 64 * 1024 * 1024;

/** Requests waiting overall; those for services without a worker may take half of them. */
export const BROKER_QUEUED_MAX = 50_000;

/** Bytes of all requests the broker knows, those in work and replies being joined included. */
export const BROKER_BYTES_MAX = 256 * 1024 * 1024;

/** Ended conversations the broker remembers so as to say nothing more to them. */
export const BROKER_ENDED_MAX = 4096;

/** Time a request waits for a worker unless configured otherwise. */
export const BROKER_REQUEST_EXPIRY_MS = 60_000;

/** Requests one client has in flight; further ones wait for their turn. */
export const CLIENT_IN_FLIGHT_MAX = 256;

/** Sockets a client keeps for its next requests. */
export const CLIENT_IDLE_SOCKETS_MAX = 64;

/** Messages a bus keeps for each slow subscriber, unless configured otherwise. */
export const BUS_HIGH_WATER_MARK = 100_000;

/** Bytes the command line reads from standard input as one value: what fits a message with its names. */
export const VALUE_BYTES_STDIN_MAX = MESSAGE_BYTES_MAX - 64 * 1024;

/** Earlier values of a key that a scope may keep; the disk has room for 127 of each. */
export const HISTORY_MAX = 100;

/** Earlier values of a key that a scope keeps unless configured otherwise. */
export const HISTORY_DEFAULT = 8;

/** Longest time to live, and longest age of a version, in milliseconds: a hundred years. */
export const SCOPE_MS_MAX = 100 * 366 * 24 * 60 * 60 * 1000;

/** Deleted keys of one scope whose past is kept; beyond that the oldest are forgotten. */
export const DELETED_KEYS_MAX = 10_000;

/** Scopes that may have options of their own. */
export const CONFIGURED_SCOPES_MAX = 10_000;

/** Bytes of one page of `history`; with one more value it is below the largest message. */
export const HISTORY_PAGE_BYTES_MAX = 8 * 1024 * 1024;

/** Replies the broker keeps for one client that reads slowly; as many as it may have requests waiting. */
export const OUTBOX_PEER_MAX = 5_000;

/** Bytes of such replies, of all clients together. */
export const OUTBOX_BYTES_MAX = 64 * 1024 * 1024;

/** Scopes that metrics tell by name; the rest is one more. */
export const METRICS_SCOPES_MAX = 100;

/** Largest body of an HTTP request. */
export const HTTP_BODY_BYTES_MAX = MESSAGE_BYTES_MAX;

/** Time a client may take to send it, in milliseconds. */
export const HTTP_BODY_MS_MAX = 30_000;

/** Streams of changes over HTTP that are open at once. */
export const EVENT_STREAMS_MAX = 64;

/** How often an idle stream of changes says where it is, in milliseconds. */
export const EVENT_HEARTBEAT_MS = 5_000;

/** Time a client may leave a stream of changes unread before it is closed, in milliseconds. */
export const EVENT_STALL_MS_MAX = 60_000;

/** Scopes the page lists. */
export const PAGE_SCOPES_MAX = 1000;

/** Keys whose values the page asks for at once. */
export const PAGE_ROWS_MAX = 500;

/** Bytes of a value that a command of `state watch` gets in its environment; Linux takes 128 KiB a variable. */
export const VALUE_ENVIRONMENT_BYTES_MAX = 64 * 1024;

/** Bytes of audit records that wait for the disk; at 150 a record, some 50,000 changes. */
export const AUDIT_QUEUE_BYTES_MAX = 8 * 1024 * 1024;

/** Requests told in the log each second, where its level is `debug`. */
export const REQUEST_LINES_MAX = 1000;
