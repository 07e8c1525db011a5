/** Looks at a database that a killed service has left, in a copy of it. */

import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import { checkDenoKv } from "../../src/offline.ts";
import type { Store } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import type { Actor, Step } from "./actor.ts";
import { memoryDir } from "./memory_dir.ts";
import type { Found, Model } from "./model.ts";
import { pick } from "../helpers/random.ts";

/** What was found. */
export interface Look {
  readonly epoch: string;
  readonly revision: number;
  readonly contents: Found;
  /** What nobody has answered and is there, of each client that has such. */
  readonly unanswered: ReadonlyMap<Actor, Step>;
}

/** Keys of each client whose past is looked at. */
const PASTS = 6;

/**
 * Holds what is on disk against what was acknowledged to `actors`. The service finds its own files as it
 * left them.
 */
export async function lookAt(
  database: string,
  actors: readonly Actor[],
  random: () => number,
): Promise<Look> {
  await refuseDamage(database);
  await using dir = await memoryDir();
  const path = `${dir.path}/state.db`;
  for (const suffix of ["", "-wal"]) {
    await Deno.copyFile(database + suffix, path + suffix).catch((error) => {
      // Killed before it had made it.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  const unanswered = new Map<Actor, Step>();
  let look: Look;
  {
    await using store = new DurableStore(await openDenoKv({ path }));
    const { revision, damaged, epoch } = store.status();
    assert.equal(damaged, 0);
    look = { epoch, revision, contents: contents(store), unanswered };
    for (const actor of actors) {
      if (isPendingThere(actor, look.contents, store)) unanswered.set(actor, actor.pending!);
      await examinePasts(store, actor, unanswered.has(actor), random);
    }
  }
  await checkDenoKv(path, (problem) => assert.fail(problem));
  return look;
}

/** What is served; what is over is not. */
function contents(store: Store): Found {
  return new Map(
    store.scopes().map((scope) => {
      const entries = store.view(scope).keys.flatMap((key) => {
        const entry = store.get(scope, key);
        return entry ? [[key, entry.value] as const] : [];
      });
      return [scope, new Map(entries)];
    }),
  );
}

/** Whether it is with the pending request; fails where it is neither with nor without. */
function isPendingThere(
  { name, scopes, contents, pending }: Actor,
  found: Found,
  store: Store,
): boolean {
  const differs = (model: Model) =>
    model.differs(found, scopes, Date.now()) ??
      scopes.find((scope) => store.scopeOptions(scope).history !== model.history(scope));
  const without = differs(contents);
  if (without === undefined) return false;
  const withIt = pending ? differs(pending.after) : "nothing is pending";
  const what = `${pending?.operation} ${pending?.body.request_id}`;
  const sentence = `${name}: not what was acknowledged (${without}), nor with ${what} (${withIt})`;
  assert.equal(withIt, undefined, sentence);
  return true;
}

async function examinePasts(
  store: DurableStore,
  { scopes, contents, pending }: Actor,
  isPending: boolean,
  random: () => number,
): Promise<void> {
  const model = isPending ? pending!.after : contents;
  for (const scope of scopes) {
    const keys = [...model.versions(scope).keys()].filter((key) => !key.startsWith("brief"));
    for (let i = 0; i < Math.min(PASTS, keys.length); i += 1) {
      const key = pick(random, keys);
      const versions = await store.history(scope, key);
      model.examine(
        scope,
        key,
        versions.map(({ value, revision }) => ({ text: value, revision })),
      );
    }
  }
}

/** A kill is no damage, and must not be taken for it. */
async function refuseDamage(database: string): Promise<void> {
  for await (const { name } of Deno.readDir(dirname(database))) {
    const isDamage = name.startsWith(basename(database)) && /\.(bad-|notice|old-|next)/.test(name);
    assert.ok(!isDamage, `there is ${name}`);
  }
}
