import assert from "node:assert/strict";
import fc from "fast-check";
import { PlantdError, WIRE_CODES } from "../../src/errors.ts";
import { MESSAGE_BYTES_MAX, REQUEST_FRAMES_MAX } from "../../src/limits.ts";
import { handleRequest, OPERATION_NAMES } from "../../src/state/operations.ts";
import { JsonText } from "../../src/state/json.ts";
import { Snapshots } from "../../src/state/snapshots.ts";
import type { Store } from "../../src/state/store.ts";
import { text } from "../helpers/async.ts";
import { anyText } from "./arbitraries.ts";
import {
  assertFailure,
  DISK_FULL,
  type Frame,
  frameBytes,
  openState,
  SOURCE,
  type State,
  VALUE_BYTES_MAX,
} from "./helpers.ts";

const TIME = "2026-11-23T09:00:00.000Z";

/** Registers a test that has a fresh state, and that ends with a good request which must be answered. */
function test(behaviour: string, body: (state: State) => Promise<void>): void {
  Deno.test(`operations - ${behaviour}`, async () => {
    await using state = await openState();
    await body(state);
    await assertStillServing(state);
  });
}

async function assertStillServing({ askOne, store }: State): Promise<void> {
  const { revision } = store.status();
  assert.deepEqual(await askOne("set", { service: "still", key: "here", value: revision }), {
    key: "here",
    value: revision,
    revision: revision + 1,
    time: TIME,
  });
}

test("create-scope creates a scope once", async ({ askOne, store }) => {
  assert.deepEqual(await askOne("create-scope", { service: "org.plantd.Test" }), {
    success: true,
    data: { scope: "org.plantd.Test", status: "created" },
  });
  assertFailure(
    await askOne("create-scope", { service: "org.plantd.Test" }),
    "scope_exists",
    /org\.plantd\.Test/,
  );
  assert.deepEqual(store.scopes(), ["org.plantd.Test"]);
  assert.equal(store.status().revision, 1);
});

test("delete-scope takes the scope's keys with it and no others", async ({ askOne, store }) => {
  await askOne("set", { service: "a", key: "k", value: 1 });
  await askOne("set", { service: "b", key: "k", value: 2 });
  assert.deepEqual(await askOne("delete-scope", { service: "a" }), {
    success: true,
    data: { scope: "a", status: "deleted" },
  });
  assertFailure(await askOne("get", { service: "a", key: "k" }), "scope_not_found", /"a"/);
  assertFailure(await askOne("delete-scope", { service: "a" }), "scope_not_found");
  assert.equal(store.get("b", "k")!.value, "2");
  await askOne("create-scope", { service: "a" });
  assertFailure(await askOne("get", { service: "a", key: "k" }), "key_not_found");
});

test("list-scopes lists them sorted, with their number", async ({ askOne }) => {
  assert.deepEqual(await askOne("list-scopes"), {
    success: true,
    data: { scopes: [], count: 0 },
  });
  for (const service of ["b", "c", "a", "__proto__"]) await askOne("create-scope", { service });
  assert.deepEqual(await askOne("list-scopes", "{}"), {
    success: true,
    data: { scopes: ["__proto__", "a", "b", "c"], count: 4 },
  });
});

test("list-scopes pages as list-keys does", async ({ ask, askOne }) => {
  await ask("create-scope", ...["a.1", "a.2", "b"].map((service) => ({ service })));
  const page = async (query: Record<string, unknown>) =>
    (await askOne("list-scopes", query) as { data: unknown }).data;
  assert.deepEqual(await page({ limit: 2 }), { scopes: ["a.1", "a.2"], count: 2, more: true });
  assert.deepEqual(await page({ limit: 2, after: "a.2" }), { scopes: ["b"], count: 1 });
  assert.deepEqual(await page({ prefix: "a." }), { scopes: ["a.1", "a.2"], count: 2 });
  assertFailure(await askOne("list-scopes", { limit: 0 }), "invalid_request", /limit/);
});

