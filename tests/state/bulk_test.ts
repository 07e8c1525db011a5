import assert from "node:assert/strict";
import fc from "fast-check";
import { SNAPSHOT_MS, SNAPSHOTS_MAX } from "../../src/limits.ts";
import { assertFailure, openState, type State } from "./helpers.ts";

/** Registers a test that has a fresh state, and that ends with a good request which must be answered. */
function test(behaviour: string, body: (state: State) => Promise<void>): void {
  Deno.test(`bulk - ${behaviour}`, async () => {
    await using state = await openState();
    await body(state);
    const { members } = await reply(state, "set", { service: "last", key: "k", value: 1 });
    assert.equal(members.value, 1);
  });
}

type Members = Readonly<Record<string, unknown>>;

async function reply(state: State, operation: string, body: Members) {
  const members = await state.askOne(operation, body) as Members;
  return { members, data: members.data as Members };
}

/** What `load` says of a scope, as an object. */
async function contents(state: State, service: string): Promise<unknown> {
  return (await reply(state, "load", { service })).data.entries;
}

function conflict(members: unknown, revision: number, sentence = /./): void {
  const { revision: found, ...rest } = members as Members;
  assertFailure(rest, "revision_conflict", sentence);
  assert.equal(found, revision);
}

test("conditional writes: revision 0 creates only, another must be the present one", async (state) => {
  const ask = async (operation: string, fields: Members) =>
    (await reply(state, operation, { service: "s", key: "k", ...fields })).members;
  assert.equal((await ask("set", { value: 1, if_revision: 0 })).revision, 1);
  conflict(
    await ask("set", { value: 2, if_revision: 0 }),
    1,
    /key "k" of scope "s" has revision 1/,
  );
  conflict(await ask("state-set", { value: 2, if_revision: 7 }), 1, /expected revision 7/);
  assert.equal((await ask("set", { value: 2, if_revision: 1 })).revision, 2);
  conflict(await ask("delete", { if_revision: 1 }), 2);
  assert.equal((await ask("delete", { if_revision: 2 })).success, true);
  conflict(await ask("set", { value: 2, if_revision: 2 }), 0, /does not exist/);
  for (const bad of [-1, 1.5, "1", true, 2 ** 60, []]) {
    assertFailure(
      await ask("set", { value: 1, if_revision: bad }),
      "invalid_request",
      /if_revision/,
    );
  }
  assert.equal((await ask("set", { value: 3, if_revision: null })).revision, 4);
});

test("request_id: given twice a request is applied once and answered the same, whatever it was", async (state) => {
  const requests: [string, Members][] = [
    ["create-scope", { service: "s" }],
    ["set", { service: "s", key: "k", value: 1 }],
    ["state-set", { service: "s", key: "l", value: [2.5] }],
    ["batch", { operations: [{ operation: "set", service: "t", key: "k", value: 1 }] }],
    ["store", { service: "s", entries: { m: 1 }, mode: "replace" }],
    ["set", { service: "s", key: "n", value: 1, if_revision: 0 }],
    ["delete", { service: "s", key: "n" }],
    ["delete-scope", { service: "s" }],
  ];
  for (const [i, [operation, fields]] of requests.entries()) {
    const ask = async () =>
      (await reply(state, operation, { ...fields, request_id: `r${i}` })).members;
    const first = await ask();
    assert.notEqual(first.success, false, JSON.stringify(first));
    state.clock.advance(1000);
    assert.deepEqual(await ask(), first, operation);
  }
  assert.equal(state.store.status().revision, requests.length);
  const other = { service: "s", key: "k", value: 2, request_id: "r1" };
  assertFailure((await reply(state, "set", other)).members, "invalid_request", /another request/);
  for (const id of ["", "x".repeat(129), 7, "\ud800"]) {
    const bad = await reply(state, "set", { ...other, request_id: id });
    assertFailure(bad.members, "invalid_request", /request_id/);
  }
});

