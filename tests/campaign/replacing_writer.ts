/**
 * Puts another database in the place of one, as a recovery or a restore does, and says on standard output
 * when the one that is replaced lies there, and when the other one does: `begun 1`, `done 1`.
 */

import { restore } from "../../src/offline.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { transactions } from "./transactions.ts";

const [path, what, backup] = Deno.args as [string, "recover" | "restore", string];
const encoder = new TextEncoder();

function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

{
  await using store = new DurableStore(await openDenoKv({ path }));
  const next = transactions(7);
  for (let n = 0; n < 60; n += 1) await store.commit(next.next().value).catch(() => {});
}
if (what === "recover") {
  // The last record of the file that says what it is of.
  const bytes = await Deno.readFile(path);
  const at = new TextDecoder("latin1").decode(bytes).lastIndexOf('"revision":');
  using file = await Deno.open(path, { write: true });
  await file.seek(at + 2, Deno.SeekMode.Start);
  await file.write(encoder.encode("?"));
  await file.sync();
}
say("begun 1");
if (what === "restore") await restore({ database: path, backup, dryRun: false });
else await (await openRecovering({ path, onDamage: "start" })).loaded.disk.close();
say("done 1");
