// Files of the original plantd, in both shapes it has had, must load as they are.

import assert from "node:assert/strict";

import { parseEndpoint } from "../../src/config/endpoint.ts";
import {
  bind,
  BROKER_DEFAULTS,
  connect,
  errorOf,
  loadBroker,
  loadState,
  STATE_DEFAULTS,
} from "./helpers.ts";

Deno.test("original - the original's flat state file loads", () => {
  const { config, ignored, sources } = loadState(`---
version: "1"
env: "development"
broker-endpoint: "tcp://localhost:9797"
state-endpoint: ">tcp://localhost:11001"
log:
  formatter: "text"
  level: "info"
  loki:
    address: "http://localhost:3100"
    labels:
      app: state
service:
  id: "org.plantd.State"
database:
  adapter: bbolt
  uri: plantd-state.db
`);
  assert.deepEqual(config, {
    ...STATE_DEFAULTS,
    broker: { ...STATE_DEFAULTS.broker, endpoint: connect("tcp://localhost:9797") },
    bus: { ...STATE_DEFAULTS.bus, endpoint: connect("tcp://localhost:11001") },
    log: { level: "info", format: "pretty" },
  });
  assert.deepEqual(ignored, ["version", "env", "log.loki", "database.adapter"]);
  assert.equal(sources.get("broker.endpoint")?.from, "state.yml:4");
});

Deno.test("original - the original's nested state file loads", () => {
  const { config, ignored } = loadState(`# State service configuration
log:
  level: info
  format: text
broker:
  endpoint: tcp://127.0.0.1:9797
identity:
  endpoint: tcp://127.0.0.1:9797
  timeout: 30s
  retries: 3
database:
  path: ./plantd-state.db
health:
  port: 8081
`);
  assert.deepEqual(config, {
    ...STATE_DEFAULTS,
    database: { ...STATE_DEFAULTS.database, path: "./plantd-state.db" },
    log: { level: "info", format: "pretty" },
  });
  assert.deepEqual(ignored, ["identity"]);
});

Deno.test("original - the original's flat broker file loads", () => {
  const { config, ignored } = loadBroker(`---
version: "1"
env: "development"
endpoint: "tcp://*:9797"
client-endpoint: "tcp://localhost:9797"
heartbeat-liveness: 3
heartbeat-interval: 2500000
log:
  formatter: "text"
  level: "info"
buses:
  - name: "state"
    frontend: "@tcp://127.0.0.1:11000"
    backend: "@tcp://127.0.0.1:11001"
    capture: "inproc://broker.state.pipe"
`);
  assert.deepEqual(config, {
    ...BROKER_DEFAULTS,
    endpoint: bind("tcp://*:9797"),
    log: { level: "info", format: "pretty" },
    buses: [{
      name: "state",
      frontend: bind("tcp://127.0.0.1:11000"),
      backend: bind("tcp://127.0.0.1:11001"),
      capture: bind("inproc://broker.state.pipe"),
    }],
  });
  assert.deepEqual(ignored, ["version", "env", "client-endpoint"]);
});

Deno.test("original - the original's nested broker file loads", () => {
  const { config, ignored } = loadBroker(`log:
  level: info
  format: text
network:
  bind: tcp://*:9797
health:
  port: 11000
`);
  assert.deepEqual(config.endpoint, parseEndpoint("tcp://*:9797", "bind"));
  assert.deepEqual(ignored, ["health.port"]);
});

Deno.test("original - an alias and its setting may agree, and may not differ", () => {
  const same = "broker-endpoint: tcp://a:1\nbroker:\n  endpoint: tcp://a:1\n";
  assert.deepEqual(loadState(same).config.broker.endpoint, connect("tcp://a:1"));
  const { message } = errorOf(() => loadState(same.replace("a:1\nbroker:", "b:1\nbroker:")));
  assert.equal(
    message,
    'state.yml:3: "broker.endpoint" and "broker-endpoint" (state.yml:1) are the same setting ' +
      "with different values: needed only one of them",
  );
  const units = "heartbeat-interval: 1000000\nheartbeat-ms: 1000\n";
  assert.equal(loadBroker(units).config.heartbeatMs, 1000);
});

Deno.test("original - an interval in other units is told with both names", () => {
  const { message } = errorOf(() => loadBroker("heartbeat-interval: 2500\n"));
  assert.match(
    message,
    /^broker.yml:1: "heartbeat-interval \(.*heartbeat-ms\)" needs .*50 to 60000/,
  );
});
