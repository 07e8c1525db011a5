/**
 * Virtual power cuts: a recorded run is cut at many points, and the database that a disk may hold then is
 * opened. It must hold every transaction that was said to be done, and none by half.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { dirname } from "node:path";
import { loadStateConfig } from "../../src/config/load.ts";
import { Service } from "../../src/service.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { runToEnd } from "../helpers/child.ts";
import { freePort } from "../helpers/ports.ts";
import { tempDir } from "../helpers/temp.ts";
import { type DiskOperation, parseLog, SimulatedDisk, type Survival } from "./disk_log.ts";
import { memoryDir } from "./memory_dir.ts";
import { below, pick, randomOf } from "../helpers/random.ts";
import type { Shim } from "./shim.ts";
import { Expected, fingerprint } from "./transactions.ts";

/** What was tried. */
export interface PowerCuts {
  readonly operations: number;
  readonly cuts: number;
  /** Cuts after which more was there than had been said to be done. */
  readonly ahead: number;
  /** Cuts after which the whole service was started. */
  readonly served: number;
}

/** How much is tried. */
export interface PowerCutOptions {
  readonly seed: number;
  readonly transactions: number;
  readonly cuts: number;
  /** On the first of so many cuts the whole service is started, on the others its store alone. */
  readonly servedEvery: number;
}

const SURVIVALS: readonly Survival[] = ["nothing", "everything", "some", "some", "some"];

const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/**
 * Records a run of writer.ts with `shim`.
 *
 * @throws When a store does not hold what it must; the sentence tells how to come to the same cut again.
 */
export async function cutPower(shim: Shim, options: PowerCutOptions): Promise<PowerCuts> {
  const { seed, transactions, cuts, servedEvery } = options;
  const operations = await record(shim, seed, transactions);
  const expected = new Expected(seed);
  await expected.advance(transactions);
  const random = randomOf(seed + 2);
  const points = new Set<number>();
  while (points.size < Math.min(cuts, operations.length)) {
    points.add(1 + below(random, operations.length));
  }

  const disk = new SimulatedDisk();
  const said = { begun: 0, done: 0 };
  let [looked, ahead, served] = [0, 0, 0];
  for (const [at, operation] of operations.entries()) {
    disk.take(operation);
    if (operation.kind === "said") listen(said, operation);
    if (!points.has(at + 1)) continue;
    const survival = pick(random, SURVIVALS);
    await using dir = await memoryDir();
    await writeFiles(dir.path, disk.after(survival, random));
    const found = await (async () => {
      const path = `${dir.path}/data/state.db`;
      if (looked % servedEvery === 0) {
        await serveCut(path);
        served += 1;
      }
      looked += 1;
      return await openCut(path);
    })().catch((thrown) => {
      throw new Error(`seed ${seed}, cut ${at + 1}, ${survival} survives: it does not open`, {
        cause: thrown,
      });
    });
    const where = `seed ${seed}, cut ${at + 1}, ${survival} survives, revision ${found.revision}`;
    assert.equal(found.fingerprint, expected.at(found.revision), `${where}: something by half`);
    const needed = expected.revisionAfter(said.done);
    assert.ok(found.revision >= needed, `${where}: revision ${needed} was said to be done`);
    assert.ok(found.revision <= expected.revisionAfter(said.begun), `${where}: from the future`);
    assert.equal(found.damaged, 0, where);
    if (found.revision > needed) ahead += 1;
  }
  return { operations: operations.length, cuts: points.size, ahead, served };
}

/** What a run of writer.ts did. */
export async function record(shim: Shim, seed: number, count: number): Promise<DiskOperation[]> {
  const args = [seed, count, Math.ceil(count / 3)].map(String);
  return await recordScript(shim, "writer.ts", args);
}

/** What a script of this directory did that is told the path of a database, and `args`. */
export async function recordScript(
  shim: Shim,
  name: string,
  args: readonly string[],
): Promise<DiskOperation[]> {
  await using dir = await tempDir();
  const script = fileURLToPath(new URL(name, import.meta.url));
  const { code, stderr } = await runToEnd(
    Deno.execPath(),
    [
      "run",
      "--quiet",
      "--allow-all",
      `--config=${CONFIG}`,
      script,
      `${dir.path}/data/state.db`,
      ...args,
    ],
    { env: shim.logEnv(dir.path) },
  );
  assert.equal(code, 0, stderr);
  return parseLog(await Deno.readFile(shim.log));
}

/** Transactions are begun, and done, in order. */
function listen(said: { begun: number; done: number }, { data }: DiskOperation): void {
  const [what, number] = new TextDecoder().decode(data).trim().split(" ");
  said[what as "begun" | "done"] = Number(number);
}

async function openCut(path: string) {
  const { loaded, notices } = await openRecovering({ path, onDamage: "refuse" });
  await using store = new DurableStore(loaded);
  assert.deepEqual(notices.all, [], "a power cut is no damage");
  const { revision, damaged } = store.status();
  return { revision, damaged, fingerprint: fingerprint(store) };
}

/** The whole service starts, and serves every scope. */
async function serveCut(path: string): Promise<void> {
  const settings: Record<string, string> = {
    "database.path": path,
    "health.port": String(freePort()),
    "feed.enabled": "false",
  };
  const flags = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, { value, flag: "test" }]),
  );
  const { config } = loadStateConfig({ flags, env: () => undefined, cwd: dirname(path) });
  await using service = await Service.start(config);
  const api = new URL("/api/v1/", service.httpUrl);
  const { data } = await (await fetch(new URL("scopes", api))).json();
  for (const scope of data.scopes as string[]) {
    const response = await fetch(new URL(`scopes/${encodeURIComponent(scope)}/entries`, api));
    assert.equal(response.status, 200, await response.text());
  }
}

/** Writes what a disk holds into a directory. */
export async function writeFiles(
  dir: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  for (const [name, bytes] of files) {
    const path = `${dir}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, bytes);
  }
}
