/**
 * Damages databases, opens them one after the other, and says on standard output how each ended:
 * `unnoticed` or `told`. Fails when one does not open, serves what was never written, or has lost
 * something and does not say so. Run by damage.ts.
 */

import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { contentsOf, set } from "../store/contract.ts";
import type { Written } from "./damage.ts";
import { memoryDir } from "./memory_dir.ts";
import { below, pick, randomOf } from "../helpers/random.ts";
import { fingerprint } from "./transactions.ts";

const [dir, seed, count] = Deno.args as [string, string, string];

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

/** Ways to damage a file, by name. */
const WAYS: Readonly<
  Record<string, (file: Uint8Array<ArrayBuffer>, random: () => number) => Uint8Array<ArrayBuffer>>
> = {
  "a bit is flipped": (file, random) => {
    file[below(random, file.length)]! ^= 1 << below(random, 8);
    return file;
  },
  "it is truncated": (file, random) => file.slice(0, below(random, file.length)),
  "a page is zeros": (file, random) => {
    const page = below(random, Math.ceil(file.length / PAGE_BYTES));
    return file.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  },
  "a sector is rubbish": (file, random) => {
    const start = below(random, Math.ceil(file.length / SECTOR_BYTES)) * SECTOR_BYTES;
    const end = Math.min(file.length, start + SECTOR_BYTES);
    for (let at = start; at < end; at += 1) file[at] = below(random, 256);
    return file;
  },
  "a page is another one": (file, random) => {
    const pages = Math.floor(file.length / PAGE_BYTES);
    const from = below(random, pages) * PAGE_BYTES;
    file.copyWithin(below(random, pages) * PAGE_BYTES, from, from + PAGE_BYTES);
    return file;
  },
};

const encoder = new TextEncoder();
type Known = Omit<Written, "values"> & { readonly values: ReadonlySet<string> };
const writtenTo = new Map<string, Known>();
for (const kind of ["open", "closed"]) {
  const written: Written = JSON.parse(await Deno.readTextFile(`${dir}/${kind}.json`));
  writtenTo.set(kind, { ...written, values: new Set(written.values) });
}

for (let at = 1; at <= Number(count); at += 1) {
  const random = randomOf(Number(seed) * 1_000_000 + at);
  const kind = pick(random, ["open", "closed"]);
  const names = [...Deno.readDirSync(`${dir}/${kind}`)].map(({ name }) => name).sort();
  const [damaged, [way, apply]] = [pick(random, names), pick(random, Object.entries(WAYS))];
  const where = `seed ${seed}, damage ${at}: ${way} in ${damaged} of the ${kind} one`;
  await using place = await memoryDir();
  for (const name of names) {
    const file = await Deno.readFile(`${dir}/${kind}/${name}`);
    await Deno.writeFile(`${place.path}/${name}`, name === damaged ? apply(file, random) : file);
  }
  let outcome: string;
  try {
    // Nothing is acknowledged before its log is on disk: that a log ends earlier nobody can see.
    outcome = await examine(
      `${place.path}/state.db`,
      writtenTo.get(kind)!,
      damaged.endsWith("-wal"),
    );
  } catch (cause) {
    throw new Error(where, { cause });
  }
  Deno.stdout.writeSync(encoder.encode(`${outcome}\n`));
}

async function examine(path: string, { values, last, states }: Known, inLog: boolean) {
  let text = "";
  const { loaded, notices } = await openRecovering({
    path,
    onDamage: "start",
    onRecovered: (said) => text = said,
  });
  await using store = new DurableStore(loaded);
  assert.equal(store.status().damaged, 0);
  const served = contentsOf(store);
  for (const [scope, keys] of served) {
    if (scope.startsWith("recovered-")) continue;
    for (const [key, value] of keys) {
      const isWritten = values.has(JSON.stringify([scope, key, value]));
      assert.ok(isWritten, `${scope} ${key} was never ${value.slice(0, 60)}`);
    }
  }
  if (text === "") {
    const state = states.lastIndexOf(crc32(fingerprint(store)));
    const isIt = inLog ? state >= 0 : state === states.length - 1;
    assert.ok(isIt, "something is lost, and nobody says so");
  } else {
    const report = await Deno.readTextFile(notices.all.at(-1)!.report);
    const isOpen = /may be missing|may be there again|recovered-/.test(text);
    for (const [scope, key, value] of last) {
      const isThere = served.get(scope)?.get(key) === value;
      const isTold = isOpen || report.includes(` ${scope} ${JSON.stringify(key)}\n`);
      assert.ok(isThere || isTold, `${scope} ${key} is lost, and nobody says so: ${text}`);
    }
  }
  // A good request in the end.
  await store.commit({ mutations: [set("new", "k", 1)], source: "t" });
  assert.equal(store.get("new", "k")!.value, "1");
  return text === "" ? "unnoticed" : "told";
}
