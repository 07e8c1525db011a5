/**
 * A client that owns two scopes, writes to them in every way, one request after the other, and knows what
 * they must hold. Each request has a name, changes something, and is asked again until it is answered.
 */

import assert from "node:assert/strict";
import type { Reply } from "../service/harness.ts";
import { Model, type Version } from "./model.ts";
import { below, pick } from "../helpers/random.ts";

/** A request, and what the scopes hold when it is done. */
export interface Step {
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly after: Model;
  /** What it makes. */
  readonly made: ReadonlySet<Version>;
}

/** A request that was answered, to be asked for again. */
export interface Answered {
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly reply: Reply;
}

type Request = Readonly<Record<string, unknown>> & { readonly operation: string };

/** What a step is made of. */
interface Making {
  readonly after: Model;
  readonly made: Set<Version>;
  readonly service: string;
}

const KEYS = Array.from({ length: 12 }, (_, i) => `key${i}`);
/** Keys that expire. */
const BRIEF_KEYS = ["brief0", "brief1", "brief2"];
const BRIEF_MS = [50, 400, 2000, 3_600_000];
/** Bytes of values: mostly small, few in pieces. */
const SIZES = [1, 1, 1, 10, 10, 10, 100, 100, 1000, 1000, 20_000, 70_000];
/** What is said again in another way each time it is asked. */
const NOT_THE_SAME_AGAIN = ["configure-scope", "revert"];

/** The client, without its socket. */
export class Actor {
  readonly scopes: readonly [string, string];
  readonly #random: () => number;
  #contents = new Model();
  #step: Step | undefined;
  #number = 0;
  #recorded: Model[] | undefined;
  /** Requests answered. */
  answered = 0;
  /** The last of them that would be answered the same. */
  last: Answered | undefined;

  constructor(readonly name: string, random: () => number) {
    this.scopes = [`org.plantd.${name}`, `org.plantd.${name}.More`];
    this.#random = random;
  }

  /** What was acknowledged. */
  get contents(): Model {
    return this.#contents;
  }

  /** What is asked and not answered. */
  get pending(): Step | undefined {
    return this.#step;
  }

  /** The request to send: the one that is not answered, or a new one. */
  next(): Step {
    this.#step ??= this.#make();
    return this.#step;
  }

  /** The request is answered. */
  done(reply: Reply): void {
    const { operation, body, after, made } = this.#step!;
    assert.ok(reply.success !== false, `${operation} ${body.request_id}: ${JSON.stringify(reply)}`);
    const { revision, expires } = (reply.data ?? reply) as { revision?: number; expires?: string };
    for (const version of made) {
      if (revision !== undefined) version.revision = revision;
      if (expires !== undefined) version.expiresMs = Date.parse(expires);
    }
    this.#contents = after;
    this.#recorded?.push(after);
    this.#step = undefined;
    if (!NOT_THE_SAME_AGAIN.includes(operation)) this.last = { operation, body, reply };
    this.answered += 1;
  }

  /** Begins to record; what it returns ends that, and tells every contents there may have been since. */
  record(): () => readonly Model[] {
    const recorded = this.#recorded = [this.#contents];
    return () => {
      this.#recorded = undefined;
      return this.#step ? [...recorded, this.#step.after] : recorded;
    };
  }

  #make(): Step {
    const making = {
      after: new Model(this.#contents),
      made: new Set<Version>(),
      service: pick(this.#random, this.scopes),
    };
    const { operation, ...body } = this.#change(making);
    this.#number += 1;
    const { after, made } = making;
    return {
      operation,
      body: { ...body, request_id: `${this.name} ${this.#number}` },
      after,
      made,
    };
  }

  /** A request that changes something, as it does to `after`. */
  #change(making: Making): Request {
    const { after, service } = making;
    const kind = this.#random();
    if (kind < 0.06) return this.#configure(making);
    if (after.has(service) && kind < 0.12) {
      after.drop(service);
      return { operation: "delete-scope", service };
    }
    if (!after.has(service) && kind < 0.3) {
      after.create(service);
      return { operation: "create-scope", service };
    }
    if (kind < 0.2) return this.#delete(making) ?? this.#set(making);
    if (kind < 0.3) return this.#revert(making) ?? this.#set(making);
    if (kind < 0.4) return this.#setBrief(making);
    if (kind < 0.55) return this.#store(making);
    if (kind < 0.7) return this.#batch(making);
    return this.#set(making);
  }

