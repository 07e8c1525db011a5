import assert from "node:assert/strict";

import {
  loadBrokerConfig,
  type LoadOptions,
  loadStateConfig,
  refuseMemoryDatabase,
} from "../../src/config/load.ts";
import { BROKER_SETTINGS, STATE_SETTINGS, type StatePath } from "../../src/config/schema.ts";
import { leavesOf } from "../../src/config/collect.ts";
import {
  bind,
  BROKER_DEFAULTS,
  connect,
  environment,
  errorOf,
  loadBroker,
  loadState,
  STATE_DEFAULTS,
  withFiles,
} from "./helpers.ts";

const CONFIGS = new URL("../../configs/", import.meta.url).pathname;

Deno.test("load - an empty file gives all defaults", () => {
  for (const content of ["", "---\n", "# nothing\n", "log:\nbus:\n  # queue: 1\n"]) {
    const { config, sources, ignored, file } = loadState(content);
    assert.deepEqual(config, STATE_DEFAULTS);
    assert.ok([...sources.values()].every(({ from }) => from === "default"));
    assert.deepEqual(ignored, []);
    assert.equal(file, "state.yml");
  }
  assert.deepEqual(loadBroker("").config, BROKER_DEFAULTS);
});

Deno.test("load - the examples load and the full ones are the defaults", () => {
  const env = environment();
  const state = loadStateConfig({ env, configPath: `${CONFIGS}state.yml` });
  assert.deepEqual(state.config, STATE_DEFAULTS);
  assert.deepEqual(state.ignored, []);
  const broker = loadBrokerConfig({ env, configPath: `${CONFIGS}broker.yml` });
  assert.deepEqual(broker.config, BROKER_DEFAULTS);
  const dev = loadStateConfig({ env, configPath: `${CONFIGS}dev.yml` });
  assert.equal(dev.config.database.path, ".plantd/dev.db");
  assert.equal(dev.config.bus.createScopes, true);
});

Deno.test("load - the full examples show every key there is", () => {
  for (
    const [name, tree] of [["state.yml", STATE_SETTINGS], ["broker.yml", BROKER_SETTINGS]] as const
  ) {
    const text = Deno.readTextFileSync(CONFIGS + name);
    for (const path of leavesOf(tree).keys()) {
      const key = path.split(".").at(-1)!;
      assert.match(text, new RegExp(`^ *(# )?${key}:`, "m"), `${name} does not show ${path}`);
    }
  }
});

Deno.test("load - the configuration is frozen all the way down", () => {
  const { config } = loadState("");
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.broker.endpoint));
  const broker = loadBroker("").config;
  assert.ok(Object.isFrozen(broker.buses) && Object.isFrozen(broker.buses[0]!.frontend));
});

Deno.test("load - flags win over environment, environment over file, file over defaults", () => {
  const file = "database:\n  path: file.db\n";
  const env = environment({ PLANTD_STATE_DB: "env.db" });
  const flags = { "database.path": { value: "flag.db", flag: "--db" } };
  const layers: [LoadOptions<StatePath>, string, string, string][] = [
    [{ flags, env }, file, "flag.db", "flag --db"],
    [{ env }, file, "env.db", "environment PLANTD_STATE_DB"],
    [{}, file, "file.db", "state.yml:2"],
    [{}, "", "plantd-state.db", "default"],
  ];
  for (const [options, content, value, from] of layers) {
    const { config, sources } = loadState(content, options);
    assert.equal(config.database.path, value);
    assert.deepEqual(sources.get("database.path"), { value, from });
  }
});

Deno.test("load - every environment variable sets its setting", () => {
  const { config } = loadState("", {
    env: environment({
      PLANTD_STATE_DB: "/var/lib/plantd/state.db",
      PLANTD_STATE_BROKER_ENDPOINT: "tcp://broker:7200",
      PLANTD_STATE_BUS_ENDPOINT: "@tcp://*:11001",
      PLANTD_STATE_HEALTH_PORT: "0",
      PLANTD_STATE_LOG_LEVEL: "warning",
      PLANTD_STATE_LOG_FORMAT: "text",
      PLANTD_STATE_WORKER_LANES: "4",
    }),
  });
  assert.equal(config.database.path, "/var/lib/plantd/state.db");
  assert.deepEqual(config.broker.endpoint, connect("tcp://broker:7200"));
  assert.deepEqual(config.bus.endpoint, bind("tcp://*:11001"));
  assert.equal(config.health.port, 0);
  assert.deepEqual(config.log, { level: "warn", format: "pretty" });
  assert.equal(config.worker.lanes, 4);

  withFiles({ "b.yml": "" }, (cwd) => {
    const broker = loadBrokerConfig({
      cwd,
      env: environment({
        PLANTD_BROKER_CONFIG: "b.yml",
        PLANTD_BROKER_ENDPOINT: "tcp://*:9797",
        PLANTD_BROKER_LOG_LEVEL: "panic",
        PLANTD_BROKER_LOG_FORMAT: "json",
      }),
    });
    assert.deepEqual(broker.config.endpoint, bind("tcp://*:9797"));
    assert.deepEqual(broker.config.log, { level: "fatal", format: "json" });
    assert.equal(broker.file, "b.yml");
  });
});