test("a page of the worst keys there are fits a message, and the pages have all of them", async (state) => {
  const { context, store } = state;
  const keys = Array.from(
    { length: 2_000 },
    (_, i) => `${i}`.padStart(4, "0").padEnd(1024, "\x01"),
  );
  await Promise.all(
    keys.map((key) =>
      store.commit({
        mutations: [{
          kind: "set",
          scope: "s",
          key,
          value: new JsonText("1"),
          missingScope: "create",
        }],
        source: SOURCE,
      })
    ),
  );
  const found: string[] = [];
  for (let more = true; more;) {
    const body = frameBytes({ service: "s", after: found.at(-1) ?? "" });
    const [reply] = await handleRequest(context, [frameBytes("list-keys"), body], SOURCE);
    assert.ok(reply!.length < MESSAGE_BYTES_MAX / 2, `${reply!.length} bytes`);
    const { data } = JSON.parse(text(reply!)) as { data: { keys: string[]; more?: boolean } };
    found.push(...data.keys);
    more = data.more === true;
  }
  assert.deepEqual(found, keys);
});

test("replies to one request are bounded together; what is too much is refused, the rest answered", async (state) => {
  const context = { ...state.context, valueBytesMax: 1024 * 1024 };
  const value = "v".repeat(1024 * 1024 - 2);
  const request = (operation: string, ...bodies: Frame[]) =>
    handleRequest(context, [operation, ...bodies].map(frameBytes), SOURCE);
  await request("set", { service: "s", key: "k", value });
  const gets = Array.from({ length: REQUEST_FRAMES_MAX - 1 }, () => ({ service: "s", key: "k" }));
  const replies = await request("get", ...gets);
  assert.equal(replies.length, gets.length);
  assert.ok(replies.reduce((sum, { length }) => sum + length, 0) < MESSAGE_BYTES_MAX);
  const parsed = replies.map((reply) => JSON.parse(text(reply)) as Record<string, unknown>);
  const answered = parsed.filter((reply) => reply.value === value).length;
  assert.ok(answered >= 8, `${answered} answered`);
  for (const refused of parsed.slice(answered)) {
    assertFailure(refused, "invalid_request", /ask for less at once/);
  }
  assert.equal(JSON.parse(text((await request("get", gets[0]!))[0]!)).value, value);
});

test("set answers flat with revision and time, and creates its scope", async (state) => {
  const { askOne, store, clock } = state;
  assert.deepEqual(await askOne("set", { service: "org.plantd.Test", key: "foo", value: "oof" }), {
    key: "foo",
    value: "oof",
    revision: 1,
    time: TIME,
  });
  const { source, timeMs } = store.get("org.plantd.Test", "foo")!;
  assert.equal(source, SOURCE);
  assert.equal(timeMs, clock.now());
  assert.deepEqual(await askOne("set", { service: "org.plantd.Test", key: "foo", value: 2 }), {
    key: "foo",
    value: 2,
    revision: 2,
    time: TIME,
  });
});

test("get answers flat with the time of the write, not of the question", async (state) => {
  const { askOne, clock } = state;
  await askOne("set", { service: "a", key: "foo", value: "oof" });
  clock.advance(5000);
  assert.deepEqual(await askOne("get", { service: "a", key: "foo" }), {
    key: "foo",
    value: "oof",
    revision: 1,
    time: TIME,
  });
  await askOne("set", { service: "a", key: "foo", value: "off" });
  assert.deepEqual(await askOne("get", { service: "a", key: "foo" }), {
    key: "foo",
    value: "off",
    revision: 2,
    time: "2026-11-23T09:00:05.000Z",
  });
  clock.advance(-5000);
});

test("state-set and state-get answer wrapped, with the scope", async ({ askOne }) => {
  const data = { scope: "a", key: "foo", value: [1], revision: 1, time: TIME };
  assert.deepEqual(await askOne("state-set", { service: "a", key: "foo", value: [1] }), {
    success: true,
    data,
  });
  assert.deepEqual(await askOne("state-get", { service: "a", key: "foo" }), {
    success: true,
    data,
  });
  assertFailure(await askOne("state-get", { service: "a", key: "x" }), "key_not_found");
  assertFailure(await askOne("state-get", { service: "b", key: "x" }), "scope_not_found");
  assertFailure(
    await askOne("state-set", { service: "a", key: "x" }),
    "invalid_request",
    /"value"/,
  );
});

