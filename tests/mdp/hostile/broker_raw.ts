/** What comes in over a bare TCP connection, as tables. */

import { bytes } from "../../helpers/async.ts";
import { message, wire } from "../wire.ts";
import { fill } from "./broker_site.ts";
import { concat, encode, greeting, handshake, ready } from "./raw.ts";

/**
 * What is due to a connection: the broker closes it, counts a message as invalid, answers a request, or
 * waits for more.
 */
export type Due = "closed" | "invalid" | "answered" | "nothing";

/** One connection: what it says at once, and what after the handshake, if it gets that far. */
export interface RawCase {
  readonly name: string;
  readonly due: Due;
  readonly first: Uint8Array;
  readonly then?: Uint8Array | undefined;
}

/** A name, what is said at once and what after the handshake. */
type Row = readonly [name: string, first: Uint8Array | string, then?: Uint8Array];

const REQUEST = encode(wire.mdp01.request("mmi.raw", "x"));
const DEALER = handshake();
const ROUTER = handshake({ socketType: "ROUTER" });
const TYPE = concat([11], bytes("Socket-Type"));

/** Socket types and names that have no business with a ROUTER. */
const WRONG_TYPES = ["PUB", "SUB", "XPUB", "XSUB", "PUSH", "PULL", "PAIR", "REP", "STREAM"];
const NO_TYPES = ["", "dealer", "DEALER ", "FOO", "\0"];

/** The beginning of a frame of `flags` with eight bytes of length. */
function announces(flags: number, ...length: number[]): Uint8Array {
  return concat([flags | 2, ...length], bytes("abc"));
}

/** A message of ZMTP 1.0 (RFC 13): the identity, then frames with their length and flags. */
function zmtp1(identity: Uint8Array, ...frames: Uint8Array[]): Uint8Array {
  const parts = frames.flatMap((frame, i) => [
    [frame.length + 1, i < frames.length - 1 ? 1 : 0],
    frame,
  ]);
  return concat([identity.length + 1, 0], identity, ...parts);
}

/** A READY whose metadata is `metadata`, behind a good greeting. */
function metadata(...parts: (Uint8Array | number[])[]): Uint8Array {
  const body = concat([5], bytes("READY"), ...parts);
  return concat(greeting(), [4, body.length], body);
}

function table(due: Due, ...rows: readonly Row[]): RawCase[] {
  return rows.map(([name, first, then]) => ({
    name,
    due,
    first: typeof first === "string" ? bytes(first) : first,
    then,
  }));
}