test("details: who wrote an entry, which change made its key, and why", async (state) => {
  const set = (value: number, fields: Members = {}) =>
    reply(state, "set", { service: "s", key: "k", value, ...fields });
  await set(1);
  await set(2, { note: "recalibrated" });
  const get = async (fields: Members) =>
    (await reply(state, "get", { service: "s", key: "k", ...fields })).members;
  const plain = { key: "k", value: 2, revision: 2, time: "2026-11-23T09:00:00.000Z" };
  assert.deepEqual(await get({}), plain);
  assert.deepEqual(await get({ details: true }), {
    ...plain,
    created: 1,
    source: "mdp:0001020304",
    note: "recalibrated",
  });
  assertFailure(await get({ details: 1 }), "invalid_request", /details/);
  for (const note of ["x".repeat(257), 5, "\ud800"]) {
    assertFailure((await set(3, { note })).members, "invalid_request", /note/);
  }
});

test("batch: many scopes in one revision, all or nothing, to the letter", async (state) => {
  await reply(state, "set", { service: "a", key: "old", value: 0 });
  const [done] = await state.askText(
    "batch",
    `{"operations":[ {"operation":"set","service":"a","key":"k","value": [1.0, {"x" : 1e2}]},
      {"operation":"delete","service":"a","key":"old"},
      {"operation":"create-scope","service":"b"},
      {"operation":"set","service":"c","key":"k","value":"]},{","if_revision":0}]}`,
  );
  assert.equal(
    done,
    '{"success":true,"data":{"revision":2,"time":"2026-11-23T09:00:00.000Z","count":4}}',
  );
  const [a] = await state.askText("load", '{"service":"a"}');
  assert.match(a!, /"entries":\{"k":\[1\.0,\{"x":1e2\}\]\}/);
  assert.deepEqual(await contents(state, "b"), {});
  assert.deepEqual(await contents(state, "c"), { k: "]},{" });

  const failing = await reply(state, "batch", {
    operations: [
      { operation: "set", service: "a", key: "k", value: 9 },
      { operation: "set", service: "c", key: "k", value: 9, if_revision: 1 },
    ],
  });
  conflict(failing.members, 2, /scope "c"/);
  assert.equal(state.store.get("a", "k")!.revision, 2);
});

test("batch: what is wrong is named with the number of the operation, and nothing is done", async (state) => {
  const good = { operation: "set", service: "a", key: "k", value: 1 };
  const cases: [unknown, string, RegExp][] = [
    [undefined, "invalid_request", /operations.*an array is needed, found nothing/],
    [{}, "invalid_request", /found an object/],
    [[], "invalid_request", /1 to 400 operations are needed, found 0/],
    [Array(401).fill(good), "invalid_request", /found 401/],
    [[good, 1], "invalid_request", /each operation is an object/],
    [[good, { ...good, operation: "get" }], "invalid_request", /operations\[1\].*"operation"/],
    [[{ ...good, service: "" }], "invalid_request", /operations\[0\].*"service"/],
    [[good, good, { ...good, value: "x".repeat(1001) }], "value_too_large", /operations\[2\]/],
    [[{ ...good, key: "k".repeat(1025) }], "key_too_large", /operations\[0\]/],
    [[good, { operation: "delete-scope", service: "none" }], "scope_not_found", /none/],
    [[good, { operation: "create-scope", service: "a" }], "scope_exists", /"a"/],
  ];
  for (const [operations, code, sentence] of cases) {
    assertFailure(await state.askOne("batch", { operations }), code, sentence);
  }
  assert.deepEqual(state.store.scopes(), []);
});