test("get tells the source's own time where there is one", async ({ askOne, store }) => {
  const sourceTimeMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  const value = new JsonText("1");
  const set = { kind: "set", scope: "a", key: "k", value, missingScope: "create" } as const;
  await store.commit({ mutations: [{ ...set, sourceTimeMs }], source: "bus" });
  const members = {
    key: "k",
    value: 1,
    revision: 1,
    time: TIME,
    source_time: "2026-01-02T03:04:05.006Z",
  };
  assert.deepEqual(await askOne("get", { service: "a", key: "k" }), members);
  assert.deepEqual(await askOne("state-get", { service: "a", key: "k" }), {
    success: true,
    data: { scope: "a", ...members },
  });
});

test("a missing scope, a missing key, null and the empty string are four answers", async (state) => {
  const { askOne } = state;
  assertFailure(await askOne("get", { service: "a", key: "k" }), "scope_not_found", /"a"/);
  await askOne("create-scope", { service: "a" });
  assertFailure(await askOne("get", { service: "a", key: "k" }), "key_not_found", /"a".*"k"/);
  for (const value of [null, ""]) {
    await askOne("set", { service: "a", key: "k", value });
    const reply = await askOne("get", { service: "a", key: "k" }) as { value: unknown };
    assert.equal(reply.value, value);
  }
});

test("delete removes a key; a missing key is no failure, a missing scope is one", async (state) => {
  const { askOne, store } = state;
  assertFailure(await askOne("delete", { service: "a", key: "k" }), "scope_not_found", /"a"/);
  await askOne("set", { service: "a", key: "k", value: 1 });
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(await askOne("delete", { service: "a", key: "k" }), {
      success: true,
      data: { scope: "a", key: "k", status: "deleted" },
    });
  }
  assertFailure(await askOne("get", { service: "a", key: "k" }), "key_not_found");
  assert.equal(store.status().revision, 2);
});

test("list-keys pages through a scope by prefix, limit and after", async ({ ask, askOne }) => {
  const keys = ["a/1", "a/2", "a/3", "b/1", "b/2"];
  await ask("set", ...keys.toReversed().map((key) => ({ service: "s", key, value: 1 })));
  const list = async (query: Record<string, unknown>) => {
    const reply = await askOne("list-keys", { service: "s", ...query });
    const { success, data } = reply as { success: boolean; data: Record<string, unknown> };
    assert.equal(success, true);
    const { scope, count, ...rest } = data;
    assert.equal(scope, "s");
    assert.equal(count, (rest.keys as string[]).length);
    return rest;
  };
  assert.deepEqual(await list({}), { keys });
  assert.deepEqual(await list({ prefix: "a/" }), { keys: keys.slice(0, 3) });
  assert.deepEqual(await list({ prefix: "a/", limit: 2 }), { keys: ["a/1", "a/2"], more: true });
  assert.deepEqual(await list({ prefix: "a/", after: "a/2" }), { keys: ["a/3"] });
  assert.deepEqual(await list({ after: "a/3", limit: 1 }), { keys: ["b/1"], more: true });
  assert.deepEqual(await list({ after: "b/2" }), { keys: [] });
  assert.deepEqual(await list({ prefix: "c" }), { keys: [] });
  assert.deepEqual(await list({ prefix: null, after: null, limit: null }), { keys });
  assertFailure(await askOne("list-keys", { service: "missing" }), "scope_not_found", /missing/);
  for (const [field, value] of [["limit", 0], ["limit", "5"], ["prefix", 1], ["after", []]]) {
    assertFailure(
      await askOne("list-keys", { service: "s", [field as string]: value }),
      "invalid_request",
      new RegExp(`"${field}"`),
    );
  }
});

