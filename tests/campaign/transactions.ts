/**
 * Transactions of every kind, the same for the same seed, and what a store must hold after each of them.
 * One store works them off in order, so that its revision alone says which of them it has.
 */

import { crc32 } from "node:zlib";
import type { Mutation, Store, Transaction } from "../../src/state/store.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { set } from "../store/contract.ts";
import { memoryDisk } from "../state/helpers.ts";
import { FakeClock } from "../helpers/clock.ts";
import { below, pick, randomOf } from "../helpers/random.ts";

const SCOPES = [
  "org.plantd.Furnace",
  "org.plantd.Pump",
  "org.plantd.Logger",
  "org.plantd.Notebook",
];
const KEYS = Array.from({ length: 24 }, (_, i) => `key${i}`);

/** Bytes of values: mostly small, some beside the limits of records, some in pieces. */
const SIZES = [1, 1, 1, 10, 10, 100, 100, 1000, 20_000, 61_000, 200_000];

/** The transactions of `seed`, in the order in which they are to be committed. */
export function* transactions(seed: number): Generator<Transaction> {
  const random = randomOf(seed);
  const named: Transaction[] = [];
  for (let n = 0;; n += 1) {
    // Asked for again: it must not be applied twice.
    const again = random() < 0.05 ? named.at(-1 - below(random, 20)) : undefined;
    const transaction = again ?? {
      mutations: mutations(random, n),
      source: `mdp:${below(random, 9)}`,
      ...(random() < 0.1 ? { note: `note ${n}` } : {}),
      ...(random() < 0.3 ? { requestId: `request ${n}` } : {}),
    };
    if (transaction.requestId !== undefined) named.push(transaction);
    yield transaction;
  }
}

function mutations(random: () => number, n: number): Mutation[] {
  const scope = pick(random, SCOPES);
  const value = () => [n, "x".repeat(pick(random, SIZES))];
  const put = (to = scope) => set(to, pick(random, KEYS), value());
  const kind = random();
  if (kind < 0.5) return [put()];
  if (kind < 0.65) return [{ kind: "delete", scope, key: pick(random, KEYS) }];
  if (kind < 0.85) {
    return Array.from(
      { length: 2 + below(random, 12) },
      () =>
        random() < 0.8
          ? put(pick(random, SCOPES))
          : { kind: "delete", scope: pick(random, SCOPES), key: pick(random, KEYS) },
    );
  }
  if (kind < 0.95) {
    const keys = KEYS.filter(() => random() < 0.3);
    return [
      { kind: "keep-only", scope, keys: new Set(keys) },
      ...keys.map((key) => set(scope, key, [n, key])),
    ];
  }
  return [{ kind: random() < 0.8 ? "delete-scope" : "create-scope", scope }];
}

/** What `store` holds, as a short text: equal for equal contents, revisions and sources included. */
export function fingerprint(store: Store): string {
  const scopes = store.scopes().map((scope) => {
    const { entries, keys, revision } = store.view(scope);
    const lines = keys.map((key) => {
      const { value, revision, created, source, note } = entries.get(key)!;
      return JSON.stringify([key, crc32(value), value.length, revision, created, source, note]);
    });
    return `${scope} ${revision}\n${lines.join("\n")}`;
  });
  return `${store.status().revision}\n${scopes.join("\n")}`;
}

/** What a store that works off `transactions` holds, transaction by transaction. */
export class Expected {
  readonly #store = new DurableStore(memoryDisk(), { clock: new FakeClock() });
  readonly #transactions: Generator<Transaction>;
  readonly #after: string[] = [];
  readonly #revisions: number[] = [];

  constructor(seed: number) {
    this.#transactions = transactions(seed);
  }

  /** Works off so many transactions in all. */
  async advance(count: number): Promise<void> {
    while (this.#revisions.length < count) {
      await this.#store.commit(this.#transactions.next().value).catch(() => {});
      const { revision } = this.#store.status();
      this.#after[revision] = fingerprint(this.#store);
      this.#revisions.push(revision);
    }
  }

  /** The store's revision after so many transactions. */
  revisionAfter(count: number): number {
    return count === 0 ? 0 : this.#revisions[count - 1]!;
  }

  /** The contents at a revision. */
  at(revision: number): string | undefined {
    return revision === 0 ? "0\n" : this.#after[revision];
  }
}
