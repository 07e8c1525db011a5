import assert from "node:assert/strict";
import { devSettings, startProgram } from "../helpers/program.ts";
import { interopTest, startPeer } from "../helpers/python.ts";
import { tempDir } from "../helpers/temp.ts";
import { DIALECTS, PythonClient, STATE } from "./helpers.ts";
import { Client } from "../../src/mdp/client.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { bytes } from "../helpers/async.ts";
import { freePort } from "../helpers/ports.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

for (const kind of ["req", "dealer"] as const) {
  interopTest(
    `dev - an mdp01 client with ${kind.toUpperCase()} gets the replies of the contract`,
    async () => {
      await using dir = await tempDir();
      const { args, broker } = await devSettings(dir.path);
      await using _dev = await startProgram(["dev", ...args], { cwd: dir.path });
      await using client = await PythonClient.start(broker, "mdp01", kind);
      const scope = "org.plantd.Test";

      assert.deepEqual(await client.frames(STATE, ["create-scope", `{"service":"${scope}"}`]), [
        "",
        "MDPC01",
        STATE,
        `{"success":true,"data":{"scope":"${scope}","status":"created"}}`,
      ]);
      const again = await client.state("create-scope", { service: scope });
      assert.deepEqual([again.success, again.code], [false, "scope_exists"]);
      assert.equal(typeof again.error, "string");

      const set = await client.state("set", {
        service: scope,
        key: "foo",
        value: "oof",
        token: "x",
      });
      assert.deepEqual(Object.keys(set), ["key", "value", "revision", "time"]);
      assert.deepEqual([set.key, set.value], ["foo", "oof"]);
      assert.match(set.time, TIME);
      assert.deepEqual(await client.state("get", { service: scope, key: "foo" }), set);

      const value = [1.5, null, { on: true }];
      const stateSet = await client.state("state-set", { service: scope, key: "bar", value });
      assert.deepEqual([stateSet.success, stateSet.data.scope, stateSet.data.key], [
        true,
        scope,
        "bar",
      ]);
      assert.equal(stateSet.data.revision, set.revision + 1);
      const stateGet = await client.state("state-get", { service: scope, key: "bar" });
      assert.deepEqual(stateGet, stateSet);
      assert.deepEqual(stateGet.data.value, value);

      const keys = await client.state("list-keys", { service: scope });
      assert.equal(keys.success, true);
      assert.deepEqual([keys.data.keys, keys.data.count, keys.data.scope], [
        ["bar", "foo"],
        2,
        scope,
      ]);
      const some = await client.state("list-keys", { service: scope, prefix: "f" });
      assert.deepEqual(some.data.keys, ["foo"]);
      const scopes = await client.state("list-scopes");
      assert.deepEqual(scopes, { success: true, data: { scopes: [scope], count: 1 } });

      const gone = await client.state("delete", { service: scope, key: "foo" });
      assert.deepEqual([gone.success, gone.data.status], [true, "deleted"]);
      const missing = await client.state("delete", { service: scope, key: "foo" });
      assert.equal(missing.success, true, "a missing key is no failure");
      assert.equal(
        (await client.state("get", { service: scope, key: "foo" })).code,
        "key_not_found",
      );
      assert.equal(
        (await client.state("get", { service: "no", key: "foo" })).code,
        "scope_not_found",
      );

      const deleted = await client.state("delete-scope", { service: scope });
      assert.deepEqual(deleted, { success: true, data: { scope, status: "deleted" } });
      assert.equal(
        (await client.state("delete-scope", { service: scope })).code,
        "scope_not_found",
      );

      const health = await client.state("health");
      assert.equal(health.success, true);
      assert.deepEqual([health.data.status, health.data.service, health.data.store_available], [
        "healthy",
        STATE,
        true,
      ]);
      assert.equal(typeof health.data.version, "string");
    },
  );
}

interopTest(
  "dev - several JSON frames give as many reply frames, in order, failures among them",
  async () => {
    await using dir = await tempDir();
    const { args, broker } = await devSettings(dir.path);
    await using _dev = await startProgram(["dev", ...args], { cwd: dir.path });
    await using client = await PythonClient.start(broker);
    const bodies = [1, 2, 3].map((value) => `{"service":"a","key":"k${value}","value":${value}}`);
    const set = await client.body(STATE, ["set", bodies[0]!, "{broken", bodies[1]!, bodies[2]!]);
    const replies = set.map((frame) => JSON.parse(frame as string));
    assert.deepEqual(replies.map(({ key, code }) => key ?? code), [
      "k1",
      "invalid_json",
      "k2",
      "k3",
    ]);
    const got = await client.body(STATE, [
      "get",
      ...["k3", "none", "k1"].map((key) => JSON.stringify({ service: "a", key })),
    ]);
    assert.deepEqual(
      got.map((frame) => JSON.parse(frame as string)).map(({ value, code }) => value ?? code),
      [3, "key_not_found", 1],
    );
    const bare = await client.body(STATE, ["list-scopes"]);
    assert.deepEqual(bare, ['{"success":true,"data":{"scopes":["a"],"count":1}}']);
  },
);

interopTest("dev - the eight calls of the original's README do what they did", async () => {
  await using dir = await tempDir();
  const { args, broker } = await devSettings(dir.path);
  await using dev = await startProgram(["dev", ...args], { cwd: dir.path });
  await using example = startPeer("readme_example.py", broker);
  await example.next("done");
  const replies = example.events.filter(({ reply }) => reply).map(({ event, reply }) => {
    const [{ key, value, success, data }] = reply as [Record<string, unknown>];
    const { scope, status } = (data ?? {}) as Record<string, unknown>;
    return success === true ? [event, scope, status] : [event, key, value];
  });
  const scope = "org.plantd.Test";
  assert.deepEqual(replies, [
    ["create-scope", scope, "created"],
    ["set", "foo", "oof"],
    ["set", "bar", "rab"],
    ["get", "foo", "oof"],
    ["get", "bar", "rab"],
    ["delete", scope, "deleted"],
    ["delete", scope, "deleted"],
    ["delete-scope", scope, "deleted"],
  ]);
  assert.equal((await example.child.ended).code, 0);

  const { code, tookMs } = await dev.stop("SIGINT");
  assert.equal(code, 0, "Ctrl-C is the way to end it");
  assert.ok(tookMs < 2000, `took ${tookMs} ms`);
});

for (const dialect of DIALECTS) {
  interopTest(
    `client - through a broker of theirs that speaks ${dialect} ours reaches a worker of theirs`,
    async () => {
      const endpoint = `tcp://127.0.0.1:${freePort()}`;
      await using broker = startPeer("strict_broker.py", endpoint, dialect, 400);
      await broker.next("bound");
      await using _worker = startPeer("worker.py", endpoint, dialect, "echo", 400);
      await using poller = new Poller();
      await using told = new Client({ poller, endpoint, dialect });
      // It begins with mdp01, and finds out.
      await using auto = new Client({ poller, endpoint, dialect: "auto", timeoutMs: 500 });
      const body = [new Uint8Array(0), Uint8Array.of(0, 0xff, 0x80), bytes("text")];
      for (const client of [told, auto]) {
        const requests = Array.from(
          { length: 5 },
          (_, i) => client.request("echo", [...body, bytes(String(i))]),
        );
        for (const [i, reply] of (await Promise.all(requests)).entries()) {
          assert.deepEqual(reply.map((frame) => [...frame]), [
            ...body.map((frame) => [...frame]),
            [...bytes(String(i))],
          ]);
        }
        assert.equal(client.status().dialect, dialect);
      }
    },
  );
}
