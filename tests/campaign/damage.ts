/**
 * Damages databases at random places. Each of them is opened, whatever it takes; what is served then was
 * written once under its key, and what is not as it was last is told.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { Child } from "../helpers/child.ts";
import { contentsOf } from "../store/contract.ts";
import { memoryDir } from "./memory_dir.ts";
import { fingerprint, transactions } from "./transactions.ts";

/** What was tried, and how it ended. */
export interface Damages {
  readonly damages: number;
  /** Opened as if nothing were: nothing was lost, or the end of a log, as after a power cut. */
  readonly unnoticed: number;
  /** Opened after a recovery, and said what is lost. */
  readonly told: number;
}

/** What was written to a database. */
export interface Written {
  /** Every value there ever was: scope, key and value as JSON. */
  readonly values: readonly string[];
  /** What was there last: scope, key and value. */
  readonly last: readonly (readonly [scope: string, key: string, value: string])[];
  /** Checksums of all it was, after each transaction; the last one last. */
  readonly states: readonly number[];
}

const OPENER = fileURLToPath(new URL("damage_opener.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/**
 * Damages so many times.
 *
 * @throws When one does not open, something is served that was not written, or is lost without words.
 */
export async function damage(
  { seed, count }: { readonly seed: number; readonly count: number },
): Promise<Damages> {
  await using dir = await memoryDir();
  await write(`${dir.path}/open`, seed, 250, ["", "-wal"]);
  await write(`${dir.path}/closed`, seed + 1, 400, [""]);
  // In a process of its own: a database that Deno KV itself finds damaged ends it.
  await using opener = Child.start(
    Deno.execPath(),
    [
      "run",
      "--quiet",
      "--allow-all",
      `--config=${CONFIG}`,
      OPENER,
      dir.path,
      `${seed}`,
      `${count}`,
    ],
  );
  const { code } = await opener.ended;
  assert.equal(code, 0, opener.stderr);
  const outcomes = opener.stdout.split("\n").filter(Boolean);
  assert.equal(outcomes.length, count, opener.stderr);
  const told = outcomes.filter((outcome) => outcome === "told").length;
  return { damages: count, unnoticed: count - told, told };
}

/**
 * Writes a database, and what it and its log look like in the end, to `dir`, with what was written.
 *
 * @param suffixes Of the files to keep: with a log, those of a database that is open.
 */
async function write(
  dir: string,
  seed: number,
  count: number,
  suffixes: readonly string[],
): Promise<void> {
  await using place = await memoryDir();
  const path = `${place.path}/state.db`;
  const values = new Set<string>();
  const states: number[] = [];
  const keep = async () => {
    for (const suffix of suffixes) {
      await Deno.copyFile(path + suffix, `${dir}/state.db${suffix}`);
    }
  };
  await Deno.mkdir(dir);
  let last: Written["last"];
  {
    await using store = new DurableStore(await openDenoKv({ path, unsettledMax: 30 }));
    store.watch((changes) => {
      for (const { scope, key, value } of changes) {
        if (value !== undefined) values.add(JSON.stringify([scope, key, value]));
      }
    });
    const next = transactions(seed);
    for (let n = 0; n < count; n += 1) {
      await store.commit(next.next().value).catch(() => {});
      states.push(crc32(fingerprint(store)));
    }
    last = [...contentsOf(store)].flatMap(([scope, keys]) =>
      [...keys].map(([key, value]) => [scope, key, value] as const)
    );
    if (suffixes.length > 1) await keep();
  }
  if (suffixes.length === 1) await keep();
  const written: Written = { values: [...values], last, states };
  await Deno.writeTextFile(`${dir}.json`, JSON.stringify(written));
}