test("store: merges, or replaces all there was, as one change", async (state) => {
  const store = async (fields: Members) =>
    (await reply(state, "store", { service: "s", ...fields })).data;
  const time = "2026-11-23T09:00:00.000Z";
  assert.deepEqual(await store({ entries: { a: 1, b: 2 } }), {
    scope: "s",
    revision: 1,
    time,
    count: 2,
  });
  await store({ entries: { b: 3, c: 4 }, mode: "merge" });
  assert.deepEqual(await contents(state, "s"), { a: 1, b: 3, c: 4 });
  assert.deepEqual(await store({ entries: { c: 5, __proto__x: 1 }, mode: "replace" }), {
    scope: "s",
    revision: 3,
    time,
    count: 2,
  });
  assert.deepEqual(await contents(state, "s"), { c: 5, __proto__x: 1 });
  assert.equal((await store({ entries: {}, mode: "replace" })).revision, 4);
  assert.deepEqual(await contents(state, "s"), {});
});

test("store: if_revision is that of the scope as load tells it, 0 for one that is not there", async (state) => {
  const store = async (fields: Members) =>
    (await reply(state, "store", { service: "s", entries: { a: 1 }, ...fields })).members;
  assert.equal((await store({ if_revision: 0 })).success, true);
  conflict(await store({ if_revision: 0 }), 1, /scope "s" has revision 1/);
  const { revision } = (await reply(state, "load", { service: "s" })).data;
  assert.equal((await store({ if_revision: revision, mode: "replace" })).success, true);
  conflict(await store({ if_revision: revision, mode: "replace" }), 2);
  const cases: [Members, RegExp][] = [
    [{ entries: [] }, /entries/],
    [{ entries: {} }, /at least one key/],
    [{ mode: "delete" }, /merge or replace is needed, found "delete"/],
    [{ entries: Object.fromEntries(Array.from({ length: 401 }, (_, i) => [`k${i}`, 1])) }, /400/],
  ];
  for (const [fields, sentence] of cases) {
    assertFailure(await store(fields), "invalid_request", sentence);
  }
});

