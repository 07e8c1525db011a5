import assert from "node:assert/strict";
import { loadStateConfig } from "../../src/config/load.ts";
import { reload, STATE_RELOADABLE } from "../../src/config/reload.ts";
import { STATE } from "../../src/config/schema.ts";
import { leavesOf } from "../../src/config/collect.ts";
import { writeConfig } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";

/** What `settings` in a file make of a configuration. */
async function loaded(settings: unknown, level?: string) {
  await using dir = await tempDir();
  return loadStateConfig({
    configPath: await writeConfig(dir.path, "state.yml", settings),
    env: () => undefined,
    flags: { "log.level": level === undefined ? undefined : { value: level, flag: "--log-level" } },
  });
}

Deno.test("reload - what can be taken over is, the rest stays and is named", async () => {
  const before = await loaded({ log: { level: "info" }, worker: { lanes: 4 } });
  const after = await loaded({
    log: { level: "debug" },
    worker: { lanes: 8 },
    audit: { file: "/var/log/audit.jsonl", "file-bytes": 100_000 },
    bus: { pull: "@tcp://127.0.0.1:11003", queue: 5 },
  });
  const { loaded: inForce, changed, afterRestart } = reload(before, after, STATE_RELOADABLE);
  assert.deepEqual(changed, [
    "bus.queue: 100000 -> 5",
    'audit.file: not set -> "/var/log/audit.jsonl"',
    "audit.file-bytes: 16777216 -> 100000",
    'log.level: "info" -> "debug"',
  ]);
  assert.deepEqual(afterRestart, [
    "worker.lanes: 4 -> 8",
    'bus.pull: not set -> "@tcp://127.0.0.1:11003"',
  ]);
  const { worker, bus, audit, log } = inForce.config;
  assert.deepEqual(
    [worker.lanes, bus.pull, bus.queue, audit.fileBytes, log.level],
    [4, undefined, 5, 100_000, "debug"],
  );
  assert.deepEqual(before.config.log.level, "info");
  assert.ok(Object.isFrozen(inForce.config) && Object.isFrozen(inForce.config.audit));
  // What needs a restart is said again each time until there was one.
  const again = reload(inForce, after, STATE_RELOADABLE);
  assert.deepEqual([again.changed, again.afterRestart], [[], afterRestart]);
});

Deno.test("reload - flags still win, and what they hide is no change", async () => {
  const before = await loaded({ log: { level: "info" } }, "warn");
  const after = await loaded({ log: { level: "debug" } }, "warn");
  assert.deepEqual(reload(before, after, STATE_RELOADABLE).changed, []);
});

Deno.test("reload - every setting that can be taken over is one", () => {
  const paths = new Set(leavesOf(STATE.settings).keys());
  assert.deepEqual([...STATE_RELOADABLE].filter((path) => !paths.has(path)), []);
});
