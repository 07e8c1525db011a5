import assert from "node:assert/strict";

import { collect } from "../../src/config/collect.ts";
import { readConfigFile } from "../../src/config/file.ts";
import {
  loadBrokerConfig,
  type Loaded,
  type LoadOptions,
  loadStateConfig,
  type ReadEnvironment,
} from "../../src/config/load.ts";
import {
  BROKER,
  type BrokerConfig,
  STATE,
  type StateConfig,
  type StatePath,
} from "../../src/config/schema.ts";
import {
  BUS_QUEUE_MAX,
  CHANGE_LOG_MAX,
  HISTORY_DEFAULT,
  REQUEST_ID_MS,
  VALUE_BYTES_MAX,
} from "../../src/limits.ts";
import { PlantdError } from "../../src/errors.ts";

/** Runs `body` in a directory with these files, and removes it. */
export function withFiles(files: Record<string, string | Uint8Array>, body: (dir: string) => void) {
  const dir = Deno.makeTempDirSync({ prefix: "plantd-config-" });
  try {
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === "string") Deno.writeTextFileSync(`${dir}/${name}`, content);
      else Deno.writeFileSync(`${dir}/${name}`, content);
    }
    body(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** An environment that holds these variables and no others. */
export function environment(variables: Record<string, string> = {}): ReadEnvironment {
  return (name) => variables[name];
}

/** The error of ours that `body` throws; fails if it throws nothing or something else. */
export function errorOf(body: () => unknown): PlantdError {
  try {
    body();
  } catch (thrown) {
    if (!(thrown instanceof PlantdError)) throw thrown;
    return thrown;
  }
  return assert.fail("nothing was thrown");
}

/** What is said about a state file (or a broker's, by its name) with this content. */
export function complaint(name: string, content: string | Uint8Array): string {
  let message = "";
  withFiles({ [name]: content }, (cwd) => {
    const error = errorOf(() => {
      const file = readConfigFile(name, cwd);
      collect(file!, name.startsWith("broker") ? BROKER : STATE);
    });
    assert.equal(error.code, "config_invalid");
    message = error.message;
  });
  return message;
}

/** Loads a state file with this content, which is called state.yml. */
export function loadState(
  content: string,
  options: LoadOptions<StatePath> = {},
): Loaded<StateConfig> {
  let loaded: Loaded<StateConfig> | undefined;
  withFiles({ "state.yml": content }, (cwd) => {
    loaded = loadStateConfig({ env: environment(), cwd, configPath: "state.yml", ...options });
  });
  return loaded!;
}

/** Loads a broker's file with this content, which is called broker.yml. */
export function loadBroker(content: string): Loaded<BrokerConfig> {
  let loaded: Loaded<BrokerConfig> | undefined;
  withFiles({ "broker.yml": content }, (cwd) => {
    loaded = loadBrokerConfig({ env: environment(), cwd, configPath: "broker.yml" });
  });
  return loaded!;
}

export const connect = (address: string) => ({ mode: "connect", address });
export const bind = (address: string) => ({ mode: "bind", address });

export const STATE_DEFAULTS = {
  service: { id: "org.plantd.State" },
  broker: {
    endpoint: connect("tcp://127.0.0.1:9797"),
    dialect: "mdp01",
    heartbeatMs: 2500,
    heartbeatLiveness: 3,
  },
  worker: { lanes: 16 },
  bus: {
    endpoint: connect("tcp://127.0.0.1:11001"),
    frontend: bind("tcp://127.0.0.1:11000"),
    createScopes: false,
    defaultScope: undefined,
    queue: BUS_QUEUE_MAX,
    coalesce: true,
    pull: undefined,
  },
  feed: {
    enabled: true,
    endpoint: bind("tcp://127.0.0.1:11002"),
    retainedChanges: CHANGE_LOG_MAX,
  },
  database: { path: "plantd-state.db", onDamage: "start" },
  backup: { directory: undefined, every: "1h", keep: 24 },
  scopes: { history: HISTORY_DEFAULT, historyMs: 0, ttlMs: 0, keysMax: 0, bytesMax: 0 },
  limits: { valueBytes: VALUE_BYTES_MAX, requestIdMs: REQUEST_ID_MS },
  health: { host: "127.0.0.1", port: 8081 },
  http: { edit: false, names: undefined },
  audit: { file: undefined, fileBytes: 16 * 1024 * 1024, keep: 8, bus: false, values: false },
  log: { level: "info", format: "auto" },
};

export const BROKER_DEFAULTS = {
  endpoint: bind("tcp://127.0.0.1:9797"),
  heartbeatMs: 2500,
  heartbeatLiveness: 3,
  requestExpiryMs: 60_000,
  highWaterMark: 100_000,
  buses: [["state", 11], ["event", 12], ["metric", 13]].map(([name, port]) => ({
    name,
    frontend: bind(`tcp://127.0.0.1:${port}000`),
    backend: bind(`tcp://127.0.0.1:${port}001`),
  })),
  log: { level: "info", format: "auto" },
};
