import assert from "node:assert/strict";
import { findingsOf } from "../../src/cli/doctor_checks.ts";
import type { Finding, Readings } from "../../src/cli/doctor_readings.ts";
import { bytesText, type HealthData } from "../../src/cli/health_data.ts";
import { VERSION } from "../../src/version.ts";
import { until } from "../helpers/async.ts";
import { freePort } from "../helpers/ports.ts";
import { runProgram, writeConfig } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { Plant } from "../service/harness.ts";

const WELL: HealthData = {
  version: VERSION,
  store_available: true,
  revision: 7,
  scopes: 1,
  keys: 2,
  damaged: 0,
  feed: "tcp://127.0.0.1:11002",
  disk: { database_bytes: 40_960, free_bytes: 1e12 },
  bus: {
    connected: true,
    endpoint: "tcp://127.0.0.1:11001",
    received: 3,
    stored: 3,
    pending: 0,
    rejected: {},
    scopes: {},
  },
};

const ALL: Readings = {
  service: "org.plantd.State",
  configFile: "state.yml",
  broker: { address: "tcp://127.0.0.1:9797", reach: "open", mmi: "200" },
  health: { data: WELL, tookMs: 3 },
  clock: { aheadMs: -1, errorMs: 2 },
  feed: { endpoint: "tcp://127.0.0.1:11002", heard: true, waitedMs: 400 },
};

/** What is found with `changes` to a plant that is well. */
function found(changes: Partial<Readings>, health: Partial<HealthData> = {}): Finding[] {
  const data = { data: { ...WELL, ...health }, tookMs: 3 };
  return findingsOf({ ...ALL, health: data, ...changes });
}

/** The one finding that is not well. */
function fault(changes: Partial<Readings>, health: Partial<HealthData> = {}): Finding {
  const [one, ...more] = found(changes, health).filter(({ status }) => status !== "ok");
  assert.deepEqual(more, []);
  assert.ok(one?.todo, "it says what to do");
  return one;
}

Deno.test("doctor - a plant that is well has nothing to do", () => {
  assert.deepEqual(
    found({}).map(({ name, status, todo }) => [name, status, todo]),
    ["configuration", "broker", "service", "version", "store", "disk", "bus", "feed", "clock"]
      .map((name) => [name, "ok", undefined]),
  );
});

Deno.test("doctor - an audit log that is written is one more part that is well", () => {
  const audit = { file: "/a.jsonl", lost: 0 };
  const [one] = found({}, { audit }).filter(({ name }) => name === "audit");
  assert.deepEqual(one, { name: "audit", status: "ok", says: "written to /a.jsonl" });
});

Deno.test("doctor - each part that is not well is one finding that says what to do", () => {
  const bus = WELL.bus!;
  const cases: [Finding, string, string, RegExp, RegExp][] = [
    [fault({}, { version: "9.9.9" }), "version", "warn", /has 9\.9\.9/, /same version/],
    [
      fault({}, { store_available: false, store_failure: "disk full" }),
      "store",
      "fail",
      /disk full/,
      /without a restart/,
    ],
    [fault({}, { commit_ms: 6000 }), "store", "fail", /6000 ms/, /iostat/],
    [fault({}, { damaged: 2 }), "store", "warn", /2 records/, /start the service again/],
    [fault({}, { damage: [{ text: "lost" }] }), "damage", "warn", /lost/, /acknowledge/],
    [
      fault({}, { audit: { file: "/a.jsonl", lost: 0, failure: "no room" } }),
      "audit",
      "warn",
      /^\/a\.jsonl is not written: no room$/,
      /is there room/,
    ],
    [
      fault({}, { audit: { file: "/a.jsonl", lost: 7 } }),
      "audit",
      "warn",
      /7 records were lost/,
      /keeps up/,
    ],
    [
      fault({}, { backups: { directory: "/b", last: null, failure: "no room" } }),
      "backups",
      "warn",
      /\/b: no room/,
      /write to \/b/,
    ],
    [fault({}, { disk: { free_bytes: 5_000_000 } }), "disk", "warn", /4\.8 MiB free/, /make room/],
    [
      fault({}, { disk: { free_bytes: 1e9, database_bytes: 2e9 } }),
      "disk",
      "warn",
      /1\.9 GiB/,
      /second database/,
    ],
    [fault({}, { bus: { ...bus, connected: false } }), "bus", "fail", /11001/, /bus\.endpoint/],
    [
      fault({}, { bus: { ...bus, rejected: { scope_not_found: 3, overflow: 1 } } }),
      "bus",
      "warn",
      /4 rejected since the start: 3 scope_not_found, 1 overflow/,
      /create-scope/,
    ],
    [
      fault({ feed: { endpoint: "tcp://h:1", heard: false, waitedMs: 3000.4 } }),
      "feed",
      "fail",
      /tcp:\/\/h:1 within 3000 ms/,
      /firewall/,
    ],
    [
      fault({ clock: { aheadMs: 12_000, errorMs: 2 } }),
      "clock",
      "warn",
      /12\.0 s ahead of/,
      /NTP/,
    ],
    [fault({ clock: { aheadMs: -9_000, errorMs: 2 } }), "clock", "warn", /9\.0 s behind/, /NTP/],
  ];
  for (const [finding, name, status, says, todo] of cases) {
    assert.deepEqual([finding.name, finding.status], [name, status]);
    assert.match(finding.says, says);
    assert.match(finding.todo!, todo);
  }
  const { feed: _feed, ...without } = ALL;
  const off = findingsOf({ ...without, health: { data: { ...WELL, feed: null }, tookMs: 1 } });
  assert.match(off.find(({ name }) => name === "feed")!.says, /switched off/);
});

