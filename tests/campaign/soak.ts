/**
 * Mixed traffic for a while, with what is kept for minutes or hours kept for seconds: what a service needs
 * must level off.
 */

import assert from "node:assert/strict";
import { pause } from "../helpers/async.ts";
import { type Child, runToEnd } from "../helpers/child.ts";
import { Actor } from "./actor.ts";
import { backUp } from "./backups.ts";
import type { Bundled } from "./bundled.ts";
import { memoryDir } from "./memory_dir.ts";
import { randomOf } from "../helpers/random.ts";
import { settled } from "./settled.ts";
import { Site } from "./site.ts";

/** What a service needs at one moment. */
interface Needs {
  readonly memoryBytes: number;
  readonly descriptors: number;
  readonly databaseBytes: number;
}

/** What was tried, and what it came to. */
export interface Soak {
  readonly seconds: number;
  readonly requests: number;
  readonly updates: number;
  /** Medians of the second quarter and of the last. */
  readonly early: Needs;
  readonly late: Needs;
  /** Of a `set`, in milliseconds: alone, and while a large scope is purged. */
  readonly quietP99Ms: number;
  readonly purgingP99Ms: number;
}

const ACTORS = 4;
/** Moments at which is looked what it needs. */
const SAMPLES = 40;
/** Growth that is none: of memory a garbage collector has its own idea. */
const MEMORY_SLACK = 1.3;
const MEMORY_SLACK_BYTES = 48 * 1024 * 1024;
const DATABASE_SLACK = 1.3;
const DATABASE_SLACK_BYTES = 8 * 1024 * 1024;
const DESCRIPTORS_SLACK = 8;
/** Requests of which the latency is taken. */
const PROBES = 500;
/** Keys of the scope that is purged, in so many requests. */
const LARGE_STORES = 50;
const KEYS_PER_STORE = 400;

/**
 * @throws When something keeps growing, or is not as it was written.
 */
export async function soak(
  bundled: Bundled,
  { seed, seconds }: { readonly seed: number; readonly seconds: number },
): Promise<Soak> {
  await using dir = await memoryDir();
  await using site = await Site.make(dir.path, undefined, { limits: { "request-id-ms": 2000 } });
  await using service = site.serve(bundled);
  await service.until("it is well", async () => (await site.health())?.status === "pass");
  const actors = Array.from(
    { length: ACTORS },
    (_, i) => new Actor(`Soak${i}`, randomOf(seed + i)),
  );
  const stop = new AbortController();
  let updates = 0;
  await site.ask("create-scope", { service: "bus" });
  const load = Promise.all([
    ...actors.map(async (actor) => {
      while (!stop.signal.aborted) {
        const { operation, body } = actor.next();
        actor.done(await site.ask(operation, body));
      }
    }),
    (async () => {
      while (!stop.signal.aborted) {
        await site.publisher.publish(`bus{"key":"k${updates % 20}","value":${updates}}`);
        updates += 1;
        if (updates % 10 === 0) await pause(1);
      }
    })(),
    (async () => {
      while (!stop.signal.aborted) await backUp(site, actors, stop.signal);
    })(),
  ]);
  const samples: Needs[] = [];
  const sample = async () => {
    for (let i = 0; i < SAMPLES && !stop.signal.aborted; i += 1) {
      await pause((seconds * 1000) / SAMPLES);
      samples.push(await needsOf(site, service));
    }
  };
  await Promise.all([load, sample()].map((part) => part.finally(() => stop.abort())));
  await settled(site, actors);
  const early = median(samples.slice(SAMPLES / 4, SAMPLES / 2));
  const late = median(samples.slice((SAMPLES * 3) / 4));
  levelOff(early, late);
  const quietP99Ms = await p99(site);
  const requests = actors.reduce((sum, { answered }) => sum + answered, 0);
  return { seconds, requests, updates, early, late, quietP99Ms, purgingP99Ms: await purging(site) };
}

function levelOff(early: Needs, late: Needs): void {
  const figures = JSON.stringify({ early, late });
  const memoryMax = early.memoryBytes * MEMORY_SLACK + MEMORY_SLACK_BYTES;
  assert.ok(late.memoryBytes <= memoryMax, `memory keeps growing: ${figures}`);
  const databaseMax = early.databaseBytes * DATABASE_SLACK + DATABASE_SLACK_BYTES;
  assert.ok(late.databaseBytes <= databaseMax, `the database keeps growing: ${figures}`);
  const descriptorsMax = early.descriptors + DESCRIPTORS_SLACK;
  assert.ok(late.descriptors <= descriptorsMax, `descriptors keep growing: ${figures}`);
}

/** As its metrics have it, and Linux: Deno itself may not read /proc. */
async function needsOf({ healthPort, database }: Site, { pid }: Child): Promise<Needs> {
  const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)![1]);
  const { stdout } = await runToEnd("ls", [`/proc/${pid}/fd`]);
  const sizes = [database, `${database}-wal`].map((path) => Deno.statSync(path).size);
  return {
    memoryBytes: metric("process_resident_memory_bytes"),
    descriptors: stdout.trim().split("\n").length,
    databaseBytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

function median(samples: readonly Needs[]): Needs {
  const of = (name: keyof Needs) =>
    samples.map((sample) => sample[name]).sort((a, b) => a - b)[Math.floor(samples.length / 2)]!;
  return {
    memoryBytes: of("memoryBytes"),
    descriptors: of("descriptors"),
    databaseBytes: of("databaseBytes"),
  };
}

/** The latency that one in a hundred exceeds, in milliseconds. */
async function p99(site: Site): Promise<number> {
  const tookMs: number[] = [];
  for (let value = 0; value < PROBES; value += 1) {
    const startMs = performance.now();
    await site.ask("set", { service: "probe", key: "k", value });
    tookMs.push(performance.now() - startMs);
  }
  tookMs.sort((a, b) => a - b);
  return Math.round(tookMs[Math.floor(PROBES * 0.99)]! * 10) / 10;
}

/** The same while a scope of many keys, each with a past, is purged. */
async function purging(site: Site): Promise<number> {
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < LARGE_STORES; n += 1) {
      const keys = Array.from({ length: KEYS_PER_STORE }, (_, i) => [`k${n}.${i}`, round]);
      await site.ask("store", { service: "large", entries: Object.fromEntries(keys) });
    }
  }
  await site.ask("delete-scope", { service: "large" });
  return await p99(site);
}
