import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import { freePorts } from "../helpers/ports.ts";
import { type Program, startProgram, writeConfig } from "../helpers/program.ts";
import { interopTest, type Peer, startPeer } from "../helpers/python.ts";
import { tempDir } from "../helpers/temp.ts";
import { type Dialect, DIALECTS, PythonClient, PythonPublisher } from "./helpers.ts";

const LANES = 8;

/** A service with a broker and a bus of theirs, which need not be there. */
interface Plant {
  readonly broker: string;
  readonly frontend: string;
  readonly backend: string;
  startService(wait?: "pass" | "listening"): Promise<Program>;
}

async function plant(
  dir: string,
  { heartbeatMs = 400, dialect = "mdp01" as Dialect | "auto" } = {},
): Promise<Plant> {
  const at = (port: number | undefined) => `tcp://127.0.0.1:${port}`;
  const [broker, frontend, backend] = freePorts(3).map(at) as [string, string, string];
  const config = await writeConfig(dir, "state.yml", {
    broker: { endpoint: broker, dialect, "heartbeat-ms": heartbeatMs },
    bus: { endpoint: `>${backend}`, "create-scopes": true },
    worker: { lanes: LANES },
    database: { path: `${dir}/state.db` },
  });
  return {
    broker,
    frontend,
    backend,
    startService: (wait = "pass") =>
      startProgram(["serve", "--config", config], { cwd: dir, wait }),
  };
}

/** A broker of theirs, once it is bound. */
async function startTheirBroker(
  endpoint: string,
  dialect: Dialect,
  heartbeatMs: number,
): Promise<{ peer: Peer; boundAtMs: number }> {
  const peer = startPeer("strict_broker.py", endpoint, dialect, heartbeatMs);
  const { atMs } = await peer.next("bound");
  return { peer, boundAtMs: atMs };
}

async function startTheirBus({ frontend, backend }: Plant): Promise<Peer> {
  const bus = startPeer("bus.py", frontend, backend);
  await bus.next("bound");
  return bus;
}

async function setAndGet(client: PythonClient, value: unknown): Promise<void> {
  const set = await client.state("set", { service: "a", key: "k", value });
  assert.deepEqual(set.value, value);
  assert.deepEqual((await client.state("get", { service: "a", key: "k" })).value, value);
}

for (const dialect of DIALECTS) {
  interopTest(
    `serve - a strict broker of theirs that speaks ${dialect} finds nothing to complain about`,
    async () => {
      await using dir = await tempDir();
      const site = await plant(dir.path, { heartbeatMs: 250, dialect });
      await using _bus = await startTheirBus(site);
      const { peer } = await startTheirBroker(site.broker, dialect, 250);
      await using broker = peer;
      await using service = await site.startService();
      await using client = await PythonClient.start(site.broker, dialect);
      await setAndGet(client, { dialect });
      await until("all lanes are with it", () => broker.all("worker").length === LANES);
      const beats = broker.all("beat").length;
      await until("two lives of heartbeats", () => broker.all("beat").length > beats + 6);
      await setAndGet(client, 2);

      assert.equal((await service.stop()).code, 0);
      await until("a goodbye of each lane", () => broker.all("disconnect").length === LANES);
      assert.equal(broker.all("worker").length, LANES, "no lane had to come back");
      assert.deepEqual(broker.all("silent"), []);
      assert.deepEqual(broker.all("violation"), []);
    },
  );
}

interopTest("serve - dialect auto finds out what their broker speaks", async () => {
  await using dir = await tempDir();
  const site = await plant(dir.path, { heartbeatMs: 100, dialect: "auto" });
  await using _bus = await startTheirBus(site);
  const { peer } = await startTheirBroker(site.broker, "plantd02", 100);
  await using _broker = peer;
  await using _service = await site.startService();
  await using client = await PythonClient.start(site.broker, "plantd02");
  await setAndGet(client, "found");
});

interopTest(
  "serve - a broker absent at the start, and killed five times, is served within a heartbeat interval of its return",
  async () => {
    await using dir = await tempDir();
    const heartbeatMs = 1000;
    const site = await plant(dir.path, { heartbeatMs });
    await using _bus = await startTheirBus(site);
    await using service = await site.startService("listening");
    await until("health tells of the bus alone", async () => {
      const checks = (await service.health())!.body.checks;
      return checks["bus:subscriptions"]![0]!.status === "pass" &&
        checks["broker:lanes"]![0]!.status === "fail";
    });
    assert.equal((await service.health())!.httpStatus, 503);
    await using client = await PythonClient.start(site.broker);
    const recoveriesMs: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const { peer, boundAtMs } = await startTheirBroker(site.broker, "mdp01", heartbeatMs);
      await using broker = peer;
      await client.state("set", { service: "a", key: "round", value: round });
      recoveriesMs.push(client.peer.events.at(-1)!.atMs - boundAtMs);
      // A READY that an abandoned socket still held would be a worker that never answers.
      const lanes = () => broker.all("worker").length - broker.all("disconnect").length;
      await until("each lane is back, and once", () => lanes() === LANES);
      assert.deepEqual(broker.all("violation"), []);
    }
    report("requests served after the return of the broker", recoveriesMs);
    assert.ok(Math.max(...recoveriesMs) < heartbeatMs, `took ${recoveriesMs}`);
  },
);

