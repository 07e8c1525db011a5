/**
 * Sockets of libzmq with their options set, and addresses taken with errors in words.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import {
  closeHandle,
  cString,
  ERRNO,
  type Handle,
  interrupted,
  lastError,
  lib,
  openHandle,
  ZMQ,
  type ZMQ_TYPES,
} from "./libzmq.ts";

/** Options that {@link openNative} sets; see SocketOptions for what they mean. */
export interface NativeOptions {
  readonly sendHighWaterMark?: number | undefined;
  readonly receiveHighWaterMark?: number | undefined;
  readonly messageBytesMax?: number | undefined;
  readonly lingerMs?: number | undefined;
  readonly reconnectMs?: number | undefined;
  readonly mandatory?: boolean | undefined;
  readonly routingId?: string | undefined;
}

/**
 * TCP keep-alive in seconds and counts: a bus whose host lost power is noticed after about 25 s, where
 * a SUB, which never sends, would wait for ever.
 */
const KEEPALIVE = { idle: 10, interval: 5, count: 3 } as const;

/** Pause before the first reconnect unless the options say otherwise, in milliseconds. */
const RECONNECT_MS = 100;

/** Longest address of a socket that libzmq tells, with its NUL. */
const ADDRESS_BYTES = 1024;

/**
 * Opens a socket of libzmq's with its options set.
 *
 * @throws {Error} When an option has a value that libzmq does not take, or there are too many sockets.
 */
export function openNative(kind: keyof typeof ZMQ_TYPES, options: NativeOptions): Handle {
  const handle = openHandle(kind);
  try {
    for (const [option, value] of optionsOf(kind, options)) setOption(handle, option, value);
  } catch (error) {
    closeHandle(handle);
    throw error;
  }
  return handle;
}

function* optionsOf(
  kind: keyof typeof ZMQ_TYPES,
  options: NativeOptions,
): Generator<[number, number | bigint | Uint8Array<ArrayBuffer>]> {
  yield [ZMQ.LINGER, options.lingerMs ?? 0];
  yield [ZMQ.MAXMSGSIZE, BigInt(options.messageBytesMax ?? MESSAGE_BYTES_MAX)];
  yield [ZMQ.RECONNECT_IVL, options.reconnectMs ?? RECONNECT_MS];
  yield [ZMQ.TCP_KEEPALIVE, 1];
  yield [ZMQ.TCP_KEEPALIVE_IDLE, KEEPALIVE.idle];
  yield [ZMQ.TCP_KEEPALIVE_INTVL, KEEPALIVE.interval];
  yield [ZMQ.TCP_KEEPALIVE_CNT, KEEPALIVE.count];
  // A SUB sends too: its subscriptions, and libzmq drops those over the mark (1000) without a word.
  const sendMark = kind === "sub" ? 0 : options.sendHighWaterMark;
  if (sendMark !== undefined) yield [ZMQ.SNDHWM, sendMark];
  if (options.receiveHighWaterMark !== undefined) yield [ZMQ.RCVHWM, options.receiveHighWaterMark];
  if (options.mandatory) yield [ZMQ.ROUTER_MANDATORY, 1];
  if (options.routingId !== undefined) {
    yield [ZMQ.ROUTING_ID, new TextEncoder().encode(options.routingId)];
  }
}

/**
 * Sets an option: an `int`, an `int64_t` or bytes.
 *
 * @throws {Error} What libzmq said.
 */
export function setOption(
  handle: Handle,
  option: number,
  value: number | bigint | Uint8Array<ArrayBuffer>,
): void {
  const bytes = typeof value === "number"
    ? Int32Array.of(value)
    : typeof value === "bigint"
    ? BigInt64Array.of(value)
    : value;
  if (lib.zmq_setsockopt(handle, option, bytes, BigInt(bytes.byteLength)) !== 0) {
    throw lastError(`cannot set option ${option} of a socket`);
  }
}

const int = new Int32Array(1);
const INT_BYTES = BigInt(int.byteLength);
const intLength = new BigUint64Array(1);

/** The value of an option that is an `int`. */
export function intOption(handle: Handle, option: number): number {
  intLength[0] = INT_BYTES;
  while (lib.zmq_getsockopt(handle, option, int, intLength) < 0) {
    if (!interrupted()) throw lastError(`cannot get option ${option} of a socket`);
  }
  return int[0]!;
}

/**
 * Binds and returns the address in force, with the port that `*` stood for.
 *
 * @throws {PlantdError} `endpoint_in_use` when someone else has it, `endpoint_invalid` otherwise.
 */
export function bindNative(handle: Handle, address: string): string {
  if (lib.zmq_bind(handle, cString(address)) !== 0) {
    const cause = lastError(`cannot bind ${address}`);
    const inUse = cause.errno === ERRNO.EADDRINUSE;
    throw new PlantdError(
      inUse ? "endpoint_in_use" : "endpoint_invalid",
      inUse ? `cannot bind ${address}: the address is in use` : cause.message,
      { data: { address }, cause },
    );
  }
  const bound = new Uint8Array(ADDRESS_BYTES);
  const length = BigUint64Array.of(BigInt(bound.length));
  lib.zmq_getsockopt(handle, ZMQ.LAST_ENDPOINT, bound, length);
  return new TextDecoder().decode(bound.subarray(0, Number(length[0]) - 1));
}

/**
 * Connects, now or when the peer comes up.
 *
 * @throws {PlantdError} `endpoint_invalid` when the address is not one.
 */
export function connectNative(handle: Handle, address: string): void {
  if (lib.zmq_connect(handle, cString(address)) === 0) return;
  const cause = lastError(`cannot connect to ${address}`);
  throw new PlantdError("endpoint_invalid", cause.message, { data: { address }, cause });
}
