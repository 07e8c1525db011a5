/**
 * libzmq 4.3.5, which npm:zeromq carries in its addon, called through the foreign function interface.
 *
 * Why not through the addon: each of its receives and sends makes a promise, a pending receive goes deaf
 * under Deno (denoland/deno#36317), and each of its monitors wakes a thread a hundred times a second.
 *
 * @module
 */

import { addonPath } from "./addon.ts";

/** A socket of libzmq's (zmq_socket(3)). */
export type Handle = NonNullable<Deno.PointerValue>;

/** Options of sockets by number (zmq_setsockopt(3), zmq_getsockopt(3)). */
export const ZMQ = {
  ROUTING_ID: 5,
  SUBSCRIBE: 6,
  UNSUBSCRIBE: 7,
  FD: 14,
  EVENTS: 15,
  LINGER: 17,
  RECONNECT_IVL: 18,
  MAXMSGSIZE: 22,
  SNDHWM: 23,
  RCVHWM: 24,
  LAST_ENDPOINT: 32,
  ROUTER_MANDATORY: 33,
  TCP_KEEPALIVE: 34,
  TCP_KEEPALIVE_CNT: 35,
  TCP_KEEPALIVE_IDLE: 36,
  TCP_KEEPALIVE_INTVL: 37,
} as const;

/** Socket types by name (zmq.h). */
export const ZMQ_TYPES = {
  pair: 0,
  pub: 1,
  sub: 2,
  req: 3,
  dealer: 5,
  router: 6,
  pull: 7,
  push: 8,
  xpub: 9,
  xsub: 10,
} as const;

/** What libzmq and the C library it is linked with are asked for. */
const SYMBOLS = {
  zmq_ctx_new: { parameters: [], result: "pointer" },
  zmq_ctx_term: { parameters: ["pointer"], result: "i32" },
  zmq_socket: { parameters: ["pointer", "i32"], result: "pointer" },
  zmq_close: { parameters: ["pointer"], result: "i32" },
  zmq_bind: { parameters: ["pointer", "buffer"], result: "i32" },
  zmq_connect: { parameters: ["pointer", "buffer"], result: "i32" },
  zmq_setsockopt: { parameters: ["pointer", "i32", "buffer", "usize"], result: "i32" },
  zmq_getsockopt: { parameters: ["pointer", "i32", "buffer", "buffer"], result: "i32" },
  zmq_socket_monitor: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  zmq_msg_init: { parameters: ["buffer"], result: "i32" },
  zmq_msg_close: { parameters: ["buffer"], result: "i32" },
  zmq_msg_recv: { parameters: ["buffer", "pointer", "i32"], result: "i32" },
  zmq_msg_data: { parameters: ["buffer"], result: "pointer" },
  zmq_msg_more: { parameters: ["buffer"], result: "i32" },
  zmq_send: { parameters: ["pointer", "buffer", "usize", "i32"], result: "i32" },
  /** Returns 0 when it is told to end: on a thread of its own. */
  zmq_proxy_steerable: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "i32",
    nonblocking: true,
  },
  zmq_errno: { parameters: [], result: "i32" },
  zmq_strerror: { parameters: ["i32"], result: "pointer" },
  /** Its first argument as a number: memory that does not move, see message.ts. */
  memcpy: { parameters: ["usize", "pointer", "usize"], result: "void" },
  srand: { parameters: ["u32"], result: "void" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
  /** The same on this thread: a look costs a twentieth of a hop to another thread. */
  pollHere: { name: "poll", parameters: ["buffer", "usize", "i32"], result: "i32" },
  pipe: { parameters: ["buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Functions of libzmq and, through it, of the C library. */
export const lib = Deno.dlopen(await addonPath(), SYMBOLS).symbols;

/** Numbers of errors that mean something here (errno(3)). */
export const ERRNO = Deno.build.os === "darwin"
  ? { EINTR: 4, EAGAIN: 35, EADDRINUSE: 48, EHOSTUNREACH: 65 }
  : { EINTR: 4, EAGAIN: 11, EADDRINUSE: 98, EHOSTUNREACH: 113 };

const context = lib.zmq_ctx_new();
const open = new Set<Handle>();
/** Threads of libzmq's proxies, which hold sockets that nobody else may close. */
let proxies = 0;

/** What is still to be sent has its linger time when the program ends. */
globalThis.addEventListener("unload", () => {
  for (const handle of open) lib.zmq_close(handle);
  if (proxies === 0) lib.zmq_ctx_term(context);
});

/** True when the last call was cut short by a signal that came meanwhile, and is to be made again. */
export function interrupted(): boolean {
  return lib.zmq_errno() === ERRNO.EINTR;
}

/**
 * Opens a socket.
 *
 * @throws {Error} When there are as many as libzmq allows.
 */
export function openHandle(type: keyof typeof ZMQ_TYPES): Handle {
  // libzmq counts the identities that a ROUTER makes up from rand(3), and seeds nothing: they would begin
  // at the same number in every process, and whoever claims the next one ends it (see mdp/alias.ts).
  if (type === "router") lib.srand(crypto.getRandomValues(new Uint32Array(1))[0]!);
  const handle = lib.zmq_socket(context, ZMQ_TYPES[type]);
  if (handle === null) throw lastError("cannot open a socket");
  open.add(handle);
  return handle;
}

/** Closes a socket; what is unsent leaves in the background. */
export function closeHandle(handle: Handle): void {
  open.delete(handle);
  lib.zmq_close(handle);
}

/** Pause before a proxy that did not end by command runs on, in milliseconds: so as never to spin. */
const PROXY_PAUSE_MS = 1;

/** Forwards between two sockets until `control` is told TERMINATE, then closes the two. */
export async function runProxy(front: Handle, back: Handle, control: Handle): Promise<void> {
  for (const handle of [front, back]) open.delete(handle);
  proxies += 1;
  try {
    // A signal that its thread gets ends it, with everything still in the sockets.
    while (await lib.zmq_proxy_steerable(front, back, null, control) !== 0) {
      await new Promise((done) => setTimeout(done, PROXY_PAUSE_MS));
    }
  } finally {
    proxies -= 1;
    for (const handle of [front, back]) closeHandle(handle);
  }
}

/** What libzmq said last, as an error with its `errno`. */
export function lastError(what: string): Error & { errno: number } {
  const errno = lib.zmq_errno();
  const reason = Deno.UnsafePointerView.getCString(lib.zmq_strerror(errno)!);
  return Object.assign(new Error(`${what}: ${reason}`), { errno });
}

/** `text` as the C library has it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
