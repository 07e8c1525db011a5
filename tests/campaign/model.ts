/** What the scopes of a client must hold, and what their keys were before. */

import assert from "node:assert/strict";

/** What a key is, or was: a value as JSON text; without one it is deleted. */
export interface Version {
  readonly text?: string;
  /** Where it expires: until then it must be there. Wall clock. */
  readonly untilMs?: number;
  /** Where that was told. */
  revision?: number;
  /** From then on it must not be served; where that was told. */
  expiresMs?: number;
}

/** Scopes with keys and the texts of their values, as something was found to have them. */
export type Found = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** A version of a key as a store tells it. */
export interface Told {
  readonly text: string | undefined;
  readonly revision: number;
}

/** Versions that are remembered; more than any scope here keeps. */
const VERSIONS_MAX = 30;
/** Versions before the present one that a scope keeps unless it was told otherwise. */
export const KEPT_DEFAULT = 8;

/** Contents at one moment; each step makes a copy and changes that. */
export class Model {
  /** The versions of each key of each scope, the latest last. */
  readonly #scopes: Map<string, Map<string, readonly Version[]>>;
  /** The `history` of scopes that have one of their own. */
  readonly #history: Map<string, number>;
  /** The fewest versions that a scope has ever had to keep. */
  readonly #kept: Map<string, number>;

  constructor(of?: Model) {
    const scopes = of ? of.#scopes : [];
    this.#scopes = new Map([...scopes].map(([scope, keys]) => [scope, new Map(keys)]));
    this.#history = new Map(of ? of.#history : []);
    this.#kept = new Map(of ? of.#kept : []);
  }

  has(scope: string): boolean {
    return this.#scopes.has(scope);
  }

  /** Keys that are there and stay. */
  keys(scope: string): string[] {
    return [...this.#scopes.get(scope) ?? []]
      .filter(([, versions]) => {
        const { text, untilMs } = versions.at(-1)!;
        return text !== undefined && untilMs === undefined;
      })
      .map(([key]) => key);
  }

  /** All keys that are known, and their versions, the latest last. */
  versions(scope: string): ReadonlyMap<string, readonly Version[]> {
    return this.#scopes.get(scope) ?? new Map();
  }

  /** What is in force as `history`. */
  history(scope: string): number {
    return this.#history.get(scope) ?? KEPT_DEFAULT;
  }

  /** How many earlier versions are there for certain, if there were so many. */
  kept(scope: string): number {
    return this.#kept.get(scope) ?? KEPT_DEFAULT;
  }

  create(scope: string): void {
    this.#scopes.set(scope, new Map());
  }

  drop(scope: string): void {
    this.#scopes.delete(scope);
  }

  configure(scope: string, history: number | null): void {
    if (history === null) this.#history.delete(scope);
    else this.#history.set(scope, history);
    this.#kept.set(scope, Math.min(this.kept(scope), this.history(scope)));
  }

  /** Sets a key or, without a text, deletes it. In one step twice, it is one version. */
  put(scope: string, key: string, version: Version, made: ReadonlySet<Version>): void {
    const keys = this.#scopes.get(scope) ?? new Map<string, readonly Version[]>();
    this.#scopes.set(scope, keys);
    const before = keys.get(key) ?? [];
    const isOfThisStep = before.length > 0 && made.has(before.at(-1)!);
    const past = isOfThisStep ? before.slice(0, -1) : before;
    keys.set(key, [...past, version].slice(-VERSIONS_MAX));
  }

  /** Why `found` is not this; undefined if it is. */
  differs(found: Found, scopes: readonly string[], nowMs: number): string | undefined {
    for (const scope of scopes) {
      const [keys, wanted] = [found.get(scope), this.#scopes.get(scope)];
      if ((keys === undefined) !== (wanted === undefined)) return `scope ${scope}`;
      if (!keys || !wanted) continue;
      for (const key of keys.keys()) if (!wanted.has(key)) return `${scope} ${key} is there`;
      for (const [key, versions] of wanted) {
        const { text, untilMs = Infinity } = versions.at(-1)!;
        if (keys.get(key) === text) continue;
        if (!keys.has(key) && untilMs <= nowMs) continue;
        return `${scope} ${key}`;
      }
    }
    return undefined;
  }

  /** Holds what a store tells of the past of a key, the latest first, against what it was. */
  examine(scope: string, key: string, told: readonly Told[]): void {
    const wanted = [...this.versions(scope).get(key) ?? []].reverse();
    const where = `the past of ${scope} ${key}`;
    const least = Math.min(wanted.length, this.kept(scope) + 1);
    assert.ok(told.length >= least, `${where}: ${told.length} versions, ${least} are kept`);
    assert.ok(told.length <= this.history(scope) + 1, `${where}: ${told.length} versions`);
    for (const [i, { text, revision }] of told.entries()) {
      // What was before is forgotten here.
      if (i >= VERSIONS_MAX) break;
      assert.equal(text, wanted[i]?.text, `${where}: version ${i}`);
      if (wanted[i]!.revision !== undefined) {
        assert.equal(revision, wanted[i]!.revision, `${where}: version ${i}`);
      }
    }
  }
}
