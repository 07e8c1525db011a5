/** What a single DEALER can say wrong to a broker, and what it must hear: tables, made per dialect. */

import { type Dialect, DIALECTS, type Frames } from "../../../src/mdp/frames.ts";
import { bytes } from "../../helpers/async.ts";
import { ADDRESS, partial, wire } from "../wire.ts";
import { fill, GOOD_NAMES, manyFrames, WAITING_NAMES } from "./broker_site.ts";

/** A conversation: all of `says`, then exactly `hears` and nothing more. */
export interface Talk {
  readonly name: string;
  readonly says: readonly Frames[];
  readonly hears: readonly Frames[];
  /** By how much the broker's counters rise; all others of the three stay. */
  readonly counts: { readonly invalid?: number; readonly disconnected?: number };
}

/** Where each dialect has its code, counted from the first frame, in messages to a broker. */
const CODE_AT: Readonly<Record<Dialect, number>> = { mdp01: 2, mdp02: 1, plantd02: 2 };

/** Names no service may have. */
export const BAD_SERVICES: readonly (readonly [what: string, service: Uint8Array])[] = [
  ["an empty service", fill(0)],
  ["a service of 256 bytes", fill(256)],
  ["a service of 100 kB", fill(100_000)],
  ["a service with NUL", bytes("a\0b")],
  ["a service with a line feed", bytes("a\nb")],
  ["a service with an escape", bytes("\x1b[2J")],
  ["a service with DEL", bytes("a\x7f")],
  ["a service with a control character of C1", bytes("a\u0085b")],
  ["a service with a line separator", bytes("a\u2028b")],
  ["a service that is no UTF-8", Uint8Array.of(0x61, 0xff, 0x62)],
  ["a service with an overlong NUL", Uint8Array.of(0x61, 0xc0, 0x80)],
  ["a service with half a surrogate", Uint8Array.of(0x61, 0xed, 0xa0, 0x80)],
];

/** `frames` with the one at `index` replaced. */
function swap(frames: Frames, index: number, frame: Uint8Array): Frames {
  return frames.map((old, i) => (i === index ? frame : old));
}

/** Messages that are no command in any dialect, made from good ones of `dialect`. */
function* invalidMessages(dialect: Dialect): Generator<readonly [name: string, frames: Frames]> {
  const table = wire[dialect];
  const codeAt = CODE_AT[dialect];
  const commands = {
    request: table.request("good", "body"),
    READY: table.ready("good"),
    REPLY: table.final(ADDRESS, "body"),
    HEARTBEAT: table.beat(),
    DISCONNECT: table.bye(),
    ...(dialect === "mdp02" ? { PARTIAL: partial.fromWorker(ADDRESS, "body") } : {}),
  };
  for (const [what, frames] of Object.entries(commands)) {
    for (let count = 1; count < frames.length; count += 1) {
      yield [`${what} cut off after ${count} of ${frames.length} frames`, frames.slice(0, count)];
    }
    yield [`${what} behind two empty frames`, [fill(0), fill(0), ...frames]];
    yield [`${what} behind a space`, [bytes(" "), ...frames]];
    const headerAt = frames[0]!.length === 0 ? 1 : 0;
    const header = frames[headerAt]!;
    yield [`${what} of version 03`, swap(frames, headerAt, header.with(5, 0x33))];
    yield [
      `${what} with NUL behind its header`,
      swap(frames, headerAt, Uint8Array.of(...header, 0)),
    ];
    yield [`${what} with a header of 1 MB`, swap(frames, headerAt, fill(1_000_000))];
    // mdp01's requests have no code. What has an empty frame first is plantd02 without it, and back.
    if (what === "request" && dialect === "mdp01") continue;
    for (const code of badCodes(dialect, what === "request")) {
      yield [`${what} with the code ${JSON.stringify([...code])}`, swap(frames, codeAt, code)];
    }
  }
  for (const what of ["READY", "HEARTBEAT", "DISCONNECT"] as const) {
    yield [`${what} with a frame too many`, [...commands[what]!, bytes("x")]];
    yield [`${what} with a thousand frames too many`, [...commands[what]!, ...manyFrames(1000)]];
  }
  yield dialect === "mdp02"
    ? ["a request with an empty frame first", [fill(0), ...commands.request]]
    : ["a request without the empty frame", commands.request.slice(1)];
  for (const [what, service] of BAD_SERVICES) {
    yield [`a request for ${what}`, table.request(service as never, "body")];
    yield [`READY for ${what}`, table.ready(service as never)];
  }
  yield ["REPLY to an address of 0 bytes", table.final("", "body")];
  yield ["REPLY to an address of 256 bytes", table.final(fill(256), "body")];
  yield ["REPLY to an address of 1 MB", table.final(fill(1_000_000), "body")];
  if (dialect !== "plantd02") {
    yield [
      "REPLY to two addresses",
      swap(table.final(ADDRESS, "body"), codeAt + 2, bytes("second")),
    ];
  }
  const envelope = table.request("good").length;
  yield ["a request of 2,049 frames", table.request("good", ...manyFrames(2049 - envelope))];
  yield ["a request of 20,000 frames", table.request("good", ...manyFrames(20_000))];
  yield ["REPLY of 3,000 frames", table.final(ADDRESS, ...manyFrames(3000))];
  yield ["a REQUEST, which is the broker's to send", [
    ...(table.toWorker(ADDRESS, "body")[0]!.length === 0 ? [] : [fill(0)]),
    ...table.toWorker(ADDRESS, "body"),
  ]];
}

