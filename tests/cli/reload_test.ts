import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import { freePorts } from "../helpers/ports.ts";
import { devSettings, startProgram, writeConfig } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";

Deno.test("reload - SIGHUP changes the log level and the audit log of a running service, and says so", async () => {
  await using dir = await tempDir();
  const audit = `${dir.path}/audit/audit.jsonl`;
  const { args, healthPort } = await devSettings(dir.path, { http: { edit: true } });
  const path = args[1]!;
  const before = await Deno.readTextFile(path);
  // Its working directory is where it may write.
  await using program = await startProgram(["dev", ...args], { cwd: dir.path });
  const linesOf = (message: string) => program.log.filter((line) => line.message === message);
  const reloaded = async (settings: string, message: string) => {
    const { length } = linesOf(message);
    await Deno.writeTextFile(path, settings);
    program.child.signal("SIGHUP");
    await program.child.until("it has reloaded", () => linesOf(message).length > length);
    return linesOf(message).at(-1)!;
  };
  const set = async (key: string) => {
    const url = `http://127.0.0.1:${healthPort}/api/v1/scopes/a/keys/${key}`;
    const headers = { "content-type": "application/json" };
    const response = await fetch(url, { method: "PUT", headers, body: '"secret"' });
    assert.equal(response.status, 200, await response.text());
  };
  await set("before");
  const line = await reloaded(
    `${before}audit:\n  file: ${audit}\nlog:\n  level: debug\nworker:\n  lanes: 3\n`,
    "settings loaded again",
  );
  assert.deepEqual(line.properties.changed, [
    `audit.file: not set -> ${JSON.stringify(audit)}`,
    'log.level: "info" -> "debug"',
  ]);
  assert.deepEqual(line.properties.afterRestart, ["worker.lanes: 16 -> 3"]);
  await set("after");
  const text = () => Deno.readTextFile(audit).catch(() => "");
  await until("the change is told", async () => (await text()).split("\n").length === 3);
  const [opened, change] = (await text()).trimEnd().split("\n").map((text) => JSON.parse(text));
  assert.equal(opened.event, "opened");
  assert.deepEqual(
    [change.operation, change.scope, change.key, change.source],
    ["set", "a", "after", "http:127.0.0.1"],
  );
  assert.doesNotMatch(await text(), /secret/);
  await reloaded("nonsense: 1\n", "settings not loaded again, everything stays as it was");
  await set("still");
  await until("that is told, too", async () => (await text()).includes('"key":"still"'));
  const back = await reloaded(before, "settings loaded again");
  assert.equal((back.properties.changed as string[]).length, 2);
  const { code } = await program.stop();
  assert.equal(code, 0);
});

Deno.test("reload - a broker takes over its log level", async () => {
  await using dir = await tempDir();
  const [port] = freePorts(1);
  const settings = { endpoint: `tcp://127.0.0.1:${port}`, buses: [] };
  const config = await writeConfig(dir.path, "broker.yml", settings);
  await using program = await startProgram(["broker", "--config", config], { cwd: dir.path });
  await writeConfig(dir.path, "broker.yml", { ...settings, log: { level: "error" } });
  program.child.signal("SIGHUP");
  await program.child.until(
    "it has reloaded",
    () => program.log.some(({ message }) => message === "settings loaded again"),
  );
  await program.stop();
  assert.ok(program.log.every(({ message }) => message !== "stopped"), "only errors are logged");
});
