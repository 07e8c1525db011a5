/** What was said of revisions: none stands for two changes, none that was told is lost. */

import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import type { Reply } from "../service/harness.ts";

/** Revisions that are remembered; what is older has been compared often enough. */
const REMEMBERED = 50_000;

/** A book of them. */
export class Revisions {
  /** What a change was, by revision and place in it. */
  readonly #changes = new Map<string, string>();
  readonly #requests = new Map<number, string>();
  /** Requests that were on disk before they were answered, and the store's revision then. */
  readonly #stored = new Map<string, number>();
  #epoch: string | undefined;
  #latest = 0;

  /** A change was told. */
  told(topic: string, body: string): void {
    const { epoch, revision, scope, index = 0, time, source } = JSON.parse(body);
    this.#sameEpoch(epoch);
    this.#see(revision);
    this.#same(`${revision} ${scope} ${index}`, `${topic} ${crc32(body)}`);
    // Of all changes of a revision, whatever their scopes.
    this.#same(String(revision), `${time} ${source}`);
  }

  /** A request was answered. */
  replied(requestId: string, reply: Reply): void {
    const revision = (reply.revision ?? reply.data?.revision) as number | undefined;
    if (revision === undefined) return;
    this.#see(revision);
    const before = this.#requests.get(revision);
    const sentence = `revision ${revision} is of ${before} and of ${requestId}`;
    assert.ok(before === undefined || before === requestId, sentence);
    this.#requests.set(revision, requestId);
    forget(this.#requests);
    const stored = this.#stored.get(requestId);
    if (stored === undefined) return;
    assert.ok(revision <= stored, `${requestId} was stored by ${stored}, and again as ${revision}`);
    this.#stored.delete(requestId);
  }

  /** A request that nobody has answered is on disk. */
  storedUnanswered(requestId: string, revision: number): void {
    // Of several rounds the first counts.
    if (!this.#stored.has(requestId)) this.#stored.set(requestId, revision);
  }

  /** The database was found with this epoch and revision. */
  onDisk(epoch: string, revision: number): void {
    if (revision > 0) this.#sameEpoch(epoch);
    assert.ok(revision >= this.#latest, `${this.#latest} was told, ${revision} is on disk`);
  }

  #same(place: string, change: string): void {
    const before = this.#changes.get(place) ?? change;
    assert.equal(change, before, `revision ${place} is two changes`);
    this.#changes.set(place, change);
    forget(this.#changes);
  }

  #see(revision: number): void {
    this.#latest = Math.max(this.#latest, revision);
  }

  #sameEpoch(epoch: string): void {
    this.#epoch ??= epoch;
    assert.equal(epoch, this.#epoch, "another epoch");
  }
}

/** The oldest go first. */
function forget(map: Map<unknown, unknown>): void {
  if (map.size > REMEMBERED) map.delete(map.keys().next().value);
}