test("health says what the service knows", async ({ askOne }) => {
  assert.deepEqual(await askOne("health"), {
    success: true,
    data: { status: "healthy", store_available: true },
  });
});

test("health tells of a scope that is named whether it exists", async ({ askOne }) => {
  const known = { status: "healthy", store_available: true };
  await askOne("create-scope", { service: "a" });
  for (const [scope, scope_exists] of [["a", true], ["b", false], ["", false], ["a b", false]]) {
    assert.deepEqual(await askOne("health", { service: scope }), {
      success: true,
      data: { ...known, scope, scope_exists },
    });
  }
  for (const service of [null, 1, ["a"]]) {
    assert.deepEqual(await askOne("health", { service }), { success: true, data: known });
  }
});

test("every value comes back textually as it was set", async ({ askText }) => {
  const values = [
    ...["null", "true", "false", '""', "0", "-0", "1.0", "12345678901234567890", "1e400", "0.10"],
    ...['"ü🔥"', '"\\ud800"', '"\\u00fc"', "[]", "{}", '[1.0,[null],{"a":{}}]', '{"b":1,"a":2}'],
    ...['{"__proto__":{"x":1}}', `"${"x".repeat(VALUE_BYTES_MAX - 2)}"`, '{"10":1,"2":1,"10":2}'],
  ];
  for (const [i, value] of values.entries()) {
    const revision = i + 1;
    const reply = `{"key":"k","value":${value},"revision":${revision},"time":"${TIME}"}`;
    const spaced = ` { "service" : "s" , "key":"k","value":\n${value}\t} `;
    assert.deepEqual(await askText("set", spaced), [reply]);
    assert.deepEqual(await askText("get", '{"service":"s","key":"k"}'), [reply]);
  }
});

test("names like __proto__ and names with every kind of character work", async ({ askOne }) => {
  for (const name of ["__proto__", "constructor", "ключ🔥", "a\\b"]) {
    const reply = await askOne("set", { service: name, key: `${name}"/ {\n`, value: name });
    assert.equal((reply as { key: string }).key, `${name}"/ {\n`);
    const got = await askOne("get", { service: name, key: `${name}"/ {\n` });
    assert.deepEqual(got, reply);
    assertFailure(await askOne("get", { service: name, key: '"\n' }), "key_not_found");
  }
});

test("extra fields such as token are ignored, of double ones the last wins", async (state) => {
  const { askOne, store } = state;
  const reply = await askOne(
    "set",
    '{"token":"secret","key":"a","service":"x","valu":0,"key":"k","service":"s","value":1,"value":2}',
  );
  assert.deepEqual(reply, { key: "k", value: 2, revision: 1, time: TIME });
  assert.deepEqual(store.scopes(), ["s"]);
  const got = await askOne("get", { service: "s", key: "k", token: ["secret"], value: 9 });
  assert.deepEqual(got, reply);
});

test("several JSON frames are as many reply frames, in order", async ({ ask, store, disk }) => {
  const bodies = Array.from({ length: 1024 }, (_, i) => ({ service: "s", key: `k${i}`, value: i }));
  const replies = await ask("set", ...bodies);
  assert.deepEqual(
    replies,
    bodies.map(({ key, value }, i) => ({ key, value, revision: i + 1, time: TIME })),
  );
  assert.ok(disk.writes < 10, `${disk.writes} commits`);
  const got = await ask("get", ...bodies.toReversed());
  assert.deepEqual(got, replies.toReversed());
  assert.equal(store.status().keys, 1024);
});

test("a broken JSON frame among good ones fails alone", async ({ ask, store }) => {
  const replies = await ask(
    "set",
    { service: "s", key: "a", value: 1 },
    '{"service":"s",',
    { service: "s", key: "b" },
    new Uint8Array([0xff]),
    "",
    { service: "s", key: "c", value: 3 },
  );
  assert.equal(replies.length, 6);
  assert.deepEqual(replies[0], { key: "a", value: 1, revision: 1, time: TIME });
  assertFailure(replies[1], "invalid_json");
  assertFailure(replies[2], "invalid_request", /"value"/);
  assertFailure(replies[3], "invalid_json", /UTF-8/);
  assertFailure(replies[4], "invalid_request", /"service"/);
  assert.deepEqual(replies[5], { key: "c", value: 3, revision: 2, time: TIME });
  assert.deepEqual(store.listKeys("s", { limit: 9 }).names, ["a", "c"]);
});