test("store: a scope of more keys than one change can delete is not replaced by halves", async (state) => {
  for (let n = 0; n < 2; n += 1) {
    const entries = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${n}.${i}`, i]));
    await reply(state, "store", { service: "s", entries });
  }
  const replace = { service: "s", entries: { a: 1 }, mode: "replace" };
  assertFailure(
    (await reply(state, "store", replace)).members,
    "invalid_request",
    /has 600 others/,
  );
  assert.equal(state.store.view("s").entries.size, 600);
});

test("store: replacing while others write to the scope leaves exactly what was stored last", async (state) => {
  const replace = (n: number) =>
    reply(state, "store", { service: "s", entries: { [`k${n}`]: n }, mode: "replace" });
  await replace(0);
  const writes = Array.from({ length: 10 }, (_, i) => [
    reply(state, "set", { service: "s", key: `other${i}`, value: i }),
    replace(i),
  ]).flat();
  const replies = await Promise.all(writes);
  for (const { members } of replies) assert.notEqual(members.success, false, String(members.error));
  await replace(99);
  assert.deepEqual(await contents(state, "s"), { k99: 99 });
});

test("load: pages of one moment, whatever is written meanwhile", async (state) => {
  const { clock } = state;
  const keys = Array.from({ length: 95 }, (_, i) => `k${i}`);
  await reply(state, "store", {
    service: "s",
    entries: Object.fromEntries(keys.map((key) => [key, "old"])),
  });
  const page = async (fields: Members) =>
    (await reply(state, "load", { service: "s", limit: 10, ...fields })).members;
  const first = (await page({})).data as Members;
  assert.equal(first.revision, 1);
  assert.equal(first.epoch, state.store.status().epoch);
  const found = { ...(first.entries as Members) };
  for (let n = 0, more = first.more; more; n += 1) {
    await reply(state, "set", { service: "s", key: `k${n}`, value: "new" });
    await reply(state, "delete", { service: "s", key: `k${50 + n}` });
    await reply(state, "set", { service: "s", key: `new${n}`, value: 1 });
    const after = Object.keys(found).sort().at(-1);
    const { data } = await page({ after, revision: 1 }) as { data: Members };
    assert.equal(data.revision, 1);
    Object.assign(found, data.entries);
    more = data.more;
  }
  assert.deepEqual(found, Object.fromEntries(keys.map((key) => [key, "old"])));
  clock.advance(SNAPSHOT_MS);
  conflict(await page({ after: "k1", revision: 1 }), state.store.view("s").revision, /load anew/);
});

test("load: of a scope that nobody changed any revision of it will do, of a missing one none", async (state) => {
  await reply(state, "store", { service: "s", entries: { a: 1, b: 2, c: 3 } });
  const load = async (fields: Members) => (await reply(state, "load", fields)).members;
  const page = await load({ service: "s", limit: 2, after: "a", revision: 1 });
  assert.deepEqual((page.data as Members).entries, { b: 2, c: 3 });
  const prefixed = await load({ service: "s", prefix: "b" });
  assert.deepEqual((prefixed.data as Members).entries, { b: 2 });
  conflict(await load({ service: "s", revision: 9 }), 1);
  assertFailure(await load({ service: "none" }), "scope_not_found");
  assertFailure(await load({ service: "s", revision: "1" }), "invalid_request", /revision/);
});

test("load: of too many snapshots the oldest goes", async (state) => {
  const load = async (n: number, fields: Members = {}) =>
    (await reply(state, "load", { service: `s${n}`, limit: 1, ...fields })).members;
  const first: unknown[] = [];
  for (let n = 0; n <= SNAPSHOTS_MAX; n += 1) {
    await reply(state, "store", { service: `s${n}`, entries: { a: 1, b: 2 } });
    first.push(((await load(n)).data as Members).revision);
    await reply(state, "set", { service: `s${n}`, key: "b", value: 3 });
  }
  conflict(await load(0, { after: "a", revision: first[0] }), state.store.view("s0").revision);
  const second = await load(1, { after: "a", revision: first[1] });
  assert.deepEqual((second.data as Members).entries, { b: 2 });
});

Deno.test("bulk - any entries are stored and loaded to the letter, in the order of the keys", async () => {
  await using state = await openState();
  const key = fc.oneof(
    fc.constantFrom("__proto__", "10", "9", "constructor", "ключ", " "),
    fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }).filter((k) => !k.includes("\0")),
  );
  let n = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(key, fc.jsonValue())), async (pairs) => {
      const service = `s${n++}`;
      const entries = new Map(pairs.map(([k, value]) => [k, JSON.stringify(value)]));
      if (entries.size === 0) return;
      const text = (sorted: [string, string][]) =>
        `{${sorted.map(([k, value]) => `${JSON.stringify(k)}:${value}`).join(",")}}`;
      await state.askText("store", `{"service":"${service}","entries":${text([...entries])}}`);
      const [loaded] = await state.askText("load", `{"service":"${service}"}`);
      const expected = text([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
      assert.ok(loaded!.includes(`"entries":${expected},"count":${entries.size}`), loaded);
    }),
    { numRuns: 100 },
  );
});

test("a scope of any size is replaced as one change by a batch that deletes it and sets it anew", async (state) => {
  for (let i = 0; i < 1000; i += 400) {
    const entries = Object.fromEntries(Array.from({ length: 400 }, (_, j) => [`k${i + j}`, j]));
    await reply(state, "store", { service: "s", entries });
  }
  const entries = { a: 1, b: 2 };
  const { members } = await reply(state, "store", { service: "s", mode: "replace", entries });
  assertFailure(members, "invalid_request", /at most 400 keys.*has 1200 others.*in a batch/);
  const operations = [
    { operation: "delete-scope", service: "s" },
    ...Object.entries(entries).map(([key, value]) => ({
      operation: "set",
      service: "s",
      key,
      value,
    })),
  ];
  const { data } = await reply(state, "batch", { operations });
  assert.deepEqual(await contents(state, "s"), entries);
  const { data: { changes } } = await reply(state, "changes", { since: 3 });
  const revisions = (changes as Members[]).map(({ revision }) => revision);
  assert.deepEqual([...new Set(revisions)], [data.revision]);
});
