/** Writes to a store until it is killed, saying what was acknowledged; run by deno_kv_test.ts. */

import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { JsonText } from "../../src/state/json.ts";
import { set } from "./contract.ts";

const [path, mode] = Deno.args as [string, string];
const store = new DurableStore(await openDenoKv({ path }));
const source = "writer";
const encoder = new TextEncoder();

/** Straight to the pipe: what the killer reads was acknowledged before it could read it. */
function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

if (mode === "write") {
  const writer = async (key: string, fill: number) => {
    for (let n = Date.now();; n += 1) {
      await store.commit({ mutations: [set("crash", key, { n, fill: "x".repeat(fill) })], source });
      say(`${key} ${n}`);
    }
  };
  await Promise.all([
    writer("large", 300_000),
    writer("a", 10),
    writer("b", 1000),
    writer("c", 59_000),
  ]);
} else {
  if (store.hasScope("big")) {
    await store.commit({ mutations: [{ kind: "delete-scope", scope: "big" }], source });
  }
  const value = new JsonText('"0123456789"');
  // A scope is filled in one go only up to 400 keys: so it is filled under another name's absence.
  await Promise.all(Array.from({ length: 50 }, (_, i) =>
    store.commit({
      mutations: Array.from({ length: 400 }, (_, j) => (
        { kind: "set", scope: "big", key: `key${i * 400 + j}`, value, missingScope: "create" }
      )),
      source,
    })));
  say("filled");
  await store.commit({ mutations: [{ kind: "delete-scope", scope: "big" }], source });
  say("dropped");
  // Stays until killed: the purge is under way.
  setInterval(() => {}, 1000);
}