Deno.test("load - an invalid variable or flag is named", () => {
  const cases: [Record<string, string>, RegExp][] = [
    [
      { PLANTD_STATE_HEALTH_PORT: "http" },
      /^environment "PLANTD_STATE_HEALTH_PORT" needs a whole number from 0 to 65535, found the text "http"$/,
    ],
    [{ PLANTD_STATE_WORKER_LANES: "0" }, /"PLANTD_STATE_WORKER_LANES" needs .* 1 to 256, found 0/],
    [{ PLANTD_STATE_WORKER_LANES: "4.5" }, /"PLANTD_STATE_WORKER_LANES" needs/],
    [{ PLANTD_STATE_LOG_LEVEL: "loud" }, /"PLANTD_STATE_LOG_LEVEL" needs one of trace, .*"loud"/],
    [
      { PLANTD_STATE_BROKER_ENDPOINT: "@tcp://*:1" },
      /"PLANTD_STATE_BROKER_ENDPOINT": endpoint .* binds/,
    ],
    [
      { PLANTD_STATE_BUS_ENDPOINT: "tcp://a" },
      /"PLANTD_STATE_BUS_ENDPOINT": endpoint "tcp:\/\/a" has no port/,
    ],
  ];
  for (const [variables, expected] of cases) {
    const error = errorOf(() => loadState("", { env: environment(variables) }));
    assert.equal(error.code, "config_invalid");
    assert.match(error.message, expected);
  }
  const flags = { "health.port": { value: 70_000, flag: "--health-port" } };
  assert.match(
    errorOf(() => loadState("", { flags })).message,
    /^flag "--health-port" needs a whole number from 0 to 65535, found 70000$/,
  );
});

Deno.test("load - a flag may be text or a value that was parsed already", () => {
  const { config } = loadState("", {
    flags: {
      "health.port": { value: "9000", flag: "--health-port" },
      "worker.lanes": { value: 2, flag: "--lanes" },
      "bus.create-scopes": { value: "true", flag: "--create-scopes" },
      "service.id": { value: "123", flag: "--service" },
      "log.level": undefined,
    },
  });
  assert.equal(config.health.port, 9000);
  assert.equal(config.worker.lanes, 2);
  assert.equal(config.bus.createScopes, true);
  assert.equal(config.service.id, "123");
});

Deno.test("load - an empty variable counts as unset", () => {
  const env = environment({ PLANTD_STATE_DB: "", PLANTD_STATE_HEALTH_PORT: "" });
  assert.deepEqual(loadState("", { env }).config, STATE_DEFAULTS);
});

Deno.test("load - the file is the flag's, else the variable's, else the directory's", () => {
  const files = {
    "flag.yml": "worker: {lanes: 1}",
    "variable.yml": "worker: {lanes: 2}",
    "state.yml": "worker: {lanes: 3}",
  };
  withFiles(files, (cwd) => {
    const env = environment({ PLANTD_STATE_CONFIG: "variable.yml" });
    assert.equal(loadStateConfig({ cwd, env, configPath: "flag.yml" }).config.worker.lanes, 1);
    assert.equal(loadStateConfig({ cwd, env }).config.worker.lanes, 2);
    const empty = environment({ PLANTD_STATE_CONFIG: "" });
    assert.equal(loadStateConfig({ cwd, env: empty }).config.worker.lanes, 3);
  });
});

Deno.test("load - a file that was named must exist, the usual ones need not", () => {
  withFiles({}, (cwd) => {
    const byFlag = errorOf(() =>
      loadStateConfig({ cwd, env: environment(), configPath: "no.yml" })
    );
    assert.equal(byFlag.message, 'flag --config: there is no file "no.yml"');
    const env = environment({ PLANTD_STATE_CONFIG: "no.yml" });
    const byVariable = errorOf(() => loadStateConfig({ cwd, env }));
    assert.equal(byVariable.message, 'environment PLANTD_STATE_CONFIG: there is no file "no.yml"');
    assert.notEqual(loadStateConfig({ cwd, env: environment() }).file, "state.yml");
  });
});

Deno.test("load - a database in memory is refused", () => {
  for (const mode of ["memory", "MEMORY", "anything"]) {
    const error = errorOf(() => refuseMemoryDatabase(environment({ DENO_KV_DB_MODE: mode })));
    assert.equal(error.code, "database_unusable");
    assert.match(error.message, /persistence would be off/);
  }
  refuseMemoryDatabase(environment({ DENO_KV_DB_MODE: "disk" }));
  refuseMemoryDatabase(environment({ DENO_KV_DB_MODE: "" }));
  refuseMemoryDatabase(environment());
});
