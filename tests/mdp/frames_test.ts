import assert from "node:assert/strict";
import fc from "fast-check";
import { MDP_FRAMES_MAX } from "../../src/limits.ts";
import {
  decodeAtBroker,
  decodeAtClient,
  decodeAtWorker,
  type Dialect,
  DIALECTS,
  encodeToBroker,
  encodeToClient,
  encodeToWorker,
  type Frames,
  type ToBroker,
  type ToClient,
  type ToWorker,
} from "../../src/mdp/frames.ts";
import { isServiceName, latin1 } from "../../src/mdp/names.ts";
import { bytes } from "../helpers/async.ts";
import { ADDRESS, message, partial, show, wire } from "./wire.ts";

/** Objects with the usual prototype, so that they can be compared with what decoding makes. */
const record: typeof fc.record = (model: object, constraints = {}) =>
  fc.record(model as never, { noNullPrototype: true, ...constraints } as never);

const service = fc.oneof(
  fc.constantFrom("org.plantd.State", "a", "x".repeat(255), "Füllstand", "mmi.service", " "),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter(isServiceName),
);
const body = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 5 });
const client = fc.uint8Array({ minLength: 1, maxLength: 255 });
const dialect = fc.constantFrom(...DIALECTS);

const toBroker: fc.Arbitrary<ToBroker> = fc.oneof(
  record({ kind: fc.constant("request" as const), dialect, service, body }),
  record({ kind: fc.constant("ready" as const), dialect, service }),
  record({
    kind: fc.constant("partial" as const),
    dialect: fc.constant("mdp02" as const),
    client,
    body,
  }),
  record({ kind: fc.constant("final" as const), dialect, client, body }),
  record({ kind: fc.constantFrom("heartbeat" as const, "disconnect" as const), dialect }),
);
const toWorker: fc.Arbitrary<ToWorker> = fc.oneof(
  record({ kind: fc.constant("request" as const), dialect, client, body }),
  record({ kind: fc.constantFrom("heartbeat" as const, "disconnect" as const), dialect }),
);
const toClient: fc.Arbitrary<ToClient> = fc.oneof(
  record({ kind: fc.constant("final" as const), dialect, service, body }),
  record({
    kind: fc.constant("partial" as const),
    dialect: fc.constant("mdp02" as const),
    service,
    body,
  }),
);

/** Frames that are nearly Majordomo: pieces of it in any order, and noise. */
const nearly: fc.Arbitrary<Frames> = fc.array(
  fc.oneof(
    fc.constantFrom(
      ...message("", "MDPC01", "MDPC02", "MDPW01", "MDPW02", "MDPX01", "MDPC03", "MDPC0"),
      ...message("READY", "REQUEST", "FINAL", "HEARTBEAT", "DISCONNECT", "__proto__", "PARTIAL"),
      ...message(0, 1, 2, 3, 4, 5, 6, 7, 255, "org.plantd.State", ADDRESS),
    ),
    fc.uint8Array({ maxLength: 300 }),
  ),
  { maxLength: 9 },
);