interopTest(
  "serve - SIGTERM under load: goodbye on each lane, exit 0 within two seconds, every acknowledged set on disk",
  async () => {
    await using dir = await tempDir();
    const site = await plant(dir.path);
    await using _bus = await startTheirBus(site);
    const { peer } = await startTheirBroker(site.broker, "mdp01", 400);
    await using broker = peer;
    const acknowledged: string[] = [];
    {
      await using service = await site.startService();
      await using load = startPeer("load.py", site.broker, "org.plantd.Load", 64);
      await until("many sets", () => load.all("acknowledged").length > 300);
      const { code, signal, tookMs } = await service.stop("SIGTERM");
      report("SIGTERM under load to exit", [tookMs]);
      assert.deepEqual([code, signal], [0, null]);
      assert.ok(tookMs < 2000, `took ${tookMs} ms`);
      await until("a goodbye of each lane", () => broker.all("disconnect").length >= LANES);
      await load.child.kill();
      assert.deepEqual(load.all("refused"), []);
      acknowledged.push(...load.all("acknowledged").map(({ key }) => key as string));
    }
    assert.equal(broker.all("disconnect").length, LANES);
    assert.deepEqual(broker.all("violation"), []);

    await using _service = await site.startService();
    await using client = await PythonClient.start(site.broker);
    const stored = new Set<string>();
    let more = true;
    while (more) {
      const fields = { service: "org.plantd.Load", after: [...stored].at(-1) };
      const page = (await client.state("list-keys", fields)).data;
      for (const key of page.keys) stored.add(key);
      more = page.more;
    }
    assert.deepEqual(acknowledged.filter((key) => !stored.has(key)), []);
  },
);

interopTest(
  "serve - a bus killed and started again twenty times never leaves the service deaf",
  async () => {
    await using dir = await tempDir();
    const heartbeatMs = 1000;
    const site = await plant(dir.path, { heartbeatMs });
    const { peer } = await startTheirBroker(site.broker, "mdp01", heartbeatMs);
    await using _broker = peer;
    await using service = await site.startService("listening");
    await using client = await PythonClient.start(site.broker);
    await using publisher = await PythonPublisher.start(site.frontend);
    const recoveriesMs: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      await using bus = startPeer("bus.py", site.frontend, site.backend);
      const { atMs } = await bus.next("bound");
      await publisher.untilSubscribed("");
      recoveriesMs.push(publisher.peer.events.at(-1)!.atMs - atMs);
      await publisher.publish("org.plantd.Bus", `{"key":"round","value":${round}}`);
      await untilValue(client, "org.plantd.Bus", round);
      await bus.child.kill();
      await publisher.untilLost();
    }
    report("subscribed again after the return of the bus", recoveriesMs);
    assert.ok(Math.max(...recoveriesMs) < heartbeatMs, `took ${recoveriesMs}`);
    assert.equal(service.child.exit, undefined);
  },
);

interopTest(
  "serve - a publisher killed and started again twenty times is heard each time",
  async () => {
    await using dir = await tempDir();
    const site = await plant(dir.path);
    const { peer } = await startTheirBroker(site.broker, "mdp01", 400);
    await using _broker = peer;
    await using _service = await site.startService("listening");
    await using client = await PythonClient.start(site.broker);
    const recoveriesMs: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      // It binds where the service expects the bus: its end is the end of the subscriber's connection.
      await using publisher = await PythonPublisher.start(site.backend, "bind");
      await publisher.untilSubscribed("");
      const [started, subscribed] = publisher.peer.events;
      recoveriesMs.push(subscribed!.atMs - started!.atMs);
      await publisher.publish("org.plantd.Pub", `{"key":"round","value":${round}}`);
      await untilValue(client, "org.plantd.Pub", round);
    }
    report("subscribed again after the return of a publisher", recoveriesMs);
  },
);

async function untilValue(client: PythonClient, service: string, value: number): Promise<void> {
  await until(`value ${value} in ${service}`, async () => {
    return (await client.state("get", { service, key: "round" })).value === value;
  });
}

/** Says what was measured, for whoever reads the output. */
function report(what: string, measuredMs: readonly number[]): void {
  const sorted = measuredMs.map(Math.round).sort((a, b) => a - b);
  const line = `measured: ${what}: median ${sorted[sorted.length >> 1]} ms, ` +
    `worst ${sorted.at(-1)} ms of ${sorted.length}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}
