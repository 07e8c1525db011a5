import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import { devSettings, runProgram, startProgram } from "../helpers/program.ts";
import { interopTest } from "../helpers/python.ts";
import { tempDir } from "../helpers/temp.ts";
import { PythonClient, PythonPublisher, type Reply, STATE } from "./helpers.ts";

const SCOPE = "org.plantd.Test";

interopTest(
  "dev - the source loop of the original is stored, counted, and there again after kill -9",
  async () => {
    await using dir = await tempDir();
    const { args, broker, frontend } = await devSettings(dir.path);
    {
      await using dev = await startProgram(["dev", ...args], { cwd: dir.path });
      await using client = await PythonClient.start(broker);
      await using source = await PythonPublisher.start(frontend);
      await client.state("create-scope", { service: SCOPE });
      await source.untilSubscribed(SCOPE);
      await source.untilSubscribed("{");
      const state = (key: string) => client.state("get", { service: SCOPE, key });

      for (let i = 0; i < 10; i += 1) await source.publish(`${SCOPE}{"key":"foo","value":"${i}"}`);
      await until("the last of ten updates", async () => (await state("foo")).value === "9");

      await source.publish(SCOPE, '{"key":"two","value":[2]}', '{"key":"three","value":{"n":3.0}}');
      await source.publish(`{"service":"${SCOPE}","key":"bare","value":true}`);
      await source.publish(SCOPE, '{"entries":{"a":1,"b":2}}');
      await source.publish(SCOPE, '{"key":"a","delete":true}');
      // Its subscription is a prefix of these, its name is not theirs.
      await source.publish(`${SCOPE}2{"key":"leak","value":1}`);
      await source.publish(`${SCOPE}2`, '{"key":"leak","value":1}');
      // Things that are no update.
      await source.publish(`${SCOPE} derp`);
      await source.publish(SCOPE, "{broken");
      await source.publish(SCOPE, '{"key":"novalue"}');
      await source.publish('{"key":"noscope","value":1}');
      await source.publish(SCOPE, '{"key":"last","value":"!"}');
      await until("the last update", async () => (await state("last")).value === "!");

      const listed = await client.state("list-keys", { service: SCOPE });
      assert.deepEqual(listed.data.keys, ["b", "bare", "foo", "last", "three", "two"]);
      const health = await client.state("health");
      assertCounts(health.data.bus);
      await dev.kill();
    }
    await using _again = await startProgram(["dev", ...args], { cwd: dir.path });
    await using client = await PythonClient.start(broker);
    const keys = ["b", "bare", "foo", "last", "three", "two"];
    const asked = keys.map((key) => JSON.stringify({ service: SCOPE, key }));
    const replies = await client.body(STATE, ["get", ...asked]);
    // As text, for 3.0 is a value of its own.
    assert.deepEqual(replies.map((frame) => /"value":(.*),"revision"/.exec(String(frame))?.[1]), [
      "2",
      "true",
      '"9"',
      '"!"',
      '{"n":3.0}',
      "[2]",
    ]);
    const command = ["state", "get", `--endpoint=${broker}`, `--service=${SCOPE}`, "foo"];
    const { code, stdout } = await runProgram(command, { cwd: dir.path });
    assert.deepEqual([code, stdout], [0, "9\n"]);
    assert.equal((await client.state("get", { service: `${SCOPE}2`, key: "leak" })).success, false);
  },
);

/** Received is stored plus rejected, for the scope, for all others, and in the sum. */
function assertCounts(bus: Reply): void {
  assert.equal(bus.connected, true);
  const { received, stored, pending, rejected } = bus;
  assert.deepEqual({ received, stored, pending, rejected }, {
    received: 22,
    stored: 16,
    pending: 0,
    rejected: {
      scope_not_found: 2,
      not_an_update: 1,
      invalid_json: 1,
      invalid_request: 1,
      no_scope: 1,
    },
  });
  assert.deepEqual(bus.scopes[SCOPE], {
    received: 18,
    stored: 16,
    coalesced: 0,
    pending: 0,
    rejected: { invalid_json: 1, invalid_request: 1 },
  });
  assert.equal(bus.scopes["/other"].received, 4);
}
