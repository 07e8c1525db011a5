/** Databases with what is newer than its entry, and what tests do to them. */

import { BackupSource } from "../../src/backup/source.ts";
import { BackupWriter } from "../../src/backup/writer.ts";
import { systemClock } from "../../src/clock.ts";
import type { Mutation } from "../../src/state/store.ts";
import { type DenoKvOptions, openDenoKv } from "../../src/store/deno_kv.ts";
import { checkDenoKv } from "../../src/store/deno_kv_check.ts";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { set } from "./contract.ts";

const source = "test";

/** A store on the database at `path`. */
export async function open(
  path: string,
  options: Partial<DenoKvOptions> = {},
): Promise<DurableStore> {
  return new DurableStore(await openDenoKv({ path, ...options }));
}

/** Has each of `mutations` committed alone. */
export async function put(store: DurableStore, ...mutations: Mutation[]): Promise<void> {
  for (const mutation of mutations) await store.commit({ mutations: [mutation], source });
}

/** Makes a database at `path`, with each of `mutations` committed alone. */
export async function written(
  path: string,
  mutations: readonly Mutation[],
  options: Partial<DenoKvOptions> = {},
): Promise<void> {
  await using store = await open(path, options);
  await put(store, ...mutations);
}

/** Sets `key` to 1, 2, .. `last`: all but the first are versions at once, in a store that does not settle. */
export function sets(key: string, last: number): Mutation[] {
  return Array.from({ length: last }, (_, i) => set("a", key, i + 1));
}

/** Does something to the records of the database at `path`, which nobody has open. */
export async function tamper(path: string, act: (kv: Deno.Kv) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(path);
  try {
    await act(kv);
  } finally {
    kv.close();
  }
}

/** Spoils a record: its checksum is not its own any more. */
export async function spoil(kv: Deno.Kv, at: layout.Key): Promise<void> {
  const record = (await kv.get<Uint8Array>(at)).value!.slice();
  record[record.length - 1]! ^= 1;
  await kv.set(at, record);
}

/** Spoils all lists of what is newer than its entry. */
export async function spoilLists(kv: Deno.Kv): Promise<void> {
  for (const at of await keysUnder(kv, layout.UNSETTLED)) await spoil(kv, at);
}

/** Keys under `prefix`, in order. */
export async function keysUnder(kv: Deno.Kv, prefix: layout.Key): Promise<layout.Key[]> {
  return await Array.fromAsync(kv.list({ prefix }), ({ key }) => key as layout.Key);
}

/** What a recovery of the database at `path` says, and what is served then. */
export async function recovered(path: string, backups?: string) {
  let [text, report] = ["", ""];
  const { loaded } = await openRecovering({
    path,
    onDamage: "start",
    backups,
    onRecovered: (...said) => [text, report] = said,
  });
  const store = new DurableStore(loaded);
  const lines = report === "" ? [] : (await Deno.readTextFile(report)).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return { store, text, lines };
}

/** Keys of the versions of `key`, the oldest first. */
export async function versionsOf(kv: Deno.Kv, key: string): Promise<layout.Key[]> {
  const all = await Array.fromAsync(
    kv.list<Uint8Array>({ prefix: layout.VERSIONS }),
    ({ key, value }) => ({ at: key as layout.Key, header: layout.decodePast(value).header }),
  );
  return all.filter(({ header }) => header.key === key)
    .sort((a, b) => a.header.r - b.header.r).map(({ at }) => at);
}

/** What is wrong with the database at `path`, which nobody has open. */
export async function problemsOf(path: string): Promise<string[]> {
  const problems: string[] = [];
  await checkDenoKv(path, (problem) => problems.push(problem));
  return problems;
}

/** Writes a backup of all that `store` has to `path`. */
export async function backUp(store: DurableStore, path: string): Promise<void> {
  const snapshot = new BackupSource(store, systemClock, "0").take();
  await using writer = await BackupWriter.create(path, snapshot.header);
  for await (const records of snapshot.from(0)) {
    for (const record of records) await writer.write(record);
  }
  await writer.finish();
}
