/**
 * A client that owns two scopes, writes to them in every way, one request after the other, and knows what
 * they must hold. Each request has a name, changes something, and is asked again until it is answered.
 */

import assert from "node:assert/strict";
import type { Reply } from "../service/harness.ts";
import { below, pick } from "./random.ts";

/** Keys and values by scope; a scope that is not there is no member. */
export type Contents = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** A request, and what the scopes hold when it is done. */
export interface Step {
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly after: Contents;
}

const KEYS = Array.from({ length: 12 }, (_, i) => `key${i}`);
const SIZES = [1, 1, 1, 10, 10, 100, 1000, 20_000, 100_000];

/** The client, without its socket. */
export class Actor {
  readonly scopes: readonly [string, string];
  readonly #random: () => number;
  #contents: Contents = new Map();
  #step: Step | undefined;
  #number = 0;
  /** Requests answered. */
  answered = 0;

  constructor(readonly name: string, random: () => number) {
    this.scopes = [`org.plantd.${name}`, `org.plantd.${name}.More`];
    this.#random = random;
  }

  /** What was acknowledged. */
  get contents(): Contents {
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
    const { operation, body, after } = this.#step!;
    assert.ok(reply.success !== false, `${operation} ${body.request_id}: ${JSON.stringify(reply)}`);
    this.#contents = after;
    this.#step = undefined;
    this.answered += 1;
  }

  #make(): Step {
    const after = new Map([...this.#contents].map(([scope, keys]) => [scope, new Map(keys)]));
    const { operation, ...body } = this.#change(after);
    this.#number += 1;
    return { operation, body: { ...body, request_id: `${this.name} ${this.#number}` }, after };
  }

  /** A request that changes something, as it does to `after`. */
  #change(after: Map<string, Map<string, unknown>>) {
    const random = this.#random;
    const service = pick(random, this.scopes);
    const keys = after.get(service);
    const kind = random();
    if (keys && kind < 0.08) {
      after.delete(service);
      return { operation: "delete-scope", service };
    }
    if (!keys && kind < 0.3) {
      after.set(service, new Map());
      return { operation: "create-scope", service };
    }
    if (keys && keys.size > 0 && kind < 0.25) {
      const key = pick(random, [...keys.keys()]);
      keys.delete(key);
      return { operation: "delete", service, key };
    }
    if (kind < 0.45) {
      const keys = this.#some();
      const entries = Object.fromEntries(keys.map((key) => [key, this.#value(keys.length)]));
      after.set(service, new Map(Object.entries(entries)));
      return { operation: "store", service, mode: "replace", entries };
    }
    if (kind < 0.65) {
      const operations = this.#some().map((key, _, { length }) => {
        const scope = pick(random, this.scopes);
        const value = this.#value(length);
        put(after, scope, key, value);
        return { operation: "set", service: scope, key, value };
      });
      return { operation: "batch", operations };
    }
    const [key, value] = [pick(random, KEYS), this.#value()];
    put(after, service, key, value);
    return { operation: "set", service, key, value };
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

function put(
  contents: Map<string, Map<string, unknown>>,
  scope: string,
  key: string,
  value: unknown,
) {
  contents.set(scope, (contents.get(scope) ?? new Map()).set(key, value));
}
