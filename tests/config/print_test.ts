import assert from "node:assert/strict";
import fc from "fast-check";

import { loadBrokerConfig, loadStateConfig } from "../../src/config/load.ts";
import { printConfig } from "../../src/config/print.ts";
import { environment, withFiles } from "./helpers.ts";

const FILES = {
  "state.yml": `broker-endpoint: tcp://localhost:9797
log: {level: warning, format: text}
bus:
  default-scope: org.plantd.Client
  frontend: "@tcp://localhost:11000"
`,
  "broker.yml": `heartbeat-interval: 1000000
client-endpoint: tcp://plant:9797
buses:
  - {name: state, frontend: tcp://*:1, backend: "@tcp://*:2", capture: inproc://pipe}
  - {name: "1", frontend: tcp://*:3, backend: tcp://*:4}
`,
  "empty.yml": "buses: []\n",
};

Deno.test("print - every value is shown with where it comes from, in columns", () => {
  withFiles(FILES, (cwd) => {
    const printed = printConfig(loadStateConfig({
      cwd,
      configPath: "state.yml",
      env: environment({ PLANTD_STATE_HEALTH_PORT: "0" }),
      flags: { "database.path": { value: "a.db", flag: "--db" } },
    }));
    const line = (key: string) => printed.split("\n").find((line) => line.includes(`${key}:`))!;
    assert.match(line("endpoint"), /^ {2}endpoint: "?>tcp:\/\/localhost:9797"? +# state.yml:1$/);
    assert.match(line("path"), /^ {2}path: a\.db +# flag --db$/);
    assert.match(line("port"), /^ {2}port: 0 +# environment PLANTD_STATE_HEALTH_PORT$/);
    assert.match(line("lanes"), /^ {2}lanes: 16 +# default$/);
    assert.match(line("level"), /^ {2}level: warn +# state.yml:2$/);
    const columns = printed.split("\n").filter((line) => line.includes("  # "))
      .filter((line) => !line.startsWith("  # ")).map((line) => line.lastIndexOf("  # "));
    assert.equal(new Set(columns).size, 1);
  });
});

Deno.test("print - what is not set is shown as a comment", () => {
  withFiles({ "state.yml": "" }, (cwd) => {
    const printed = printConfig(
      loadStateConfig({ cwd, configPath: "state.yml", env: environment() }),
    );
    assert.match(printed, /^ {2}# default-scope: +# not set$/m);
  });
});

Deno.test("print - what is printed loads as the same configuration", () => {
  withFiles(FILES, (cwd) => {
    const env = environment();
    const state = loadStateConfig({ cwd, env, configPath: "state.yml" });
    Deno.writeTextFileSync(`${cwd}/again.yml`, printConfig(state));
    const again = loadStateConfig({ cwd, env, configPath: "again.yml" });
    assert.deepEqual(again.config, state.config);
    for (const configPath of ["broker.yml", "empty.yml"]) {
      const broker = loadBrokerConfig({ cwd, env, configPath });
      Deno.writeTextFileSync(`${cwd}/again.yml`, printConfig(broker));
      assert.deepEqual(
        loadBrokerConfig({ cwd, env, configPath: "again.yml" }).config,
        broker.config,
      );
    }
  });
});

Deno.test("print - the round trip holds for any path and any name of a file", () => {
  withFiles({ "state.yml": "" }, (cwd) => {
    const text = fc.string({ minLength: 1, unit: "binary" }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(text, text, (path, flag) => {
        const flags = { "database.path": { value: path, flag } };
        const loaded = loadStateConfig({ cwd, env: environment(), configPath: "state.yml", flags });
        Deno.writeTextFileSync(`${cwd}/again.yml`, printConfig(loaded));
        const again = loadStateConfig({ cwd, env: environment(), configPath: "again.yml" });
        assert.equal(again.config.database.path, path);
      }),
      { numRuns: 100, examples: [["\n", "--db"], ["a\n", "--db"], ["\u0085", "--db"]] },
    );
  });
});
