import assert from "node:assert/strict";
import fc from "fast-check";
import { openEnvelope } from "../../src/bus/envelope.ts";
import { BUS_COUNTED_SCOPES_MAX } from "../../src/limits.ts";
import { SCOPE_DEFAULTS } from "../../src/store/durable_store.ts";
import { Ingest, type IngestOptions, OTHER_SCOPES } from "../../src/state/ingest.ts";
import type { Change, Store } from "../../src/state/store.ts";
import type { UpdateCounts } from "../../src/state/update_counts.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { bytes, until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";
import {
  DISK_FULL,
  type FaultyDisk,
  faultyStore,
  type Frame,
  frameBytes,
  memoryDisk,
  VALUE_BYTES_MAX,
} from "./helpers.ts";

interface Setup extends AsyncDisposable {
  readonly store: Store;
  readonly disk: FaultyDisk;
  readonly ingest: Ingest;
  readonly rejections: [scope: string, reason: string, sentence: string][];
  /** Takes one update and waits until nothing is under way. */
  readonly take: (scope: string | undefined, body: Frame) => Promise<void>;
  /** The value of a key in scope `a`, undefined where there is none. */
  readonly value: (key: string) => string | undefined;
}

/** An ingest on a store in memory that has the scope `a`. */
async function setup(
  { createScopes: busCreate = false, history = 8, ...options }:
    & Partial<IngestOptions>
    & { readonly createScopes?: boolean; readonly history?: number } = {},
): Promise<Setup> {
  const { store, disk } = faultyStore(memoryDisk(), { ...SCOPE_DEFAULTS, busCreate, history });
  await store.commit({ mutations: [{ kind: "create-scope", scope: "a" }], source: "test" });
  const rejections: Setup["rejections"] = [];
  const ingest = new Ingest({
    store,
    valueBytesMax: VALUE_BYTES_MAX,
    queueMax: 1000,
    defaultScope: undefined,
    coalesce: true,
    onRejected: (...rejection) => {
      rejections.push(rejection);
      assertBalanced(ingest);
    },
    ...options,
  });
  return {
    store,
    disk,
    ingest,
    rejections,
    take: async (scope, body) => {
      ingest.take(scope, frameBytes(body));
      assertBalanced(ingest);
      await settled(ingest);
      assertBalanced(ingest);
    },
    value: (key) => store.get("a", key)?.value,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function settled(ingest: Ingest): Promise<void> {
  return until("no update is under way", () => ingest.totals().pending === 0);
}

/** Nothing is lost between the counts, in the sum or in any scope. */
function assertBalanced(ingest: Ingest): void {
  for (const counts of [ingest.totals(), ...Object.values(ingest.byScope(Infinity))]) {
    const { received, stored, coalesced, pending, rejected } = counts;
    const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0);
    assert.equal(received, stored + coalesced + pending + refused, JSON.stringify(counts));
    assert.ok(Math.min(received, stored, coalesced, pending) >= 0, JSON.stringify(counts));
  }
}

function counts(some: Partial<UpdateCounts>): UpdateCounts {
  return { received: 0, stored: 0, coalesced: 0, pending: 0, rejected: {}, ...some };
}

Deno.test("ingest - an update sets a key, with its text and the bus as its source", async () => {
  await using s = await setup();
  await s.take("a", '{ "key" : "k" , "value" : [ 1.0 , 12345678901234567890 ] }');
  assert.deepEqual(s.store.get("a", "k"), {
    value: "[1.0,12345678901234567890]",
    valueBytes: 26,
    revision: 2,
    created: 2,
    timeMs: Date.UTC(2026, 10, 23, 9),
    source: "bus",
  });
  assert.deepEqual(s.ingest.totals(), counts({ received: 1, stored: 1 }));
  assert.deepEqual(s.ingest.byScope(10), { a: counts({ received: 1, stored: 1 }) });
  assert.deepEqual(s.rejections, []);
});

Deno.test("ingest - a scope says for itself whether the bus creates it, whatever holds for others", async () => {
  for (const createScopes of [false, true]) {
    await using s = await setup({ createScopes });
    for (const [scope, busCreate] of [["yes", true], ["no", false]] as const) {
      const settings = { busCreate };
      await s.store.commit({
        mutations: [{ kind: "configure-scope", scope, settings }],
        source: "test",
      });
      await s.take(scope, '{"key":"k","value":1}');
    }
    assert.equal(s.store.get("yes", "k")!.value, "1");
    assert.equal(s.store.hasScope("no"), false);
    assert.deepEqual(s.rejections.map(([scope, reason]) => [scope, reason]), [
      ["no", "scope_not_found"],
    ]);
  }
});

Deno.test("ingest - an update may say how long it lives", async () => {
  await using s = await setup();
  await s.take("a", '{"key":"k","value":1,"ttl_ms":5000}');
  assert.equal(s.store.get("a", "k")!.expiresMs, Date.UTC(2026, 10, 23, 9) + 5000);
  await s.take("a", '{"key":"k","value":1,"ttl_ms":"soon"}');
  assert.deepEqual(s.rejections.map(([, reason]) => reason), ["invalid_request"]);
});

Deno.test("ingest - the count says pending until the update is on disk", async () => {
  await using s = await setup();
  const release = s.disk.hold();
  s.ingest.take("a", frameBytes({ key: "k", value: 1 }));
  assert.deepEqual(s.ingest.totals(), counts({ received: 1, pending: 1 }));
  await until("the write has begun", () => s.disk.writes === 2);
  assert.deepEqual(s.ingest.totals(), counts({ received: 1, pending: 1 }));
  assert.equal(s.value("k"), undefined);
  release();
  await settled(s.ingest);
  assert.deepEqual(s.ingest.totals(), counts({ received: 1, stored: 1 }));
  assert.equal(s.value("k"), "1");
});

Deno.test("ingest - an update deletes a key; one that is missing is no failure", async () => {
  await using s = await setup();
  await s.take("a", { key: "k", value: 1 });
  await s.take("a", { key: "k", delete: true });
  assert.equal(s.value("k"), undefined);
  await s.take("a", { key: "k", delete: true, time: "2026-01-01T00:00:00Z", token: "x" });
  assert.deepEqual(s.ingest.totals(), counts({ received: 3, stored: 3 }));
});

Deno.test("ingest - entries are one change of many keys", async () => {
  await using s = await setup();
  const changes: Change[] = [];
  s.store.watch((some) => changes.push(...some));
  await s.take("a", '{"entries":{"x":1.0,"y":{"z":null},"__proto__":"p","x":2.0,"":1}}');
  assert.deepEqual(changes, [], "one bad key, and none is set");
  await s.take("a", '{"entries":{"x":1.0,"y":{"z":null},"__proto__":"p","x":2.0}}');
  assert.deepEqual(
    changes.map(({ revision, operation, key, value }) => [revision, operation, key, value]),
    [
      [2, "set", "x", "2.0"],
      [2, "set", "y", '{"z":null}'],
      [2, "set", "__proto__", '"p"'],
    ],
  );
  assert.deepEqual(s.ingest.totals(), {
    received: 2,
    stored: 1,
    coalesced: 0,
    pending: 0,
    rejected: { invalid_request: 1 },
  });
});

Deno.test("ingest - 400 entries are taken whole, 401 not at all", async () => {
  await using s = await setup();
  const entries = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
  await s.take("a", { entries: entries(401) });
  assert.equal(s.store.status().keys, 0);
  assert.match(s.rejections[0]![2], /"entries".*at most 400 keys are allowed, found 401/);
  await s.take("a", { entries: entries(400) });
  assert.equal(s.store.status().keys, 400);
  assert.equal(s.store.status().revision, 2);
});

Deno.test("ingest - 400 entries with long keys and values of every size are stored on disk", async () => {
  await using dir = await tempDir();
  const scopes = { ...SCOPE_DEFAULTS, busCreate: true };
  const { store } = faultyStore(await openDenoKv({ path: `${dir.path}/state.db` }), scopes);
  await using _store = store;
  const rejections: [scope: string, reason: string, sentence: string][] = [];
  const ingest = new Ingest({
    store,
    valueBytesMax: 1024 * 1024,
    queueMax: 10,
    defaultScope: undefined,
    coalesce: true,
    onRejected: (...rejection) => rejections.push(rejection),
  });
  const take = async (scope: string, keys: number, keyBytes: number, valueBytes: number) => {
    const entries = Object.fromEntries(
      Array.from({ length: keys }, (_, i) => [
        `${i}`.padStart(keyBytes, "k"),
        "v".repeat(valueBytes),
      ]),
    );
    ingest.take(scope, frameBytes({ entries, time: "2026-01-01T00:00:00Z" }));
    await settled(ingest);
  };
  for (const size of [1, 250, 1000, 1400, 1450, 1495, 1500, 3000, 1495]) {
    await take("wide", 400, 163, size);
    assert.deepEqual(rejections, []);
    await take("long", 63, 1024, size);
    assert.deepEqual(rejections, []);
    assert.equal(store.get("wide", "399".padStart(163, "k"))!.value.length, size + 2);
    assert.equal(store.get("long", "62".padStart(1024, "k"))!.value.length, size + 2);
  }
  await take("wide", 400, 164, 1);
  const [scope, reason, sentence] = rejections.pop()!;
  assert.deepEqual([scope, reason], ["wide", "invalid_request"]);
  assert.match(sentence, /at most 65536 bytes of keys, found 65604$/);
  assert.equal(store.status().available, true);
  await take("wide", 1, 1, 1);
  assert.equal(store.get("wide", "0")!.value, '"v"');
});

Deno.test("ingest - the source's time goes with the entry", async () => {
  await using s = await setup();
  const times: [sent: string, timeMs: number][] = [
    ["2026-01-02T03:04:05.006Z", Date.UTC(2026, 0, 2, 3, 4, 5, 6)],
    ["2026-01-02T03:04:05Z", Date.UTC(2026, 0, 2, 3, 4, 5)],
    ["2026-01-02T03:04Z", Date.UTC(2026, 0, 2, 3, 4)],
    ["2026-01-02T03:04:05,5Z", Date.UTC(2026, 0, 2, 3, 4, 5, 500)],
    ["2026-01-02T03:04:05.123456789Z", Date.UTC(2026, 0, 2, 3, 4, 5, 123)],
    ["2026-01-02T03:04:05+01:30", Date.UTC(2026, 0, 2, 1, 34, 5)],
    ["2026-01-02T03:04:05-0500", Date.UTC(2026, 0, 2, 8, 4, 5)],
    ["1969-12-31T23:59:59Z", -1000],
  ];
  for (const [time, timeMs] of times) {
    await s.take("a", { key: "k", value: time, time });
    assert.equal(s.store.get("a", "k")!.sourceTimeMs, timeMs, time);
    await s.take("a", { entries: { x: time, y: 1 }, time });
    assert.equal(s.store.get("a", "y")!.sourceTimeMs, timeMs, time);
  }
  await s.take("a", { key: "k", value: 1 });
  assert.equal("sourceTimeMs" in s.store.get("a", "k")!, false);
  assert.equal(s.ingest.totals().stored, 2 * times.length + 1);
});

Deno.test("ingest - a time that is none is rejected and named", async () => {
  await using s = await setup();
  const times: unknown[] = [
    "",
    "now",
    "2026",
    "2026-01-02",
    "2026-01-02T03:04:05",
    1767323045,
    null,
  ];
  times.push("2026-13-02T03:04:05Z", "2026-01-02T25:04:05Z", "2026-01-02 03:04:05Z", {}, [], true);
  times.push("Fri, 02 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05+25:00", "+002026-01-02T03:04Z");
  for (const time of times) {
    await s.take("a", { key: "k", value: 1, time });
    await s.take("a", { entries: { k: 1 }, time });
    await s.take("a", { key: "k", delete: true, time });
  }
  assert.equal(s.value("k"), undefined);
  assert.deepEqual(s.ingest.totals().rejected, { invalid_request: 3 * times.length });
  for (const [, , sentence] of s.rejections) assert.match(sentence, /^field "time": ISO 8601/);
});

Deno.test("ingest - bare JSON goes to the scope of its service, else to the default one", async () => {
  await using s = await setup({ defaultScope: "b" });
  await s.store.commit({ mutations: [{ kind: "create-scope", scope: "b" }], source: "test" });
  await s.take(undefined, { service: "a", key: "k", value: 1 });
  await s.take(undefined, { key: "k", value: 2 });
  assert.equal(s.value("k"), "1");
  assert.equal(s.store.get("b", "k")!.value, "2");
  const { a, b } = s.ingest.byScope(10);
  assert.deepEqual(a, counts({ received: 1, stored: 1 }));
  assert.deepEqual(b, counts({ received: 1, stored: 1 }));
  assert.deepEqual(s.ingest.totals(), counts({ received: 2, stored: 2 }));
});

Deno.test("ingest - of a message with a scope the field service means nothing", async () => {
  await using s = await setup({ defaultScope: "b" });
  await s.take("a", { service: "c", key: "k", value: 1 });
  await s.take("a", { service: 5, key: "l", value: 1 });
  assert.equal(s.value("k"), "1");
  assert.equal(s.value("l"), "1");
});

Deno.test("ingest - bare JSON without a service is no_scope where no default is configured", async () => {
  await using s = await setup();
  await s.take(undefined, { key: "k", value: 1 });
  assert.deepEqual(s.ingest.totals(), counts({ received: 1, rejected: { no_scope: 1 } }));
  assert.deepEqual(Object.keys(s.ingest.byScope(10)), [OTHER_SCOPES]);
  assert.deepEqual(s.rejections.map(([scope, reason]) => [scope, reason]), [[
    "/other",
    "no_scope",
  ]]);
});

Deno.test("ingest - a rejection is told with the scope whose counter it is in", async () => {
  await using s = await setup({ defaultScope: "a" });
  await s.take(undefined, { service: "a", key: "k" });
  await s.take(undefined, { key: "k" });
  await s.take("a", { key: "k" });
  assert.deepEqual(s.ingest.byScope(10).a!.rejected, { invalid_request: 3 });
  assert.deepEqual(s.rejections.map(([scope]) => scope), ["a", "a", "a"]);
});

Deno.test("ingest - a scope that does not exist is created only where that is allowed", async () => {
  {
    await using s = await setup();
    await s.take("new", { key: "k", value: 1 });
    await s.take(undefined, { service: "new", key: "k", value: 1 });
    await s.take("new", { key: "k", delete: true });
    await s.take("new", { entries: { k: 1 } });
    assert.deepEqual(s.store.scopes(), ["a"]);
    assert.deepEqual(s.ingest.totals().rejected, { scope_not_found: 4 });
  }
  await using s = await setup({ createScopes: true });
  await s.take("new", { key: "k", delete: true });
  assert.deepEqual(s.ingest.totals().rejected, { scope_not_found: 1 });
  await s.take("new", { key: "k", value: 1 });
  await s.take(undefined, { service: "newer", entries: { k: 2, l: 3 } });
  assert.deepEqual(s.store.scopes(), ["a", "new", "newer"]);
  assert.equal(s.store.get("newer", "l")!.value, "3");
});

Deno.test("ingest - a scope that vanishes while its update waits rejects the update", async () => {
  await using s = await setup();
  const release = s.disk.hold();
  const dropped = s.store.commit({
    mutations: [{ kind: "delete-scope", scope: "a" }],
    source: "test",
  });
  s.ingest.take("a", frameBytes({ key: "k", value: 1 }));
  release();
  await dropped;
  await settled(s.ingest);
  assert.deepEqual(s.store.scopes(), []);
  assert.deepEqual(s.ingest.totals().rejected, { scope_not_found: 1 });
});

Deno.test("ingest - each bad body has its reason, and the next good one is stored", async () => {
  const bad: [body: Frame, reason: string, sentence: RegExp][] = [
    ["derp", "invalid_json", /broken/],
    ["[]", "invalid_json", /an array/],
    ['"k"', "invalid_json", /a string/],
    ['{"key":"k","value":1', "invalid_json", /broken/],
    [new Uint8Array([0x7b, 0xff, 0x7d]), "invalid_json", /UTF-8/],
    [`{"key":"k","value":${"[".repeat(64)}${"]".repeat(64)}}`, "invalid_json", /nested/],
    ["", "invalid_request", /"key"/],
    ["{}", "invalid_request", /"key"/],
    [{ value: 1 }, "invalid_request", /"key"/],
    [{ key: "k" }, "invalid_request", /"value"/],
    [{ key: 1, value: 1 }, "invalid_request", /"key"/],
    [{ key: "", value: 1 }, "invalid_request", /"key"/],
    [{ key: "a\0", value: 1 }, "invalid_request", /"key"/],
    ['{"key":"\\ud800","value":1}', "invalid_request", /"key"/],
    [{ key: "k".repeat(1025), value: 1 }, "key_too_large", /found 1025/],
    [{ key: "k", value: "x".repeat(999) }, "value_too_large", /found 1001/],
    [{ key: "k", delete: false }, "invalid_request", /"delete"/],
    [{ key: "k", delete: "true" }, "invalid_request", /"delete"/],
    [{ key: "k", delete: null }, "invalid_request", /"delete"/],
    [{ key: "k", value: 1, delete: true }, "invalid_request", /"delete"/],
    [{ delete: true }, "invalid_request", /"key"/],
    [{ entries: {} }, "invalid_request", /"entries".*none/],
    [{ entries: [] }, "invalid_request", /"entries".*an array/],
    [{ entries: null }, "invalid_request", /"entries".*null/],
    [{ entries: "x" }, "invalid_request", /"entries".*a string/],
    [{ entries: { a: 1 }, key: "k" }, "invalid_request", /"entries".*key/],
    [{ entries: { a: 1 }, key: "k", value: 1 }, "invalid_request", /"entries".*key/],
    [{ entries: { a: 1 }, value: 1 }, "invalid_request", /"entries".*value/],
    [{ entries: { a: 1 }, delete: true }, "invalid_request", /"entries".*delete/],
    [{ entries: { good: 1, "": 1 } }, "invalid_request", /"key"/],
    [{ entries: { good: 1, ["k".repeat(1025)]: 1 } }, "key_too_large", /found 1025/],
    [{ entries: { good: 1, k: "x".repeat(999) } }, "value_too_large", /found 1001/],
  ];
  await using s = await setup();
  for (const [i, [body, reason, sentence]] of bad.entries()) {
    const before = s.ingest.totals().rejected[reason] ?? 0;
    await s.take("a", body);
    assert.equal(s.ingest.totals().rejected[reason], before + 1, JSON.stringify(body));
    const [scope, told, said] = s.rejections.pop()!;
    assert.deepEqual([scope, told], ["a", reason]);
    assert.match(said, sentence);
    assert.equal(s.store.status().keys, i === 0 ? 0 : 1);
    await s.take("a", { key: "still here", value: i });
    assert.equal(s.value("still here"), `${i}`);
  }
  assert.equal(s.ingest.totals().stored, bad.length);
});

Deno.test("ingest - a scope or service that is no name is invalid_request", async () => {
  await using s = await setup({ createScopes: true, defaultScope: "a" });
  const bad = ["", "a b", "a/b", "a\n", "a,b", "x".repeat(256), "\ufeffa", "'a'", "\0"];
  for (const scope of bad) {
    await s.take(scope, { key: "k", value: 1 });
    await s.take(undefined, { service: scope, key: "k", value: 1 });
  }
  for (const service of [null, 1, [], {}]) {
    await s.take(undefined, { service, key: "k", value: 1 });
  }
  assert.deepEqual(s.store.scopes(), ["a"]);
  assert.deepEqual(s.ingest.totals().rejected, { invalid_request: 2 * bad.length + 4 });
  assert.deepEqual(Object.keys(s.ingest.byScope(99)), [OTHER_SCOPES]);
});

Deno.test("ingest - messages that are no updates are counted by their reason", async () => {
  await using s = await setup();
  const messages = [["derp"], [""], [], ["a b"], [new Uint8Array([0xff]), "{}"]];
  for (const message of messages) {
    const envelope = openEnvelope(message.map(frameBytes));
    assert.equal(typeof envelope, "string");
    s.ingest.refuse(envelope as string);
  }
  assert.deepEqual(s.ingest.totals(), {
    received: 5,
    stored: 0,
    coalesced: 0,
    pending: 0,
    rejected: { not_an_update: 4, invalid_scope: 1 },
  });
  assert.deepEqual(s.ingest.byScope(10), { [OTHER_SCOPES]: s.ingest.totals() });
  assert.deepEqual(s.rejections[0]!.slice(0, 2), ["/other", "not_an_update"]);
});

Deno.test("ingest - what the disk refuses is counted; afterwards updates are stored again", async () => {
  await using s = await setup();
  s.disk.fault = DISK_FULL;
  await s.take("a", { key: "k", value: 1 });
  s.disk.fault = new Error("disk I/O error");
  await s.take("a", { key: "k", value: 2 });
  assert.equal(s.value("k"), undefined);
  s.disk.fault = undefined;
  await s.take("a", { key: "k", value: 3 });
  assert.equal(s.value("k"), "3");
  assert.deepEqual(s.ingest.byScope(1).a, {
    received: 3,
    stored: 1,
    coalesced: 0,
    pending: 0,
    rejected: { storage_full: 1, storage_unavailable: 1 },
  });
  assert.deepEqual(s.rejections.map(([scope, reason]) => [scope, reason]), [
    ["a", "storage_full"],
    ["a", "storage_unavailable"],
  ]);
});

Deno.test("ingest - a fault of ours is counted as internal", async () => {
  const { store } = faultyStore(memoryDisk());
  const failing: Store = new Proxy(store, {
    get: (target, name) => {
      if (name === "commit") return () => Promise.reject(new TypeError("no such function"));
      if (name === "hasScope") return () => true;
      return Reflect.get(target, name, target);
    },
  });
  await using s = await setup({ store: failing });
  await s.take("a", { key: "k", value: 1 });
  assert.deepEqual(s.ingest.totals(), counts({ received: 1, rejected: { internal: 1 } }));
});

Deno.test("ingest - the queue is bounded in bytes, too: large updates overflow before they are many", async () => {
  await using s = await setup({ queueMax: 100_000, valueBytesMax: 1024 * 1024 });
  const release = s.disk.hold();
  const value = "x".repeat(1024 * 1024 - 2);
  for (let i = 0; i < 70; i += 1) s.ingest.take("a", frameBytes({ key: "k", value }));
  const { pending, rejected } = s.ingest.totals();
  assert.deepEqual({ pending, rejected }, { pending: 63, rejected: { overflow: 7 } });
  release();
  await settled(s.ingest);
  await s.take("a", { key: "k", value: "next" });
  assert.equal(s.value("k"), '"next"');
});

Deno.test("ingest - what comes on top of the queue is overflow, and once it drains updates go on", async () => {
  await using s = await setup({ queueMax: 3 });
  const release = s.disk.hold();
  for (let i = 0; i < 5; i += 1) {
    s.ingest.take("a", frameBytes({ key: `k${i}`, value: i }));
    assertBalanced(s.ingest);
  }
  s.ingest.take(undefined, bytes("broken"));
  assert.deepEqual(s.ingest.totals(), {
    received: 6,
    stored: 0,
    coalesced: 0,
    pending: 3,
    rejected: { overflow: 3 },
  });
  release();
  await settled(s.ingest);
  assert.deepEqual(s.store.listKeys("a", { limit: 9 }).names, ["k0", "k1", "k2"]);
  await s.take("a", { key: "k9", value: 9 });
  assert.equal(s.value("k9"), "9");
  assert.deepEqual(s.ingest.byScope(9), {
    a: { received: 6, stored: 4, coalesced: 0, pending: 0, rejected: { overflow: 2 } },
    [OTHER_SCOPES]: counts({ received: 1, rejected: { overflow: 1 } }),
  });
});

Deno.test("ingest - updates take effect in the order they came", async () => {
  await using s = await setup();
  const seen: string[] = [];
  s.store.watch((changes) => seen.push(...changes.map(({ value }) => value!)));
  for (let i = 0; i < 500; i += 1) s.ingest.take("a", frameBytes({ key: "k", value: i }));
  await settled(s.ingest);
  assert.deepEqual(seen, Array.from({ length: 500 }, (_, i) => `${i}`));
});

Deno.test("ingest - scopes that do not exist share one counter, however many there are", async () => {
  await using s = await setup();
  for (let i = 0; i < 1000; i += 1) {
    s.ingest.take(`unknown${i}`, frameBytes({ key: "k", value: 1 }));
  }
  await s.take("a", { key: "k", value: 1 });
  assert.deepEqual(s.ingest.byScope(2000), {
    [OTHER_SCOPES]: counts({ received: 1000, rejected: { scope_not_found: 1000 } }),
    a: counts({ received: 1, stored: 1 }),
  });
  assert.deepEqual(Object.keys(s.ingest.byScope(1)), [OTHER_SCOPES]);
  assert.deepEqual(s.ingest.byScope(0), {});
});

Deno.test("ingest - no more counters than 10,000 are made; what comes on top is counted together", async () => {
  await using s = await setup({ queueMax: 100_000, valueBytesMax: 1024 * 1024 });
  const scopes = Array.from({ length: BUS_COUNTED_SCOPES_MAX + 5 }, (_, i) => `s${i}`);
  await Promise.all(
    scopes.map((scope) =>
      s.store.commit({ mutations: [{ kind: "create-scope", scope }], source: "test" })
    ),
  );
  for (const scope of scopes) s.ingest.take(scope, frameBytes({ key: "k", value: 1 }));
  await settled(s.ingest);
  const byScope = s.ingest.byScope(Infinity);
  assert.equal(Object.keys(byScope).length, BUS_COUNTED_SCOPES_MAX + 1);
  assert.deepEqual(byScope[OTHER_SCOPES], counts({ received: 5, stored: 5 }));
  assert.equal(s.ingest.totals().stored, scopes.length);
});

Deno.test("ingest - whatever comes: received is stored, pending and rejected, at every moment", async () => {
  const scope = fc.constantFrom("a", "b", "new", "", "a b", "__proto__", "*", undefined);
  const key = fc.constantFrom<unknown>("k", "l", "__proto__", "", 1, undefined, "x".repeat(1025));
  const body = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ service: scope, key, value: fc.jsonValue() }, {
        requiredKeys: ["key", "value"],
      }).map(frameBytes),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        service: scope,
        key,
        value: fc.constantFrom<unknown>(1, undefined),
        delete: fc.constantFrom<unknown>(true, false, undefined, 1),
        entries: fc.constantFrom<unknown>({ x: 1, y: [2] }, {}, [], undefined, { "": 1 }, null),
        time: fc.constantFrom<unknown>("2026-01-01T00:00:00Z", "now", undefined),
      }, { requiredKeys: [] }).map(frameBytes),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) },
    { weight: 1, arbitrary: fc.constant(bytes("derp")) },
  );
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.tuple(fc.constant("take" as const), scope, body) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("refuse" as const)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("settle" as const)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("break" as const), fc.boolean()) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.boolean(),
      fc.constantFrom(undefined, "a", "missing"),
      fc.constantFrom(0, 8),
      async (steps, createScopes, defaultScope, history) => {
        await using s = await setup({ queueMax: 5, createScopes, defaultScope, history });
        let received = 0;
        for (const step of steps) {
          if (step[0] === "take") s.ingest.take(step[1], step[2]);
          else if (step[0] === "refuse") s.ingest.refuse("not_an_update");
          else if (step[0] === "settle") await settled(s.ingest);
          else s.disk.fault = step[1] ? DISK_FULL : undefined;
          if (step[0] === "take" || step[0] === "refuse") received += 1;
          assert.equal(s.ingest.totals().received, received);
          assert.ok(s.ingest.totals().pending <= 5);
          assertBalanced(s.ingest);
        }
        await settled(s.ingest);
        assertBalanced(s.ingest);
        assert.equal(s.ingest.totals().rejected.internal, undefined);
        const rejected = Object.values(s.ingest.totals().rejected).reduce((a, b) => a + b, 0);
        assert.equal(s.rejections.length, rejected);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("ingest - in a scope without history the last update of a key overtakes those that wait", async () => {
  for (const [coalesce, history, stored] of [[true, 0, 4], [true, 1, 7], [false, 0, 7]] as const) {
    await using s = await setup({ coalesce });
    const settings = { history };
    await s.store.commit({
      mutations: [{ kind: "configure-scope", scope: "a", settings }],
      source: "test",
    });
    const changes: Change[] = [];
    s.store.watch((some) => changes.push(...some));
    const release = s.disk.hold();
    const take = (body: string) => s.ingest.take("a", bytes(body));
    take('{"key":"first","value":0}');
    await until("the first one is on its way", () => s.disk.writes > 2);
    for (const value of [1, 2, 3]) take(`{"key":"k","value":${value}}`);
    take('{"entries":{"k":4,"l":4}}');
    take('{"key":"l","value":5}');
    take('{"key":"k","delete":true}');
    assertBalanced(s.ingest);
    release();
    await settled(s.ingest);
    assertBalanced(s.ingest);
    assert.deepEqual(
      s.ingest.byScope(1).a,
      counts({ received: 7, stored, coalesced: 7 - stored }),
    );
    assert.deepEqual([s.value("k"), s.value("l")], [undefined, "5"]);
    const told = changes.map(({ key, value }) => [key, value ? Number(value) : undefined]);
    if (stored === 4) {
      assert.deepEqual(told, [["first", 0], ["k", 4], ["l", 4], ["l", 5], ["k", undefined]]);
    }
  }
});

Deno.test("ingest - however often keys are overtaken while the disk is slow, the last of each come in their order", async () => {
  await using s = await setup({ coalesce: true });
  const settings = { history: 0 };
  await s.store.commit({
    mutations: [{ kind: "configure-scope", scope: "a", settings }],
    source: "test",
  });
  const changes: Change[] = [];
  const release = s.disk.hold();
  s.ingest.take("a", frameBytes({ key: "first", value: 0 }));
  await until("the first one is on its way", () => s.disk.writes > 2);
  s.store.watch((some) => changes.push(...some));
  for (let i = 0; i < 5000; i += 1) {
    s.ingest.take("a", frameBytes({ key: `k${i % 3}`, value: i }));
    if (i === 2500) s.ingest.take("a", frameBytes({ key: "once", value: i }));
  }
  assert.deepEqual(
    s.ingest.byScope(1).a,
    counts({ received: 5002, coalesced: 4997, pending: 5 }),
  );
  release();
  await settled(s.ingest);
  assertBalanced(s.ingest);
  assert.equal(s.ingest.totals().stored, 5);
  const told = changes.map(({ key, value }) => `${key}=${value}`);
  assert.deepEqual(told, ["first=0", "once=2500", "k2=4997", "k0=4998", "k1=4999"]);
});

Deno.test("ingest - other bounds hold from the next update on, and what waits stays", async () => {
  await using s = await setup({ queueMax: 2 });
  const release = s.disk.hold();
  const take = (key: string) => s.ingest.take("a", frameBytes({ key, value: 1 }));
  for (const key of ["k0", "k1", "k2"]) take(key);
  s.ingest.configure({ queueMax: 3, defaultScope: "a", coalesce: false });
  s.ingest.take(undefined, frameBytes({ key: "k3", value: 1 }));
  release();
  await settled(s.ingest);
  assert.deepEqual(s.ingest.totals(), {
    received: 4,
    stored: 3,
    coalesced: 0,
    pending: 0,
    rejected: { overflow: 1 },
  });
});
