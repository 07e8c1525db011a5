import assert from "node:assert/strict";
import { assertFailure, openState, type State } from "./helpers.ts";

interface Reply {
  readonly success?: boolean;
  readonly data: Record<string, unknown>;
  readonly [member: string]: unknown;
}

const TIME = "2026-11-23T09:00:00.000Z";

function test(behaviour: string, body: (state: State, ask: Ask) => Promise<void>): void {
  Deno.test(`operations - ${behaviour}`, async () => {
    await using state = await openState();
    const ask: Ask = async (operation, fields) =>
      await state.askOne(operation, { service: "a", ...fields }) as Reply;
    await body(state, ask);
    assert.deepEqual(state.faults, []);
  });
}

type Ask = (operation: string, fields: Readonly<Record<string, unknown>>) => Promise<Reply>;

test("history: every version of a key, the latest first, in pages", async (_, ask) => {
  await ask("set", { key: "k", value: 1.5, note: "first" });
  await ask("set", { key: "k", value: { a: 1 } });
  await ask("delete", { key: "k" });
  const source = "mdp:0001020304";
  const { data } = await ask("history", { key: "k" });
  assert.deepEqual(data, {
    scope: "a",
    key: "k",
    versions: [
      { revision: 3, operation: "delete", time: TIME, source },
      { revision: 2, operation: "set", value: { a: 1 }, time: TIME, source },
      { revision: 1, operation: "set", value: 1.5, time: TIME, source, note: "first" },
    ],
    count: 3,
  });
  const first = await ask("history", { key: "k", limit: 2 });
  assert.deepEqual([first.data.count, first.data.more], [2, true]);
  const second = await ask("history", { key: "k", limit: 2, before: 2 });
  assert.deepEqual((second.data.versions as { revision: number }[])[0]!.revision, 1);
  assert.equal(second.data.more, undefined);
  assert.deepEqual((await ask("history", { key: "none" })).data.versions, []);
  assertFailure(await ask("history", { service: "none", key: "k" }), "scope_not_found", /none/);
  assertFailure(await ask("history", { key: "k", before: "x" }), "invalid_request", /before/);
});

test("get with a revision: what the key was then", async (_, ask) => {
  await ask("set", { key: "other", value: 0 });
  await ask("set", { key: "k", value: 1 });
  await ask("set", { key: "other", value: 1 });
  await ask("set", { key: "k", value: 2 });
  await ask("delete", { key: "k" });
  const at = async (revision: number) => {
    const { value, revision: of, code } = await ask("get", { key: "k", revision });
    return code ?? [value, of];
  };
  assert.equal(await at(1), "compacted");
  assert.deepEqual(await at(2), [1, 2]);
  assert.deepEqual(await at(3), [1, 2]);
  assert.deepEqual(await at(4), [2, 4]);
  assert.equal(await at(5), "key_not_found");
  assert.equal(await at(6), "invalid_request");
  assert.deepEqual((await ask("state-get", { key: "k", revision: 2 })).data.value, 1);
  assertFailure(await ask("get", { key: "none", revision: 2 }), "key_not_found", /none/);
});

test("revert: a key is again what it was, by a change of its own", async (_, ask) => {
  await ask("set", { key: "k", value: "oof" });
  await ask("set", { key: "k", value: "rab" });
  await ask("delete", { key: "k" });
  const { data } = await ask("revert", { key: "k", revision: 1 });
  assert.deepEqual(data, {
    scope: "a",
    key: "k",
    value: "oof",
    revision: 4,
    time: TIME,
    reverted_to: 1,
  });
  const { value, note, created } = await ask("get", { key: "k", details: true });
  assert.deepEqual([value, note, created], ["oof", "revert to revision 1", 4]);
  const deleted = await ask("revert", { key: "k", revision: 3, note: "wrong furnace" });
  assert.deepEqual([deleted.data.status, deleted.data.reverted_to], ["deleted", 3]);
  assertFailure(await ask("get", { key: "k" }), "key_not_found", /k/);
  const stale = await ask("revert", { key: "k", revision: 1, if_revision: 4 });
  assert.deepEqual([stale.code, stale.revision], ["revision_conflict", 0]);
  assertFailure(await ask("revert", { key: "k" }), "invalid_request", /"revision"/);
});

