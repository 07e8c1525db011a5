/**
 * Requests with a name, within a commit in the making: which were done before, and which are to be
 * remembered and forgotten with it.
 *
 * @module
 */

import { REQUEST_IDS_MAX } from "../limits.ts";
import type { Transaction } from "../state/store.ts";
import type { DoneRequest, Mirror } from "./mirror.ts";
import { digestOf } from "./record.ts";
import { expectSameRequest } from "./refusals.ts";

/** Names forgotten for each new one: two, so that too many become fewer. */
const FORGOTTEN_PER_REQUEST = 2;

/** The requests of one draft. */
export class DraftRequests {
  readonly #mirror: Mirror;
  readonly #timeMs: number;
  readonly #windowMs: number;
  readonly #monotonicMs: number;
  readonly #done = new Map<string, DoneRequest>();

  /**
   * @param timeMs The wall clock.
   * @param windowMs For how long a request is remembered.
   * @param monotonicMs The clock that does not jump.
   */
  constructor(mirror: Mirror, timeMs: number, windowMs: number, monotonicMs: number) {
    this.#mirror = mirror;
    this.#timeMs = timeMs;
    this.#windowMs = windowMs;
    this.#monotonicMs = monotonicMs;
  }

  /**
   * What became of `transaction` when it was asked for before; undefined when it is new.
   *
   * @throws {PlantdError} `invalid_request` when its name was another one's.
   */
  doneBefore(transaction: Transaction): DoneRequest | undefined {
    const { requestId: id } = transaction;
    if (id === undefined) return undefined;
    const done = this.#done.get(id) ?? this.#mirror.request(id);
    if (!done || !this.#isRemembered(done)) return undefined;
    expectSameRequest(id, done.digest, digestOf(transaction));
    return done;
  }

  /** `transaction` is done, with `revision`. */
  remember(transaction: Transaction, revision: number): void {
    const { requestId: id } = transaction;
    if (id === undefined || this.#windowMs === 0) return;
    this.#done.set(id, { revision, timeMs: this.#timeMs, digest: digestOf(transaction) });
  }

  /** Requests to be remembered. */
  get writes(): ReadonlyMap<string, DoneRequest> {
    return this.#done;
  }

  /** Upper bound of the records of {@link writes} and {@link deletes}. */
  get recordsTouched(): number {
    return this.#done.size * (1 + FORGOTTEN_PER_REQUEST);
  }

  /** Names to be forgotten, the oldest. */
  deletes(): string[] {
    const old: string[] = [];
    let tooMany = this.#mirror.requestCount + this.#done.size - REQUEST_IDS_MAX;
    for (const id of this.#mirror.requestIds()) {
      const isOld = tooMany > 0 || !this.#isRemembered(this.#mirror.request(id)!);
      if (!isOld || old.length >= FORGOTTEN_PER_REQUEST * this.#done.size) break;
      if (!this.#done.has(id)) old.push(id);
      tooMany -= 1;
    }
    return old;
  }

  /** Brings the mirror to where the disk is now. */
  merge(): void {
    for (const id of this.deletes()) this.#mirror.putRequest(id, undefined);
    for (const [id, done] of this.#done) {
      this.#mirror.putRequest(id, { ...done, sinceMs: this.#monotonicMs });
    }
  }

  /**
   * A clock that was stepped must not make a request of this run forgotten, nor one of an earlier run,
   * of which only the wall clock tells, unforgettable.
   */
  #isRemembered({ timeMs, sinceMs }: DoneRequest): boolean {
    if (sinceMs !== undefined) return this.#monotonicMs - sinceMs < this.#windowMs;
    return Math.abs(this.#timeMs - timeMs) < this.#windowMs;
  }
}