  #configure({ after, service }: Making): Request {
    const history = pick(
      this.#random,
      [...[3, 8, 20, null]].filter((n) => (n ?? 8) !== after.history(service)),
    );
    after.configure(service, history);
    return { operation: "configure-scope", service, history };
  }

  #delete(making: Making): Request | undefined {
    const keys = making.after.keys(making.service);
    if (keys.length === 0) return undefined;
    const key = pick(this.#random, keys);
    this.#put(making, making.service, key, {});
    return { operation: "delete", service: making.service, key };
  }

  /** To a version that is still kept when the request is done, so that it can be asked for again. */
  #revert(making: Making): Request | undefined {
    const { after, service } = making;
    const choices = [...after.versions(service)].flatMap(([key, versions]) => {
      const present = versions.at(-1)!;
      return versions.slice(-after.kept(service), -1)
        .filter(({ revision, text, untilMs }) =>
          revision !== undefined && untilMs === undefined && text !== present.text
        )
        .map(({ revision, text }) => ({
          key,
          revision,
          version: text === undefined ? {} : { text },
        }));
    }).filter(({ key }) => !BRIEF_KEYS.includes(key));
    if (choices.length === 0) return undefined;
    const { key, revision, version } = pick(this.#random, choices);
    this.#put(making, service, key, version);
    return { operation: "revert", service, key, revision };
  }

  #setBrief(making: Making): Request {
    const [key, value] = [pick(this.#random, BRIEF_KEYS), this.#value()];
    const ttl_ms = pick(this.#random, BRIEF_MS);
    const untilMs = Date.now() + ttl_ms;
    this.#put(making, making.service, key, { text: JSON.stringify(value), untilMs });
    return { operation: "state-set", service: making.service, key, value, ttl_ms };
  }

  #store(making: Making): Request {
    const { after, service } = making;
    const keys = this.#some();
    const entries = Object.fromEntries(keys.map((key) => [key, this.#value(keys.length)]));
    const mode = pick(this.#random, ["replace", "merge"]);
    if (mode === "replace") {
      for (const [key, versions] of after.versions(service)) {
        const isThere = versions.at(-1)!.text !== undefined;
        if (isThere && !(key in entries)) this.#put(making, service, key, {});
      }
    }
    for (const [key, value] of Object.entries(entries)) {
      this.#put(making, service, key, { text: JSON.stringify(value) });
    }
    return { operation: "store", service, mode, entries };
  }

  #batch(making: Making): Request {
    const operations = this.#some().map((key, _, { length }) => {
      const service = pick(this.#random, this.scopes);
      const value = this.#value(length);
      this.#put(making, service, key, { text: JSON.stringify(value) });
      return { operation: "set", service, key, value };
    });
    return { operation: "batch", operations };
  }

  #set(making: Making): Request {
    const [key, value] = [pick(this.#random, KEYS), this.#value()];
    this.#put(making, making.service, key, { text: JSON.stringify(value) });
    return { operation: "set", service: making.service, key, value };
  }

  #put({ after, made }: Making, scope: string, key: string, version: Version): void {
    after.put(scope, key, version, made);
    made.add(version);
  }

  /** Keys: now and then so many that it takes a while to purge them. */
  #some(): string[] {
    if (this.#random() < 0.1) return Array.from({ length: 300 }, (_, i) => `many${i}`);
    return KEYS.filter((_, i) => i === this.#number % KEYS.length || this.#random() < 0.4);
  }

  /** Never the same twice; of many at once none is large. */
  #value(together = 1): unknown {
    const isSmall = together > KEYS.length || this.#random() < 0.5;
    const fill = isSmall ? "" : "x".repeat(pick(this.#random, SIZES));
    return { number: this.#number, salt: below(this.#random, 2 ** 31), fill };
  }
}