test("frames of one request take effect in order", async ({ ask }) => {
  const scope = { service: "s" };
  const created = await ask("create-scope", scope, scope);
  assert.equal((created[0] as { success: boolean }).success, true);
  assertFailure(created[1], "scope_exists");
  const deleted = await ask("delete-scope", scope, scope);
  assert.equal((deleted[0] as { success: boolean }).success, true);
  assertFailure(deleted[1], "scope_not_found");
});

test("without a JSON frame an operation is answered as with {}", async ({ ask }) => {
  for (const operation of OPERATION_NAMES) {
    const bare = await ask(operation);
    assert.equal(bare.length, 1);
    assert.deepEqual(bare, await ask(operation, "{}"));
    assert.deepEqual(bare, await ask(operation, ""));
    if (["list-scopes", "health", "watch", "backup", "acknowledge"].includes(operation)) continue;
    assertFailure(bare[0], "invalid_request", /"(service|operations|since)"/);
  }
});

test("every operation reads its JSON, also the one that needs none of it", async ({ ask }) => {
  for (const operation of OPERATION_NAMES) {
    for (const broken of ["derp", "[]", "1", "{", "\0", `{"service":"s"}{`]) {
      assertFailure((await ask(operation, broken))[0], "invalid_json");
    }
  }
});

test("a request without any frame is answered", async ({ ask }) => {
  const replies = await ask();
  assert.equal(replies.length, 1);
  assertFailure(replies[0], "invalid_request", /without frames/);
});

test("an unknown operation is answered once for each JSON frame", async ({ ask }) => {
  for (const operation of ["", "gte", "GET", "get ", "get\0", "__proto__", "toString", "\ufffd"]) {
    const one = await ask(operation);
    assert.equal(one.length, 1);
    assertFailure(one[0], "unknown_operation", /there are create-scope, /);
    assert.deepEqual(await ask(operation, "{}", "broken", ""), [one[0], one[0], one[0]]);
  }
});

test("1025 JSON frames are refused in one frame and nothing is done", async ({ ask, store }) => {
  const bodies = Array.from({ length: 1025 }, () => ({ service: "s", key: "k", value: 1 }));
  const replies = await ask("set", ...bodies);
  assert.equal(replies.length, 1);
  assertFailure(replies[0], "invalid_request", /at most 1024 JSON frames, found 1025/);
  assert.equal(store.status().revision, 0);
});

test("each bad field has its code and is named, and the next good request is answered", async (state) => {
  const { askOne } = state;
  const good = { service: "s", key: "k", value: 1 };
  const bad: [Record<string, unknown>, code: string, sentence: RegExp][] = [
    [{ service: undefined }, "invalid_request", /"service"/],
    [{ service: "" }, "invalid_request", /"service"/],
    [{ service: "a b" }, "invalid_request", /"service"/],
    [{ service: "a/b" }, "invalid_request", /"service"/],
    [{ service: "x".repeat(256) }, "invalid_request", /"service".*255 bytes, found 256/],
    [{ service: 1 }, "invalid_request", /"service".*a number/],
    [{ service: "\ud800" }, "invalid_request", /"service"/],
    [{ key: undefined }, "invalid_request", /"key".*nothing/],
    [{ key: "" }, "invalid_request", /"key"/],
    [{ key: ["k"] }, "invalid_request", /"key".*an array/],
    [{ key: "a\0" }, "invalid_request", /"key".*NUL/],
    [{ key: "\udc00" }, "invalid_request", /"key"/],
    [{ key: "k".repeat(1025) }, "key_too_large", /1024 bytes, found 1025/],
    [{ value: undefined }, "invalid_request", /"value".*nothing/],
    [
      { value: "x".repeat(VALUE_BYTES_MAX - 1) },
      "value_too_large",
      /1000 bytes of JSON, found 1001/,
    ],
  ];
  for (const [fields, code, sentence] of bad) {
    for (const operation of ["set", "state-set"]) {
      assertFailure(await askOne(operation, { ...good, ...fields }), code, sentence);
      await assertStillServing(state);
    }
    if ("value" in fields) continue;
    for (const operation of ["get", "state-get", "delete"]) {
      assertFailure(await askOne(operation, { ...good, ...fields }), code, sentence);
      await assertStillServing(state);
    }
  }
  assert.equal(state.store.hasScope("s"), false);
  assert.deepEqual(state.faults, []);
});

