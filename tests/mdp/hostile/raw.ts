/**
 * ZMTP 3.0 by hand over bare TCP (rfc.zeromq.org/spec/23): what no libzmq peer can be made to send.
 */

import type { Frames } from "../../../src/mdp/frames.ts";
import { bytes, Inbox, text, until } from "../../helpers/async.ts";

/** Flags of a frame (RFC 23, "Framing"). */
const MORE = 1;
const LONG = 2;
const COMMAND = 4;

/** Bytes of a greeting (RFC 23, "Greeting"). */
const GREETING_BYTES = 64;

/** Characters kept of what came in: a greeting, READY and a short reply. */
const HEARD_MAX = 4096;

/** How to shake hands; by default as a DEALER without an identity would. */
export interface Handshake {
  readonly socketType?: string;
  readonly identity?: Uint8Array;
  readonly mechanism?: string;
}

/** Bytes and numbers in a row. */
export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** One message, encoded; with `more` it does not end. */
export function encode(frames: Frames, more = false): Uint8Array {
  return concat(
    ...frames.map((body, i) => frame(body, more || i < frames.length - 1 ? MORE : 0)),
  );
}

/** The greeting alone. */
export function greeting(mechanism = "NULL", major = 3): Uint8Array {
  const whole = new Uint8Array(GREETING_BYTES);
  whole.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, major, 0, ...bytes(mechanism).slice(0, 20)]);
  return whole;
}

/** The command READY with these properties. */
export function ready(properties: readonly (readonly [name: string, value: Uint8Array])[]) {
  const metadata = properties.map(([name, value]) =>
    concat([name.length], bytes(name), uint32(value.length), value)
  );
  return frame(concat([5], bytes("READY"), ...metadata), COMMAND);
}

/** A whole handshake. */
export function handshake({ socketType = "DEALER", identity, mechanism }: Handshake = {}) {
  const properties: [string, Uint8Array][] = [["Socket-Type", bytes(socketType)]];
  if (identity) properties.push(["Identity", identity]);
  return concat(greeting(mechanism), ready(properties));
}

/** A TCP connection that says what it is told, and may read. */
export class RawConnection implements AsyncDisposable {
  readonly #connection: Deno.TcpConn;
  readonly #reading: Promise<void>;
  /** Messages that came in. */
  readonly inbox = new Inbox<Frames>();
  /** The first of all bytes that came in, as text. */
  heard = "";
  #ended = false;
  #deaf = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#reading = this.#read();
  }

  /** Connects and says `first`. */
  static async open(port: number, first: Uint8Array): Promise<RawConnection> {
    const raw = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port }));
    await raw.write(first);
    return raw;
  }

  /** Connects and shakes hands. */
  static async dealer(port: number, options: Handshake = {}): Promise<RawConnection> {
    const raw = await RawConnection.open(port, handshake(options));
    await raw.untilReady();
    return raw;
  }

  /** Resolves when the other side has shaken hands; before that it takes no message (RFC 23, "NULL"). */
  async untilReady(): Promise<void> {
    await until("a READY", () => this.heard.includes("READY"));
  }

  /** Reads no more after what comes next. */
  deafen(): void {
    this.#deaf = true;
  }

  /** True once the other side has closed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Writes all of `data`, or what the other side takes before it closes. */
  async write(data: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < data.length;) at += await this.#connection.write(data.subarray(at));
    } catch {
      this.#ended = true;
    }
  }

  async say(frames: Frames): Promise<void> {
    await this.write(encode(frames));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    const part = new Uint8Array(65_536);
    let rest = new Uint8Array(0);
    let skip = GREETING_BYTES;
    let message: Uint8Array[] = [];
    try {
      while (!this.#deaf) {
        const count = await this.#connection.read(part);
        if (count === null) break;
        if (this.heard.length < HEARD_MAX) this.heard += text(part.subarray(0, count));
        rest = concat(rest, part.subarray(0, count)) as Uint8Array<ArrayBuffer>;
        if (rest.length < skip) continue;
        rest = rest.subarray(skip);
        skip = 0;
        for (let found = takeFrame(rest); found; found = takeFrame(rest)) {
          rest = rest.subarray(found.end);
          if (found.flags & COMMAND) continue;
          message.push(found.body.slice());
          if (found.flags & MORE) continue;
          this.inbox.put(message);
          message = [];
        }
      }
    } catch {
      // Reset by the other side, or closed by ours.
    }
    this.#ended = !this.#deaf;
  }
}

function frame(body: Uint8Array, flags: number): Uint8Array {
  return body.length < 256
    ? concat([flags, body.length], body)
    : concat([flags | LONG, 0, 0, 0, 0], uint32(body.length), body);
}

function takeFrame(data: Uint8Array): { flags: number; body: Uint8Array; end: number } | undefined {
  const [flags] = data;
  if (flags === undefined) return undefined;
  const head = flags & LONG ? 9 : 2;
  if (data.length < head) return undefined;
  const view = new DataView(data.buffer, data.byteOffset);
  const end = head + (flags & LONG ? view.getUint32(5) : data[1]!);
  return data.length < end ? undefined : { flags, body: data.subarray(head, end), end };
}

function uint32(value: number): Uint8Array {
  const whole = new Uint8Array(4);
  new DataView(whole.buffer).setUint32(0, value);
  return whole;
}
