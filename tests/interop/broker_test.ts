import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import { type Program, startProgram, writeConfig } from "../helpers/program.ts";
import { interopTest, startPeer } from "../helpers/python.ts";
import { tempDir } from "../helpers/temp.ts";
import { type Dialect, DIALECTS, PythonClient } from "./helpers.ts";

const HEARTBEAT_MS = 250;
const LIVENESS = 3;

/** Our broker alone, on a port of its own choice. */
async function startBroker(dir: string): Promise<{ program: Program; endpoint: string }> {
  const config = await writeConfig(dir, "broker.yml", {
    endpoint: "tcp://127.0.0.1:*",
    "heartbeat-ms": HEARTBEAT_MS,
    "heartbeat-liveness": LIVENESS,
    buses: [],
  });
  const program = await startProgram(["broker", "--config", config], { cwd: dir });
  const serving = program.log.find(({ message }) => message === "serving")!;
  return { program, endpoint: serving.properties.endpoint as string };
}

/** All pairs of a client's dialect and a worker's. */
const PAIRS = DIALECTS.flatMap((client) => DIALECTS.map((worker) => [client, worker] as const));

interopTest(
  "broker - python clients of every dialect reach python workers of every dialect",
  async () => {
    await using dir = await tempDir();
    const { program, endpoint } = await startBroker(dir.path);
    await using _broker = program;
    await using stack = new AsyncDisposableStack();
    const clients = new Map<Dialect, PythonClient>();
    for (const dialect of DIALECTS) {
      const service = `echo.${dialect}`;
      stack.use(startPeer("worker.py", endpoint, dialect, service, HEARTBEAT_MS));
      clients.set(dialect, stack.use(await PythonClient.start(endpoint, dialect)));
    }
    const binary = { hex: "00ff00fe" };
    for (const [from, to] of PAIRS) {
      const body = await clients.get(from)!.body(`echo.${to}`, [`${from} to ${to}`, "", binary]);
      assert.deepEqual(body, [`${from} to ${to}`, "", binary]);
    }
  },
);

interopTest(
  "broker - python workers live by heartbeats, are forgotten when silent, and told so when they wake",
  async () => {
    await using dir = await tempDir();
    const { program, endpoint } = await startBroker(dir.path);
    await using _broker = program;
    await Promise.all(DIALECTS.map((dialect) => liveAndSleep(endpoint, dialect)));
  },
);

async function liveAndSleep(endpoint: string, dialect: Dialect): Promise<void> {
  const service = `echo.${dialect}`;
  await using worker = startPeer("worker.py", endpoint, dialect, service, HEARTBEAT_MS);
  await using client = await PythonClient.start(endpoint, dialect);
  assert.deepEqual(await client.body(service, ["hello"]), ["hello"]);

  // Longer than it could have lived without heartbeats, in both directions.
  const heard = worker.all("heartbeat").length;
  const life = () => worker.all("heartbeat").length > heard + 2 * LIVENESS;
  await until("two lives of heartbeats", life);
  assert.deepEqual(await client.body("mmi.service", [service]), ["200"]);
  assert.deepEqual(worker.all("disconnect"), []);
  assert.equal(worker.all("ready").length, 1);

  worker.child.signal("SIGSTOP");
  await until("the silent worker is forgotten", async () => {
    return (await client.body("mmi.service", [service]))[0] === "404";
  });
  worker.child.signal("SIGCONT");
  await worker.next("disconnect");
  assert.deepEqual(await client.body(service, ["again"]), ["again"]);
}

interopTest("broker - mmi.service knows who serves, and other mmi services are 501", async () => {
  await using dir = await tempDir();
  const { program, endpoint } = await startBroker(dir.path);
  await using _broker = program;
  await using client = await PythonClient.start(endpoint, "mdp01", "req");
  assert.deepEqual(await client.frames("mmi.service", ["echo"]), [
    "",
    "MDPC01",
    "mmi.service",
    "404",
  ]);
  await using _worker = startPeer("worker.py", endpoint, "mdp01", "echo", HEARTBEAT_MS);
  await until("the worker has registered", async () => {
    return (await client.body("mmi.service", ["echo"]))[0] === "200";
  });
  assert.deepEqual(await client.body("mmi.discover", ["echo"]), ["501"]);
});
