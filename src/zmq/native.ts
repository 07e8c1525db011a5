/**
 * The addon's sockets made safe: options set one by one, addresses taken with errors in words.
 *
 * @module
 */

import type * as zmq from "zeromq";
import { messageOf, PlantdError } from "../errors.ts";
import { MESSAGE_BYTES_MAX } from "../limits.ts";

/** Options that {@link prepare} sets; see SocketOptions for what they mean. */
export interface NativeOptions {
  readonly sends: boolean;
  readonly receives: boolean;
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

/** Number of an option that the addon's receiving sockets have no name for (zmq_setsockopt(3)). */
const ZMQ_SNDHWM = 23;

/** A method that the addon's types protect. */
interface OptionSetter {
  setInt32Option(option: number, value: number): void;
}

/** Sets every option by name; each was checked to be accepted by the addon under Deno. */
export function prepare(native: zmq.Socket, options: NativeOptions): void {
  const set = native as unknown as Record<string, unknown>;
  // Zero keeps the addon from uv_poll and uv timers, both of which fail under Deno.
  if (options.sends) set.sendTimeout = 0;
  if (options.receives) set.receiveTimeout = 0;
  set.linger = options.lingerMs ?? 0;
  set.maxMessageSize = options.messageBytesMax ?? MESSAGE_BYTES_MAX;
  set.reconnectInterval = options.reconnectMs ?? RECONNECT_MS;
  set.tcpKeepalive = 1;
  set.tcpKeepaliveIdle = KEEPALIVE.idle;
  set.tcpKeepaliveInterval = KEEPALIVE.interval;
  set.tcpKeepaliveCount = KEEPALIVE.count;
  if (options.sends && options.sendHighWaterMark !== undefined) {
    set.sendHighWaterMark = options.sendHighWaterMark;
  }
  if (options.receives && options.receiveHighWaterMark !== undefined) {
    set.receiveHighWaterMark = options.receiveHighWaterMark;
  }
  // A SUB sends too: its subscriptions, and libzmq drops those over the mark (1000) without a word.
  if (!options.sends) (native as unknown as OptionSetter).setInt32Option(ZMQ_SNDHWM, 0);
  if (options.mandatory) set.mandatory = true;
  if (options.routingId !== undefined) set.routingId = options.routingId;
}

/**
 * Binds and returns the address in force, with the port that `*` stood for.
 *
 * @throws {PlantdError} `endpoint_in_use` when someone else has it, `endpoint_invalid` otherwise.
 */
export async function bindNative(native: zmq.Socket, address: string): Promise<string> {
  try {
    await native.bind(address);
  } catch (error) {
    const inUse = (error as { code?: string }).code === "EADDRINUSE";
    throw new PlantdError(
      inUse ? "endpoint_in_use" : "endpoint_invalid",
      `cannot bind ${address}: ${inUse ? "the address is in use" : messageOf(error)}`,
      { data: { address }, cause: error },
    );
  }
  return native.lastEndpoint ?? address;
}

/**
 * Connects, now or when the peer comes up.
 *
 * @throws {PlantdError} `endpoint_invalid` when the address is not one.
 */
export function connectNative(native: zmq.Socket, address: string): void {
  try {
    native.connect(address);
  } catch (error) {
    throw new PlantdError("endpoint_invalid", `cannot connect to ${address}: ${messageOf(error)}`, {
      data: { address },
      cause: error,
    });
  }
}
