/**
 * What a watcher asks the service, through a Majordomo client.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import type { Client } from "../mdp/client.ts";
import { type JsonObject, parseObject } from "../state/json.ts";
import type { ChangesPage, FeedChange, LoadedScope } from "./follower.ts";
import { request } from "./request.ts";

const encoder = new TextEncoder();

/** Where the feed is, and where it stands. */
export interface FeedPlace {
  readonly endpoint: string | undefined;
  readonly epoch: string;
  readonly revision: number;
}

/**
 * Asks the state service named `service`.
 *
 * @example
 * ```ts
 * const asking = new ServiceClient(client, "org.plantd.State");
 * await asking.load("org.plantd.Test", signal);
 * ```
 */
export class ServiceClient {
  readonly #client: Client;
  readonly #service: string;

  constructor(client: Client, service: string) {
    this.#client = client;
    this.#service = service;
  }

  /** @throws {PlantdError} As all of these: what the service said, or `no_reply`. */
  async feed(signal: AbortSignal): Promise<FeedPlace> {
    const { members } = await this.#ask("watch", {}, signal);
    const { endpoint, epoch, revision } = members as {
      endpoint: string | null;
      epoch: string;
      revision: number;
    };
    return { endpoint: endpoint ?? undefined, epoch, revision };
  }

  /** The whole scope as of one moment; a scope that does not exist is empty, of revision 0. */
  async load(scope: string, signal: AbortSignal): Promise<LoadedScope> {
    // Asked first: the load is no older than that.
    const { epoch, revision: storeRevision } = await this.feed(signal);
    const entries = new Map<string, string>();
    let revision: number | undefined;
    try {
      for (let more = true; more;) {
        const after = [...entries.keys()].at(-1);
        const page = await this.#ask("load", { service: scope, after, revision }, signal);
        // Of another history than before: begin anew.
        if (page.members.epoch !== epoch) return await this.load(scope, signal);
        for (const [key, value] of page.textsOf("entries")) entries.set(key, value.text);
        revision = page.members.revision as number;
        more = page.members.more === true;
      }
      return { epoch, revision: revision!, storeRevision, entries };
    } catch (thrown) {
      if (!(thrown instanceof PlantdError)) throw thrown;
      if (thrown.code === "scope_not_found") {
        return { epoch, revision: 0, storeRevision, entries: new Map() };
      }
      // The snapshot was forgotten between two pages.
      if (thrown.code === "revision_conflict") return await this.load(scope, signal);
      throw thrown;
    }
  }

  /** @throws {PlantdError} `compacted`, too. */
  async changes(
    scope: string,
    { since, epoch }: { readonly since: number; readonly epoch: string },
    signal: AbortSignal,
  ): Promise<ChangesPage & { readonly more: boolean }> {
    const data = await this.#ask("changes", { service: scope, since, epoch }, signal);
    return {
      epoch: data.members.epoch as string,
      revision: data.members.revision as number,
      changes: data.objectsOf("changes")!.map(changeOf),
      more: data.members.more === true,
    };
  }

  /** The data of the reply. */
  async #ask(
    operation: string,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const reply = await request(this.#client, this.#service, operation, body, { signal });
    const data = reply.textOf("data");
    if (!data) throw new PlantdError("internal", `the reply to ${operation} has no data`);
    return parseObject(encoder.encode(data.text));
  }
}

/** A change as it came, with its value to the letter. */
export function changeOf(body: JsonObject): FeedChange {
  const value = body.textOf("value")?.text;
  const members = body.members as unknown as FeedChange;
  return value === undefined ? members : { ...members, value };
}
