/** Whether a service serves what its clients know to be there. */

import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import type { Actor } from "./actor.ts";
import type { Found, Told } from "./model.ts";
import type { Site } from "./site.ts";

/** Wall clocks of two processes are read at different moments; so much may pass, in milliseconds. */
const SLACK_MS = 20;

/** Holds what the service serves against what was acknowledged to `actors`, none of whom waits. */
export async function settled(site: Site, actors: readonly Actor[]): Promise<void> {
  for (const actor of actors) {
    const { contents, scopes } = actor;
    // Keys that are over are listed until they are deleted.
    await until(`${actor.name} finds what was acknowledged`, async () => {
      return contents.differs(await load(site, scopes), scopes, Date.now()) === undefined;
    }).catch(async (thrown) => {
      const difference = contents.differs(await load(site, scopes), scopes, Date.now());
      throw new Error(`${difference}`, { cause: thrown });
    });
    for (const scope of scopes) {
      for (const [key, versions] of contents.versions(scope)) {
        const { expiresMs = Infinity } = versions.at(-1)!;
        if (Date.now() < expiresMs + SLACK_MS) continue;
        const { code } = await site.askUntilAnswered("get", { service: scope, key });
        assert.equal(code, "key_not_found", `${scope} ${key} is over`);
      }
      await examineSome(site, actor, scope);
    }
  }
}

/** Waits until a watcher has what there is of `scope`. */
export async function converged(
  site: Site,
  scope: string,
  watched: () => ReadonlyMap<string, string>,
): Promise<void> {
  let difference = "";
  await until(`the watcher of ${scope} has what is there`, async () => {
    const found = (await load(site, [scope])).get(scope) ?? new Map();
    const has = watched();
    const keys = [...new Set([...found.keys(), ...has.keys()])];
    const differing = keys.filter((key) => found.get(key) !== has.get(key));
    difference = differing
      .map((key) => `${key}: ${found.get(key)?.slice(0, 60)}, it has ${has.get(key)?.slice(0, 60)}`)
      .join("; ");
    return difference === "";
  }).catch((thrown) => {
    throw new Error(`the watcher of ${scope}: ${difference}`, { cause: thrown });
  });
}

async function load(site: Site, scopes: readonly string[]): Promise<Found> {
  const found = new Map<string, Map<string, string>>();
  for (const service of scopes) {
    const { code, data } = await site.askUntilAnswered("load", { service });
    if (code === "scope_not_found") continue;
    const entries = Object.entries(data!.entries as Record<string, unknown>);
    found.set(service, new Map(entries.map(([key, value]) => [key, JSON.stringify(value)])));
  }
  return found;
}

/** The past of a few keys. */
async function examineSome(site: Site, { contents }: Actor, service: string): Promise<void> {
  const keys = [...contents.versions(service).keys()].filter((key) => key.startsWith("key"));
  for (const key of keys.slice(0, 3)) {
    const { data } = await site.askUntilAnswered("history", { service, key });
    const versions = data!.versions as readonly { value?: unknown; revision: number }[];
    const told: Told[] = versions.map(({ value, revision }) => ({
      text: value === undefined ? undefined : JSON.stringify(value),
      revision,
    }));
    contents.examine(service, key, told);
  }
}
