/**
 * Many keys: how long a start takes, how much memory each takes, how long it takes to list them page by page
 * and to delete their scope. The service is a process of its own, asked over HTTP.
 *
 * Run by `deno task bench:keys [COUNT..]`; 100,000 and a million by default.
 *
 * @module
 */

import type { BackupRecord } from "../src/backup/format.ts";
import { encodeRecords } from "../src/store/deno_kv_encode.ts";
import { fillDenoKv } from "../src/store/deno_kv_fill.ts";
import { freePorts } from "../tests/helpers/ports.ts";
import { Bench, cpuSeconds, print } from "./processes.ts";

const COUNTS = [100_000, 1_000_000];
const SCOPE = "org.plantd.Bench";
const PAGE = 10_000;
/** How often a service that starts is asked whether it is ready, in milliseconds. */
const PACE_MS = 10;
/** How long its memory is given to settle, in milliseconds: garbage of the start is collected when nothing goes on. */
const IDLE_MS = 30_000;

/** A database of `count` keys with values of 100 bytes. */
async function* records(count: number): AsyncGenerator<BackupRecord> {
  yield await { kind: "scope", scope: SCOPE, revision: 1 };
  const names = Array.from({ length: count }, (_, i) => `sensor/${i}/value`).sort();
  const value = JSON.stringify("x".repeat(98));
  for (const key of names) {
    const entry = { value, revision: 1, created: 1, timeMs: 1.7e12, source: "mdp:0001020304" };
    yield { kind: "entry", scope: SCOPE, key, entry };
  }
}

/** Resident memory of a process, and the most it ever was, in megabytes (proc_pid_status(5)). */
function memoryMb(pid: number): { readonly now: number; readonly peak: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const mb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
  return { now: mb("VmRSS"), peak: mb("VmHWM") };
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

async function timed<T>(work: () => Promise<T>): Promise<{ tookMs: number; result: T }> {
  const startMs = performance.now();
  const result = await work();
  return { tookMs: performance.now() - startMs, result };
}

/** Starts a service on the database `name` of `bench`; resolves when it is ready. */
async function start(bench: Bench, name: string) {
  const [broker, bus, health] = freePorts(3).map((port) => `127.0.0.1:${port}`);
  const file = `${bench.dir}/${name}.json`;
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      broker: { endpoint: `tcp://${broker}` },
      bus: { endpoint: `tcp://${bus}` },
      http: { edit: true },
    }),
  );
  const { pid } = bench.startService(name, {
    PLANTD_STATE_CONFIG: file,
    PLANTD_STATE_HEALTH_PORT: health!.split(":")[1]!,
  });
  const scope = `http://${health}/api/v1/scopes/${SCOPE}`;
  // Until the database is read the API says that it is not there.
  const answers = () => fetch(scope).then(({ status }) => status < 500, () => false);
  while (!await answers()) await pause(PACE_MS);
  return { pid, scope };
}

async function listAll(scope: string): Promise<number> {
  let count = 0;
  for (let after: string | undefined, more = true; more;) {
    const from = after === undefined ? "" : `&after=${encodeURIComponent(after)}`;
    const { data } = await (await fetch(`${scope}/keys?limit=${PAGE}${from}`)).json();
    count += data.count;
    after = data.keys.at(-1);
    more = data.more ?? false;
  }
  return count;
}

async function remove(scope: string): Promise<void> {
  const { ok, status } = await fetch(scope, { method: "DELETE" });
  if (!ok) throw new Error(`the scope was not deleted: ${status}`);
}

async function measure(bench: Bench, count: number): Promise<void> {
  const name = `keys-${count}`;
  if (count > 0) {
    await fillDenoKv(
      `${bench.dir}/${name}.db`,
      encodeRecords(records(count), { epoch: crypto.randomUUID(), revision: 1 }),
    );
  }
  const { tookMs, result: { pid, scope } } = await timed(() => start(bench, name));
  const [{ peak }, cpuMs] = [memoryMb(pid), cpuSeconds(pid) * 1000];
  await pause(IDLE_MS);
  const told = [
    `${count.toLocaleString("en").padStart(9)} keys   start ${tookMs.toFixed(0)} ms (processor ${
      cpuMs.toFixed(0)
    } ms)`,
    `memory ${memoryMb(pid).now.toFixed(0)} MB, at most ${peak.toFixed(0)} MB`,
  ];
  if (count > 0) {
    const listed = await timed(() => listAll(scope));
    if (listed.result !== count) throw new Error(`${listed.result} keys were listed`);
    told.push(`listed in ${listed.tookMs.toFixed(0)} ms, then ${memoryMb(pid).now.toFixed(0)} MB`);
    const deleted = await timed(() => remove(scope));
    told.push(`scope deleted in ${deleted.tookMs.toFixed(0)} ms`);
  }
  print(told.join("   "));
}

const counts = Deno.args.length > 0 ? Deno.args.map(Number) : COUNTS;
await using bench = await Bench.make();
for (const count of [0, ...counts]) await measure(bench, count);
