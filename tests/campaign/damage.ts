/**
 * Damages databases at random places. Whatever is opened then serves only what was written once, under
 * the key under which it was written; what cannot be opened is refused in words.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { Child } from "../helpers/child.ts";
import { memoryDir } from "./memory_dir.ts";
import { transactions } from "./transactions.ts";

/** What was tried, and how it ended. */
export interface Damages {
  readonly damages: number;
  /** Opened as if nothing were. */
  readonly unnoticed: number;
  /** Opened, and said that records are damaged. */
  readonly told: number;
  /** Not opened, and said why. */
  readonly refused: number;
  /** Deno itself ended the process. */
  readonly died: number;
}

const OPENER = fileURLToPath(new URL("damage_opener.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/**
 * Damages so many times.
 *
 * @throws When something is served that was not written, or is refused without words.
 */
export async function damage(
  { seed, count }: { readonly seed: number; readonly count: number },
): Promise<Damages> {
  await using dir = await memoryDir();
  const written = [
    ...await write(`${dir.path}/open`, seed, 250, ["", "-wal"]),
    ...await write(`${dir.path}/closed`, seed + 1, 400, [""]),
  ];
  await Deno.writeTextFile(`${dir.path}/written.json`, JSON.stringify(written));
  const figures = { damages: count, unnoticed: 0, told: 0, refused: 0, died: 0 };
  for (let first = 1; first <= count;) {
    const { outcomes, panicked, said } = await openSome(dir.path, seed, first, count);
    for (const outcome of outcomes) figures[outcome] += 1;
    first += outcomes.length;
    if (first > count) break;
    // Deno KV ends the process when it finds its own tables damaged.
    assert.ok(panicked, said);
    figures.died += 1;
    first += 1;
  }
  return figures;
}

/** In a process of its own: damaged databases end some. */
async function openSome(dir: string, seed: number, first: number, last: number) {
  const args = [dir, seed, first, last].map(String);
  await using opener = Child.start(
    Deno.execPath(),
    ["run", "--quiet", "--allow-all", `--config=${CONFIG}`, OPENER, ...args],
  );
  await opener.ended;
  const said = opener.stderr;
  const outcomes = opener.stdout.split("\n").filter(Boolean) as (
    | "unnoticed"
    | "told"
    | "refused"
  )[];
  return { outcomes, said, panicked: said.includes("Deno has panicked") };
}

/**
 * Writes a database, and what it and its log look like in the end, to `dir`; resolves with what was ever
 * written to each key of each scope.
 *
 * @param suffixes Of the files to keep: with a log, those of a database that is open.
 */
async function write(
  dir: string,
  seed: number,
  count: number,
  suffixes: readonly string[],
): Promise<Set<string>> {
  await using place = await memoryDir();
  const path = `${place.path}/state.db`;
  const written = new Set<string>();
  const keep = async () => {
    for (const suffix of suffixes) {
      await Deno.copyFile(path + suffix, `${dir}/state.db${suffix}`);
    }
  };
  await Deno.mkdir(dir);
  {
    await using store = new DurableStore(await openDenoKv({ path }));
    store.watch((changes) => {
      for (const { scope, key, value } of changes) {
        if (value !== undefined) written.add(JSON.stringify([scope, key, value]));
      }
    });
    const next = transactions(seed);
    for (let n = 0; n < count; n += 1) await store.commit(next.next().value).catch(() => {});
    if (suffixes.length > 1) await keep();
  }
  if (suffixes.length === 1) await keep();
  return written;
}