/** Codes that `dialect` does not have where a worker, or a client, puts one. */
function badCodes(dialect: Dialect, client: boolean): Uint8Array[] {
  if (dialect === "plantd02") {
    const words = [
      "",
      "\x01",
      "ready",
      "READ",
      "READY ",
      "FINALFINALFINAL",
      "PARTIAL",
      "__proto__",
    ];
    return [...words.map(bytes), ...client ? [bytes("FINAL")] : [bytes("REQUEST")]];
  }
  const codes = [[], [0], [7], [0xff], [1, 1], [0, 1], [0x31], [...bytes("READY")]];
  return [...codes, client ? [3] : [2]].map((code) => Uint8Array.from(code));
}

/** B9: dropped in silence and counted, whatever they nearly were. */
export function invalidTalks(dialect: Dialect): Talk[] {
  return [...invalidMessages(dialect)].map(([name, frames]) => ({
    name,
    says: [frames],
    hears: [],
    counts: { invalid: 1 },
  }));
}

/** B7, B8: valid at the wrong time, which costs a worker its conversation. */
export function wrongTimeTalks(dialect: Dialect): Talk[] {
  const table = wire[dialect];
  const { ready, final, beat, bye } = table;
  const gone = table.byeToWorker();
  const others = DIALECTS.filter((other) => other !== dialect);
  const all = [beat(), final(ADDRESS, "x"), beat()];
  const expelled = (name: string, ...says: Frames[]): Talk => ({
    name,
    says,
    hears: [gone],
    counts: { disconnected: 1 },
  });
  const ignored = (name: string, ...says: Frames[]): Talk => ({
    name,
    says,
    hears: [],
    counts: {},
  });
  return [
    expelled("HEARTBEAT before READY", beat()),
    expelled("REPLY before READY", final(ADDRESS, "x")),
    expelled("500 HEARTBEATs before READY", ...Array(500).fill(beat())),
    expelled("HEARTBEAT before READY, and then much more", beat(), ...all),
    expelled("a second READY", ready("s-second"), ready("s-second")),
    expelled("a second READY for another service", ready("s-second"), ready("s-other")),
    expelled("a second READY, and then much more", ready("s-second"), ready("s-second"), ...all),
    expelled("REPLY nobody asked for", ready("s-unasked"), final(ADDRESS, "x")),
    expelled("REPLY of an empty frame nobody asked for", ready("s-unasked"), final(ADDRESS, "")),
    expelled("REPLY to an address of 1 byte", ready("s-unasked"), final(fill(1, 0), "x")),
    expelled("REPLY to an address of 255 bytes", ready("s-unasked"), final(fill(255), "x")),
    expelled("REPLY of 2 MB nobody asked for", ready("s-unasked"), final(ADDRESS, fill(2_000_000))),
    expelled("READY for mmi.service", ready("mmi.service")),
    expelled("READY for a service of its own under mmi", ready("mmi.s")),
    expelled("READY for mmi, and then much more", ready("mmi.s"), ...all),
    ...[...GOOD_NAMES, ...WAITING_NAMES].flatMap((name) => [
      expelled(`REPLY to ${name} before READY`, final(name, "spoofed")),
      expelled(`REPLY to ${name}, which did not ask`, ready("s-spoof"), final(name, "spoofed")),
    ]),
    ...others.flatMap((other) => [
      expelled(`HEARTBEAT of ${other} in the conversation`, ready("s-switch"), wire[other].beat()),
      expelled(`READY of ${other} in the conversation`, ready("s-switch"), wire[other].ready("s")),
      expelled(
        `REPLY of ${other} in the conversation`,
        ready("s-switch"),
        wire[other].final(ADDRESS, "x"),
      ),
      ignored(
        `DISCONNECT of ${other} in the conversation, then HEARTBEAT`,
        ready("s-switch"),
        wire[other].bye(),
        beat(),
      ),
    ]),
    ignored("DISCONNECT of a stranger", bye()),
    ignored("DISCONNECT, and then much more", ready("s-bye"), bye(), ...all),
    ignored("500 DISCONNECTs", ...Array(500).fill(bye())),
    ignored("READY and DISCONNECT in turn", ...Array(100).fill([ready("s-turn"), bye()]).flat()),
    {
      name: "READY anew after it was expelled, twice over",
      says: [ready("s-a"), ready("s-a"), ready("s-a"), ready("s-a")],
      hears: [gone, gone],
      counts: { disconnected: 2 },
    },
    {
      name: "READY after mmi was refused, and a request for itself",
      says: [ready("mmi.s"), ready("s-after-mmi"), bye()],
      hears: [gone],
      counts: { disconnected: 1 },
    },
    ...(dialect === "mdp02"
      ? [
        expelled("PARTIAL before READY", partial.fromWorker(ADDRESS, "x")),
        expelled("PARTIAL nobody asked for", ready("s"), partial.fromWorker(ADDRESS, "x")),
        expelled("PARTIAL to a good client", ready("s"), partial.fromWorker("good-mdp02", "x")),
      ]
      : []),
  ];
}