/** All of them. */
export const RAW_CASES: readonly RawCase[] = [
  ...table(
    "nothing",
    ["nothing", ""],
    ["one byte 0xff", fill(1, 0xff)],
    ["an HTTP request", "GET / HTTP/1.1\r\nHost: plant\r\n\r\n"],
    ["an HTTP request with a large header", `GET / HTTP/1.1\r\nA: ${"a".repeat(5000)}\r\n\r\n`],
    ["TLS", concat([0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3], fill(160, 0x11))],
    ["SSH", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["Redis", "*1\r\n$4\r\nPING\r\n"],
    ["half a greeting", greeting().subarray(0, 11)],
    ["a greeting but for one byte", greeting().subarray(0, 63)],
    ["a greeting and no READY", greeting()],
    ["half a READY", DEALER.subarray(0, 80)],
    ["a handshake but for one byte", DEALER.subarray(0, -1)],
    ["a handshake alone", DEALER],
    ["an ERROR in place of READY", concat(greeting(), [4, 7, 5], bytes("ERROR"), [0])],
    ["half a frame", DEALER, concat([1, 100], fill(50))],
    ["half a message", DEALER, encode(wire.mdp01.request("mmi.raw", "x"), true)],
    ["half a message of 1,000 frames", DEALER, encode(Array(1000).fill(fill(9)), true)],
    ["a frame announcing 16 MiB", DEALER, announces(0, 0, 0, 0, 0, 1, 0, 0, 0)],
    ["a first frame announcing 16 MiB", DEALER, announces(1, 0, 0, 0, 0, 1, 0, 0, 0)],
    ["the identity of ZMTP 1.0 alone", Uint8Array.of(1, 0)],
    ["an identity of ZMTP 1.0 that does not end", concat([0xfe, 0], fill(10))],
  ),
  ...table(
    "closed",
    ["300 bytes of 0xff", fill(300, 0xff)],
    ["300 zeros", fill(300, 0)],
    ["a frame announcing 2^62 bytes", DEALER, announces(0, 0x40, 0, 0, 0, 0, 0, 0, 0)],
    ["a frame announcing 2^63 bytes", DEALER, announces(0, 0x80, 0, 0, 0, 0, 0, 0, 0)],
    ["a frame announcing 2^64 - 1 bytes", DEALER, announces(0, ...Array(8).fill(0xff))],
    ["a frame announcing 2^32 bytes", DEALER, announces(0, 0, 0, 0, 1, 0, 0, 0, 0)],
    ["a frame announcing 16 MiB and a byte", DEALER, announces(0, 0, 0, 0, 0, 1, 0, 0, 1)],
    ["a command announcing 2^62 bytes", DEALER, announces(4, 0x40, 0, 0, 0, 0, 0, 0, 0)],
    ["a READY announcing 2^62 bytes", concat(greeting(), announces(4, 0x40, ...Array(7).fill(0)))],
    ["a frame of ZMTP 1.0 announcing 2^62 bytes", concat([1, 0, 0xff, 0x40], fill(8, 0))],
    ["a mechanism nobody has", handshake({ mechanism: "CURE" })],
    ["the mechanism PLAIN", handshake({ mechanism: "PLAIN" })],
    ["the mechanism CURVE", handshake({ mechanism: "CURVE" })],
    ["a mechanism without a name", handshake({ mechanism: "" })],
    ["a mechanism of 0xff", concat(greeting().fill(0xff, 12, 32), DEALER.subarray(64))],
    ["an empty command in place of READY", concat(greeting(), [4, 0])],
    ["another command in place of READY", concat(greeting(), [4, 6, 5], bytes("HELLO"))],
    ["a message in place of READY", concat(greeting(), REQUEST)],
    ["metadata that ends in a name", metadata([11], bytes("Socket"))],
    ["metadata whose value is longer than it", metadata(TYPE, [0, 0, 1, 0], bytes("DEALER"))],
    ["metadata whose value has 2^31 bytes", metadata(TYPE, [0x80, 0, 0, 0], bytes("DEALER"))],
    ["metadata whose value has 2^32 - 1 bytes", metadata(TYPE, fill(4, 0xff), bytes("DEALER"))],
    ["metadata of 0xff", metadata(fill(100, 0xff))],
    ["metadata with a length cut off", metadata(TYPE, [0, 0])],
    ["a socket type of 200 bytes", handshake({ socketType: "D".repeat(200) })],
    ...WRONG_TYPES.map((socketType): Row => [`a ${socketType}`, handshake({ socketType })]),
    ...NO_TYPES.map((socketType): Row => [
      `a socket of the type ${JSON.stringify(socketType)}`,
      handshake({ socketType }),
    ]),
  ),
  ...table(
    "invalid",
    ["a message of ZMTP 1.0", zmtp1(fill(0), bytes("x"))],
    ["a message of ZMTP 1.0 with an identity", zmtp1(bytes("old"), bytes("x"))],
    ["a message of one byte", DEALER, encode(message("x"))],
    ["a message of one byte from a ROUTER", ROUTER, encode(message("x"))],
    ["a message of 100,000 frames", DEALER, encode(Array(100_000).fill(fill(1)))],
    ["a message of empty frames", DEALER, encode(Array(50).fill(fill(0)))],
  ),
  ...table(
    "answered",
    ["a request of ZMTP 1.0", zmtp1(fill(0), ...wire.mdp01.request("mmi.raw", "x"))],
    ["a request of a DEALER", DEALER, REQUEST],
    ["a request of a ROUTER", ROUTER, REQUEST],
    ["a request of a REQ", handshake({ socketType: "REQ" }), REQUEST],
    ["a request of ZMTP 9", concat(greeting("NULL", 9), DEALER.subarray(64)), REQUEST],
    ["a request of a peer without properties", metadata(), REQUEST],
    ["a request of a peer with properties of zeros", metadata(fill(100, 0)), REQUEST],
    [
      "a request of a peer with two socket types",
      concat(
        greeting(),
        ready([["Socket-Type", bytes("REQ")], ["Socket-Type", bytes("DEALER")]]),
      ),
      REQUEST,
    ],
    [
      "a request of a peer with properties nobody knows",
      concat(
        greeting(),
        ready([["Socket-Type", bytes("DEALER")], ["X-Unknown", fill(10)], ["__proto__", fill(1)]]),
      ),
      REQUEST,
    ],
    [
      "a request behind 1,000 empty messages",
      DEALER,
      concat(...Array(1000).fill(encode([fill(0)])), REQUEST),
    ],
    ["a PING, and a request", DEALER, concat([4, 7, 4], bytes("PING"), [0, 0], REQUEST)],
  ),
];
