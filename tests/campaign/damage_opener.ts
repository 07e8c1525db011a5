/**
 * Opens damaged databases, one after the other, and says on standard output how each ended:
 * `unnoticed`, `told` or `refused`. Fails when one serves what was never written. Run by damage.ts.
 */

import assert from "node:assert/strict";
import { PlantdError } from "../../src/errors.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { contentsOf, set } from "../store/contract.ts";
import { memoryDir } from "./memory_dir.ts";
import { below, pick, randomOf } from "./random.ts";

const [dir, seed, first, last] = Deno.args as [string, string, string, string];

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

const written: ReadonlySet<string> = new Set(
  JSON.parse(await Deno.readTextFile(`${dir}/written.json`)),
);
const encoder = new TextEncoder();

for (let at = Number(first); at <= Number(last); at += 1) {
  const random = randomOf(Number(seed) * 1_000_000 + at);
  const original = `${dir}/${pick(random, ["open", "closed"])}`;
  const names = [...Deno.readDirSync(original)].map(({ name }) => name).sort();
  const [damaged, [way, apply]] = [pick(random, names), pick(random, Object.entries(WAYS))];
  const outcome = await open(`seed ${seed}, damage ${at}: ${way} in ${damaged}`, async (place) => {
    for (const name of names) {
      const file = await Deno.readFile(`${original}/${name}`);
      await Deno.writeFile(`${place}/${name}`, name === damaged ? apply(file, random) : file);
    }
  });
  Deno.stdout.writeSync(encoder.encode(`${outcome}\n`));
}

async function open(
  where: string,
  fill: (place: string) => Promise<void>,
): Promise<"unnoticed" | "told" | "refused"> {
  await using place = await memoryDir();
  await fill(place.path);
  let store: DurableStore;
  try {
    store = new DurableStore(await openDenoKv({ path: `${place.path}/state.db` }));
  } catch (thrown) {
    if (!(thrown instanceof PlantdError)) throw new Error(where, { cause: thrown });
    assert.equal(thrown.code, "database_unusable", where);
    return "refused";
  }
  await using _store = store;
  for (const [scope, keys] of contentsOf(store)) {
    for (const [key, value] of keys) {
      const isWritten = written.has(JSON.stringify([scope, key, value]));
      assert.ok(isWritten, `${where}: ${scope} ${key} was never ${value.slice(0, 60)}`);
    }
  }
  // It may not take a write, but says so; what it has taken is there.
  const isStored = await store.commit({ mutations: [set("new", "k", 1)], source: "t" })
    .then(() => true, (thrown: PlantdError) => {
      assert.match(thrown.code, /^storage_/, where);
      return false;
    });
  if (isStored) assert.equal(store.get("new", "k")!.value, "1", where);
  return store.status().damaged > 0 ? "told" : "unnoticed";
}