/** Requests that are odd and all the same to be answered; the broker's own services see to it. */
export function oddTalks(dialect: Dialect): Talk[] {
  const { request, reply } = wire[dialect];
  const answered = (name: string, says: Frames, hears: Frames): Talk => ({
    name,
    says: [says],
    hears: [hears],
    counts: {},
  });
  const mmi = (name: string, ...body: (string | Uint8Array)[]) =>
    answered(name, request("mmi.service", ...body), reply("mmi.service", "404"));
  const itself = (name: string, error: string, ...body: (string | Uint8Array)[]) =>
    answered(
      name,
      request("org.plantd.Broker", ...body),
      reply("org.plantd.Broker", JSON.stringify({ error })),
    );
  const needs = `service needs a frame of JSON like {"service":"org.plantd.State"}`;
  const knows = "the operation must be services or service";
  return [
    mmi("mmi.service with an empty frame", ""),
    mmi("mmi.service with 256 bytes", fill(256)),
    mmi("mmi.service with what is no UTF-8", fill(3, 0xff)),
    mmi("mmi.service with 1 MB", fill(1_000_000)),
    mmi("mmi.service with 2,000 frames", ...manyFrames(2000)),
    mmi("mmi.service about mmi.service", "mmi.service"),
    mmi("mmi.service about __proto__", "__proto__"),
    ...["mmi.", "mmi.x", "mmi.__proto__", "mmi.service.more"].map((name) =>
      answered(`a request for ${name}`, request(name, ""), reply(name, "501"))
    ),
    itself("the broker without an operation", knows, ""),
    itself("the broker with an operation of 1 MB", knows, fill(1_000_000)),
    itself("the broker's service without JSON", needs, "service"),
    itself("the broker's service with an array", needs, "service", "[]"),
    itself("the broker's service with null", needs, "service", "null"),
    itself("the broker's service with half of JSON", needs, "service", `{"service":`),
    itself("the broker's service with what is no UTF-8", needs, "service", fill(3, 0xff)),
    itself("the broker's service with 1 MB of brackets", needs, "service", fill(1_000_000, 0x5b)),
    itself(
      "the broker's service about __proto__",
      "no worker has registered the service __proto__",
      "service",
      `{"service":"__proto__"}`,
    ),
  ];
}