test("a revision that is no longer kept cannot be reverted to", async (_, ask) => {
  for (let i = 1; i <= 12; i += 1) await ask("set", { key: "k", value: i });
  assertFailure(await ask("revert", { key: "k", revision: 3 }), "compacted", /revision 4/);
  assert.equal((await ask("revert", { key: "k", revision: 4 })).data.value, 4);
});

test(
  "ttl_ms: replies say when, and expired keys are as if they had never been",
  async ({ clock }, ask) => {
    const reply = await ask("set", { key: "k", value: 1, ttl_ms: 1500 });
    assert.equal(reply.expires, "2026-11-23T09:00:01.500Z");
    assert.equal((await ask("get", { key: "k" })).expires, reply.expires);
    await ask("store", { entries: { a: 1, b: 2 }, ttl_ms: 1500 });
    await ask("batch", {
      operations: [{ operation: "set", service: "a", key: "c", value: 1, ttl_ms: 1500 }],
    });
    clock.advance(1500);
    for (const key of ["k", "a", "b", "c"]) {
      assertFailure(await ask("get", { key }), "key_not_found", /key/);
    }
    for (const ttl_ms of [-1, 1.5, "1", true, 1e16]) {
      const refused = await ask("set", { key: "k", value: 1, ttl_ms });
      assertFailure(refused, "invalid_request", /ttl_ms/);
    }
    assert.equal((await ask("set", { key: "k", value: 1, ttl_ms: null })).expires, undefined);
  },
);

test(
  "describe-scope and configure-scope: numbers and options, of what exists and what does not",
  async (_, ask) => {
    const options = {
      history: 8,
      history_ms: 0,
      ttl_ms: 0,
      keys_max: 0,
      bytes_max: 0,
      bus_create: false,
    };
    const nothing = { scope: "a", exists: false, keys: 0, bytes: 0, revision: 0 };
    assert.deepEqual((await ask("describe-scope", {})).data, { ...nothing, options });
    const configured = await ask("configure-scope", {
      history: 2,
      ttl_ms: 60_000,
      bus_create: true,
    });
    const set = { ...options, history: 2, ttl_ms: 60_000, bus_create: true };
    assert.deepEqual(configured.data, { ...nothing, options: set });
    const { expires } = await ask("set", { key: "k", value: "ü" });
    assert.equal(expires, "2026-11-23T09:01:00.000Z");
    assert.deepEqual((await ask("describe-scope", {})).data, {
      scope: "a",
      exists: true,
      keys: 1,
      bytes: 5,
      revision: 2,
      options: set,
      // As the harness has it; when and how often are told of what exists.
      changed: "1970-01-01T00:00:00.000Z",
      changes: 3,
    });
    await ask("configure-scope", { history: null, ttl_ms: null, bus_create: null, keys_max: 1 });
    assert.deepEqual((await ask("describe-scope", {})).data.options, { ...options, keys_max: 1 });
    assertFailure(await ask("set", { key: "l", value: 1 }), "quota_exceeded", /may have 1 keys/);
    assertFailure(await ask("configure-scope", {}), "invalid_request", /history/);
    for (
      const wrong of [{ history: 101 }, { keys_max: -1 }, { bus_create: 1 }, { ttl_ms: "1 h" }]
    ) {
      const [field] = Object.keys(wrong);
      assertFailure(await ask("configure-scope", wrong), "invalid_request", new RegExp(field!));
    }
    assert.equal((await ask("set", { key: "k", value: 1 })).value, 1);
  },
);

test("changes tell options and when a value expires", async (_, ask) => {
  await ask("configure-scope", { history: 0 });
  await ask("set", { key: "k", value: 1, ttl_ms: 1000 });
  const { data } = await ask("changes", { since: 0 });
  const changes = data.changes as Record<string, unknown>[];
  assert.deepEqual(
    changes.map(({ operation, value, expires }) => [operation, value, expires]),
    [
      ["configure-scope", { history: 0 }, undefined],
      ["create-scope", undefined, undefined],
      ["set", 1, "2026-11-23T09:00:01.000Z"],
    ],
  );
});