test("an error repeats no value", async ({ askText }) => {
  const secret = "correct horse";
  const bodies: Frame[] = [
    { service: "s", value: secret },
    { service: 1, key: "k", value: secret },
    { service: "s", key: "k", value: secret.repeat(100) },
    `{"service":"s","key":"k","value":"${secret}"`,
    `{"service":"s","key":"k","value":${secret}}`,
    { service: "s", key: "x".repeat(2000), value: secret },
  ];
  for (const reply of await askText("set", ...bodies)) {
    assert.ok(!reply.includes("horse"), reply);
    assert.match(reply, /"success":false/);
  }
});

test("a full disk is storage_full; reads go on and the next commit succeeds", async (state) => {
  const { ask, askOne, disk, store, faults } = state;
  const kept = await askOne("set", { service: "a", key: "k", value: 1 });
  disk.fault = DISK_FULL;
  const replies = await ask(
    "set",
    { service: "a", key: "k", value: 2 },
    { service: "b", key: "k", value: 2 },
  );
  for (const reply of replies) assertFailure(reply, "storage_full", /disk is full/);
  for (const operation of ["create-scope", "delete-scope", "delete"]) {
    const service = operation === "create-scope" ? "b" : "a";
    assertFailure(await askOne(operation, { service, key: "k" }), "storage_full");
  }
  assert.deepEqual(await askOne("get", { service: "a", key: "k" }), kept);
  assert.deepEqual(await askOne("list-scopes"), {
    success: true,
    data: { scopes: ["a"], count: 1 },
  });
  assert.deepEqual(await askOne("health"), {
    success: true,
    data: { status: "healthy", store_available: false },
  });
  disk.fault = undefined;
  assert.deepEqual(await askOne("set", { service: "a", key: "k", value: 3 }), {
    key: "k",
    value: 3,
    revision: 2,
    time: TIME,
  });
  assert.equal(store.status().available, true);
  assert.deepEqual(faults, []);
});

test("any other trouble of the disk is storage_unavailable", async ({ askOne, disk, store }) => {
  const failures: unknown[] = [
    new TypeError("attempt to write a readonly database"),
    new Error("disk I/O error"),
    "not even an error",
    new PlantdError("storage_unavailable", "another process has written to the database"),
  ];
  for (const failure of failures) {
    disk.fault = failure;
    const reply = await askOne("set", { service: "a", key: "k", value: 1 });
    const said = failure instanceof Error ? failure.message : String(failure);
    assertFailure(reply, "storage_unavailable", new RegExp(said));
    assert.match(store.status().failure!, new RegExp(said));
    assertFailure(await askOne("get", { service: "a", key: "k" }), "scope_not_found");
  }
  disk.fault = undefined;
});