Deno.test("frames - decoding is total: whatever comes in gives a command or a reason", () => {
  fc.assert(
    fc.property(nearly, dialect, (frames, dialect) => {
      for (
        const decoded of [
          decodeAtBroker(frames),
          decodeAtWorker(frames, dialect),
          decodeAtClient(frames, dialect),
        ]
      ) {
        assert.ok(decoded.kind === "invalid" ? decoded.reason : decoded.dialect);
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("frames - what was encoded for a broker decodes to the same command", () => {
  fc.assert(fc.property(toBroker, (command) => {
    assert.deepEqual(decodeAtBroker(encodeToBroker(command)), command);
  }));
});

Deno.test("frames - what was encoded for a worker decodes to the same command", () => {
  fc.assert(fc.property(toWorker, (command) => {
    assert.deepEqual(decodeAtWorker(encodeToWorker(command), command.dialect), command);
  }));
});

Deno.test("frames - what was encoded for a client decodes to the same command", () => {
  fc.assert(fc.property(toClient, (command) => {
    assert.deepEqual(decodeAtClient(encodeToClient(command), command.dialect), command);
  }));
});

Deno.test("frames - no byte sequence is two commands", () => {
  // What a broker reads one way is written that way only: encoding it again gives the same bytes.
  fc.assert(
    fc.property(nearly, (frames) => {
      const command = decodeAtBroker(frames);
      if (command.kind !== "invalid") assert.deepEqual(show(encodeToBroker(command)), show(frames));
    }),
    { numRuns: 3000 },
  );
  fc.assert(fc.property(toBroker, toBroker, (a, b) => {
    const same = show(encodeToBroker(a)).join() === show(encodeToBroker(b)).join();
    assert.equal(same, JSON.stringify(a) === JSON.stringify(b));
  }));
});

Deno.test("frames - no message for a worker is a command in two dialects", () => {
  fc.assert(
    fc.property(fc.oneof(nearly, toWorker.map((c) => encodeToWorker(c) as Frames)), (frames) => {
      const read = DIALECTS.filter((d) => decodeAtWorker(frames, d).kind !== "invalid");
      assert.ok(read.length <= 1, `${show(frames)} is a command of ${read}`);
    }),
    { numRuns: 2000 },
  );
});

for (const dialect of DIALECTS) {
  const table = wire[dialect];
  Deno.test(`frames - ${dialect} is on the wire what PROTOCOL's table says`, () => {
    const s = "org.plantd.State";
    const body = message("get", "{}");
    const [request, reply] = [table.request(s, ...body), table.reply(s, ...body)];
    const final = { kind: "final", dialect, client: ADDRESS, body } as const;
    const cases: [Uint8Array[], Frames][] = [
      [encodeToBroker({ kind: "request", dialect, service: s, body }), request],
      [encodeToClient({ kind: "final", dialect, service: s, body }), reply],
      [encodeToBroker({ kind: "ready", dialect, service: s }), table.ready(s)],
      [
        encodeToWorker({ kind: "request", dialect, client: ADDRESS, body }),
        table.toWorker(ADDRESS, ...body),
      ],
      [encodeToBroker(final), table.final(ADDRESS, ...body)],
      [encodeToBroker({ kind: "heartbeat", dialect }), table.beat()],
      [encodeToWorker({ kind: "heartbeat", dialect }), table.beatToWorker()],
      [encodeToBroker({ kind: "disconnect", dialect }), table.bye()],
      [encodeToWorker({ kind: "disconnect", dialect }), table.byeToWorker()],
    ];
    for (const [encoded, expected] of cases) assert.deepEqual(show(encoded), show(expected));
  });
}

Deno.test("frames - mdp02's partial replies are on the wire what PROTOCOL's table says", () => {
  const body = message("a");
  const dialect = "mdp02";
  assert.deepEqual(
    show(encodeToBroker({ kind: "partial", dialect, client: ADDRESS, body })),
    show(partial.fromWorker(ADDRESS, "a")),
  );
  assert.deepEqual(
    show(encodeToClient({ kind: "partial", dialect, service: "s", body })),
    show(partial.toClient("s", "a")),
  );
});

Deno.test("frames - four and five mean what their dialect says", () => {
  const kinds = (version: "MDPW01" | "MDPW02", code: number) => {
    const dialect: Dialect = version === "MDPW01" ? "mdp01" : "mdp02";
    const head = dialect === "mdp01" ? [""] : [];
    return decodeAtWorker(message(...head, version, code), dialect).kind;
  };
  assert.equal(kinds("MDPW01", 4), "heartbeat");
  assert.equal(kinds("MDPW01", 5), "disconnect");
  assert.equal(kinds("MDPW02", 5), "heartbeat");
  assert.equal(kinds("MDPW02", 6), "disconnect");
});

Deno.test("frames - a body without frames gets one that is empty, in every dialect", () => {
  for (const dialect of DIALECTS) {
    const none: Frames = [];
    const final = encodeToBroker({ kind: "final", dialect, client: ADDRESS, body: none });
    const decoded = decodeAtBroker(final);
    assert.ok(decoded.kind === "final");
    assert.deepEqual(show(decoded.body), [""]);
  }
});

Deno.test("B9 - messages that are no command are known by their reason", () => {
  const cases: [string, Frames][] = [
    ["no_header", []],
    ["no_header", message("")],
    ["unknown_header", message("x")],
    ["unknown_header", message("", "", "MDPC01", "s", "b")],
    ["unknown_header", message("MDPC01", "s", "b")],
    ["unknown_header", message("", "MDPC03", "s", "b")],
    ["unknown_header", message("", "mdpc01", "s", "b")],
    ["wrong_frame_count", message("", "MDPC01")],
    ["wrong_frame_count", message("", "MDPC01", "s")],
    ["bad_service", message("", "MDPC01", "", "b")],
    ["bad_service", message("", "MDPC01", "x".repeat(256), "b")],
    ["bad_service", message("", "MDPC01", "a\nb", "b")],
    ["bad_service", message("", "MDPC01", Uint8Array.of(0xff, 0xfe), "b")],
    ["bad_service", message("", "MDPC01", "\u0085", "b")],
    ["unknown_command", message("", "MDPC02", 1, "s", "b")],
    ["unknown_command", message("MDPC02", "REQUEST", "s", "b")],
    ["unknown_command", message("MDPC02", 2, "s", "b")],
    ["unknown_command", message("", "MDPW01")],
    ["unknown_command", message("", "MDPW01", 0)],
    ["unknown_command", message("", "MDPW01", 2, ADDRESS, "", "b")],
    ["unknown_command", message("", "MDPW01", 6)],
    ["unknown_command", message("", "MDPW01", Uint8Array.of(4, 0))],
    ["unknown_command", message("", "MDPW02", "PARTIAL", ADDRESS, "b")],
    ["unknown_command", message("", "MDPW02", "__proto__")],
    ["wrong_frame_count", message("", "MDPW01", 1)],
    ["wrong_frame_count", message("", "MDPW01", 1, "s", "more")],
    ["wrong_frame_count", message("", "MDPW01", 4, "more")],
    ["wrong_frame_count", message("", "MDPW01", 3, ADDRESS, "")],
    ["bad_address", message("", "MDPW01", 3, "", "", "b")],
    ["bad_address", message("", "MDPW01", 3, "x".repeat(256), "", "b")],
    ["no_delimiter", message("", "MDPW01", 3, ADDRESS, ADDRESS, "b")],
    ["no_delimiter", message("MDPW02", 4, ADDRESS, "x", "b")],
    ["too_many_frames", Array.from({ length: MDP_FRAMES_MAX + 1 }, () => bytes(""))],
  ];
  for (const [reason, frames] of cases) {
    const decoded = decodeAtBroker(frames);
    assert.deepEqual(decoded, { kind: "invalid", reason }, show(frames).join(" | "));
  }
});

Deno.test("frames - a client's address of 255 bytes is as good as one of five", () => {
  const long = new Uint8Array(255).fill(0xff);
  const decoded = decodeAtWorker(wire.mdp01.toWorker(long, "b"), "mdp01");
  assert.ok(decoded.kind === "request");
  assert.deepEqual(decoded.client, long);
});

Deno.test("names - a name is text that comes back as it was", () => {
  for (const name of ["a", "org.plantd.State", "with space", "Füllstand", "\ufeffbom", "日本"]) {
    assert.ok(isServiceName(name), name);
  }
  const bad = [
    "",
    "a\0",
    "a\u007f",
    "\u0085",
    "\u2028",
    "\ud800",
    "x".repeat(256),
    "ü".repeat(128),
  ];
  for (const name of bad) assert.ok(!isServiceName(name), JSON.stringify(name));
});

Deno.test("names - addresses that differ have keys that differ", () => {
  fc.assert(fc.property(client, client, (a, b) => {
    assert.equal(latin1(a) === latin1(b), show([a])[0] === show([b])[0]);
    assert.deepEqual(Uint8Array.from(latin1(a), (c) => c.charCodeAt(0)), Uint8Array.from(a));
  }));
});