Deno.test("doctor - a slow answer is no clock that is wrong, and an old service no fault", () => {
  assert.equal(
    found({ clock: { aheadMs: 3000, errorMs: 2000 } }).find(({ name }) => name === "clock")!.status,
    "ok",
  );
  const { clock: _clock, feed: _feed, ...rest } = ALL;
  const old = findingsOf({ ...rest, health: { data: { version: VERSION }, tookMs: 1 } });
  assert.deepEqual([...new Set(old.map(({ status }) => status))], ["ok", "skip"]);
});

Deno.test("doctor - where nobody answers, the broker, the process and the database tell why", () => {
  const here = { database: "/d/state.db", holder: undefined, exists: true };
  const service = (changes: Partial<Readings>) =>
    findingsOf({ ...ALL, health: "no reply", ...changes })[2]!;
  const says = (changes: Partial<Readings>) => service(changes).says;
  const gone = { ...ALL.broker, mmi: undefined };
  assert.match(says({ broker: { ...ALL.broker, mmi: "404" } }), /no org\.plantd\.State is reg/);
  assert.match(says({}), /is registered with the broker, but does not answer: no reply/);
  assert.match(says({ broker: gone, here }), /no process has it open/);
  assert.match(says({ broker: gone, here: { ...here, exists: false } }), /it is not there/);
  assert.match(
    says({ broker: gone, here: { ...here, holder: "process 7" } }),
    /process 7 has \/d\/state\.db open/,
  );
  const http = { url: "http://127.0.0.1:8081/healthz", complaints: ["no broker answers"] };
  assert.match(says({ broker: gone, here: { ...here, http } }), /it runs .*; no broker answers/);
  assert.equal(service({ broker: gone }).status, "skip");
  const broker = (reach: "refused" | "silent" | "open" | "unknown") =>
    findingsOf({ ...ALL, health: "", broker: { ...gone, reach } })[1]!;
  assert.match(broker("refused").says, /nothing listens/);
  assert.match(broker("silent").todo!, /firewall/);
  assert.match(broker("open").todo!, /dialect/);
  assert.equal(broker("unknown").status, "fail");
});

Deno.test("doctor - sizes are told as people say them", () => {
  assert.deepEqual([0, 1023, 1024, 1_572_864, 5e11, undefined].map(bytesText), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 MiB",
    "466 GiB",
    "unknown",
  ]);
});

Deno.test("doctor - a real plant: well, without a bus, without a service, without a broker", async () => {
  await using dir = await tempDir();
  // One that its configuration can tell: the system's choice is known to the service alone.
  await using plant = await Plant.make({ "health.port": String(freePort()) });
  const { broker, bus, health, database } = plant.config;
  const config = await writeConfig(dir.path, "state.yml", {
    broker: { endpoint: broker.endpoint.address },
    bus: { endpoint: bus.endpoint.address },
    health: { port: health.port },
    database: { path: database.path },
  });
  const doctor = (...args: string[]) =>
    runProgram(["doctor", `--config=${config}`, "--timeout=1s", ...args], { cwd: dir.path });
  {
    await using service = await plant.startService();
    {
      await using _network = await plant.startNetwork();
      await plant.ask("set", { service: "a", key: "k", value: 1 });
      await until("the service has looked at the disk", async () => {
        const { disk } = (await plant.ask("health")).data as HealthData;
        return disk?.free_bytes !== undefined;
      });
      const well = await doctor();
      assert.deepEqual([well.code, well.stderr], [0, ""], well.stdout);
      assert.match(well.stdout, /^ok {4}configuration {2}.*state\.yml$/m);
      assert.match(well.stdout, /^ok {4}store {10}revision 1, 1 keys in 1 scopes$/m);
      assert.match(well.stdout, /^ok {4}feed {11}heard at tcp:\/\/127\.0\.0\.1:\d+$/m);
      assert.match(well.stdout, /^ok {4}disk {11}.* free, the database has .*iB$/m);
    }
    const alone = await doctor("--json");
    assert.equal(alone.code, 1);
    const { status, checks } = JSON.parse(alone.stdout) as { status: string; checks: Finding[] };
    assert.equal(status, "fail");
    const of = (name: string) => checks.find((check) => check.name === name)!;
    assert.match(of("broker").says, /nothing listens/);
    assert.ok(of("service").says.includes(`${service.httpUrl}/healthz answers`));
    assert.equal(of("store").status, "skip");
  }
  await using _network = await plant.startNetworkAgain();
  const down = await doctor();
  assert.equal(down.code, 1);
  assert.match(
    down.stdout,
    /^fail {2}service {8}no org\.plantd\.State is registered.*\n {21}-> start it: plantd-state/m,
  );
});

Deno.test("doctor - a configuration that is wrong is a finding, too", async () => {
  await using dir = await tempDir();
  const config = await writeConfig(dir.path, "state.yml", { databse: { path: "x" } });
  const { code, stdout } = await runProgram([
    "doctor",
    `--config=${config}`,
    `--endpoint=tcp://127.0.0.1:${freePort()}`,
  ]);
  assert.equal(code, 1);
  assert.match(stdout, /^fail {2}configuration {2}.*state\.yml:1: .*databse.*\n +-> /);
});