test("a fault of ours is internal, its cause told to the log and not to the caller", async (state) => {
  const { context, faults, store } = state;
  const broken = new Error("a secret of the inside");
  const failing = (thrown: unknown): Store =>
    new Proxy(store, {
      get: (target, name) => {
        if (name === "epoch") throw thrown;
        const value = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return () => {
          throw thrown;
        };
      },
    });
  for (const thrown of [broken, "a secret text", undefined, null]) {
    const health = () => {
      throw thrown;
    };
    for (const operation of OPERATION_NAMES) {
      const body = frameBytes({
        service: "s",
        key: "k",
        value: 1,
        entries: { a: 1 },
        operations: [{ operation: "create-scope", service: "s" }],
        since: 0,
        revision: 1,
        history: 1,
      });
      const broken = failing(thrown);
      const snapshots = new Snapshots(broken, state.clock);
      const maintenance = { backup: health, acknowledge: health };
      const replies = await handleRequest(
        { ...context, store: broken, snapshots, maintenance, health },
        [operation, body, body].map(frameBytes),
        SOURCE,
      );
      assert.equal(replies.length, 2);
      for (const reply of replies) {
        assertFailure(
          JSON.parse(text(reply)),
          "internal",
          /^the service failed; its log says why$/,
        );
      }
      assert.deepEqual(faults.splice(0), [[operation, thrown], [operation, thrown]]);
    }
  }
});

test("an error that is not of the wire contract is a fault of ours too", async (state) => {
  const { context, faults } = state;
  const thrown = new PlantdError("socket_closed", "cannot send: the socket is closed");
  const health = () => {
    throw thrown;
  };
  const [reply] = await handleRequest({ ...context, health }, [frameBytes("health")], SOURCE);
  assertFailure(JSON.parse(text(reply!)), "internal");
  assert.deepEqual(faults, [["health", thrown]]);
});

test("every body that is answered is told, with its operation and outcome", async (state) => {
  const { ask, answers } = state;
  await ask("set", { service: "s", key: "k", value: 1 }, "broken");
  await ask("get", { service: "s", key: "k" });
  await ask();
  assert.deepEqual(answers.splice(0).toSorted(), [
    ["get", "ok"],
    ["set", "invalid_json"],
    ["set", "ok"],
    ["unknown", "invalid_request"],
  ]);
  // Any text may come as an operation: it must not become a label.
  await ask("no such thing", "{}", "{}");
  assert.deepEqual(answers, [
    ["unknown", "unknown_operation"],
    ["unknown", "unknown_operation"],
  ]);
});

Deno.test("operations - any frames whatever are answered by as many frames of JSON", async () => {
  await using state = await openState();
  const name = fc.constantFrom<unknown>("a", "b", "__proto__", "", 1, null, undefined, "x y");
  const request = fc.record({
    service: name,
    key: name,
    value: fc.jsonValue(),
    limit: fc.constantFrom<unknown>(undefined, 1, 0, "1", null),
    prefix: name,
    after: name,
  }, { requiredKeys: [] }).map((body) => frameBytes(body));
  const json = fc.oneof(
    { weight: 6, arbitrary: request },
    { weight: 1, arbitrary: fc.jsonValue().map((value) => frameBytes(JSON.stringify(value))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    { weight: 1, arbitrary: anyText().map(frameBytes) },
  );
  const operation = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...OPERATION_NAMES).map(frameBytes) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  );
  const frames = fc.oneof(
    { weight: 20, arbitrary: fc.tuple(operation, fc.array(json, { maxLength: 5 })) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
  await fc.assert(
    fc.asyncProperty(frames, async (request) => {
      const sent = request ? [request[0], ...request[1]] : [];
      const replies = await handleRequest(state.context, sent, SOURCE);
      assert.equal(replies.length, Math.max(1, sent.length - 1));
      for (const reply of replies) {
        const answer = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(reply)) as {
          success?: boolean;
          code?: string;
          error?: string;
          key?: string;
        };
        if (answer.success === false) {
          assert.deepEqual(Object.keys(answer), ["success", "error", "code"]);
          assert.ok((WIRE_CODES as readonly string[]).includes(answer.code!), answer.code);
          assert.notEqual(answer.code, "internal");
          assert.notEqual(answer.error, "");
        } else {
          assert.ok(answer.success === true || typeof answer.key === "string");
        }
      }
    }),
    { numRuns: 1000 },
  );
  assert.deepEqual(state.faults, []);
  await assertStillServing(state);
});
