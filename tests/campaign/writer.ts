/**
 * Works off transactions on a database, a few at a time, and says on standard output which it has begun
 * and which are on disk: `begun N`, `done N`. Opens the database anew now and then.
 */

import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { below, randomOf } from "../helpers/random.ts";
import { transactions } from "./transactions.ts";

const [path, seedText, countText, perOpening] = Deno.args as [string, string, string, string];
const [seed, count] = [Number(seedText), Number(countText)];
const random = randomOf(seed + 1);
const encoder = new TextEncoder();
const next = transactions(seed);

function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

let begun = 0;
while (begun < count) {
  await using store = new DurableStore(await openDenoKv({ path, unsettledMax: 40 }));
  const end = Math.min(count, begun + Number(perOpening));
  while (begun < end) {
    // One at a time, and many in one commit.
    const together = Math.min(end - begun, random() < 0.5 ? 1 : 1 + below(random, 12));
    await Promise.all(Array.from({ length: together }, async () => {
      const n = begun += 1;
      say(`begun ${n}`);
      await store.commit(next.next().value).catch((thrown) => {
        if (/^storage_/.test(thrown.code)) throw thrown;
      });
      say(`done ${n}`);
    }));
  }
}
