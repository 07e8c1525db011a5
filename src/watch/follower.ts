/**
 * Keeps a copy of one scope from what the change feed tells, and knows when something is missing. Pure:
 * messages go in, events come out, and {@link Follower.need} says what must be asked for.
 *
 * @module
 */

/** A change as the feed and `changes` tell it (PROTOCOL section 4). */
export interface FeedChange {
  readonly revision: number;
  readonly previous: number;
  readonly operation: "create-scope" | "delete-scope" | "configure-scope" | "set" | "delete";
  /** Of set and delete. */
  readonly key?: string;
  /** JSON text; of set. */
  readonly value?: string;
  /** Where it stands among those of its revision; the only one by default. */
  readonly index?: number;
  readonly count?: number;
}

/** What a load came to. */
export interface LoadedScope {
  readonly epoch: string;
  /** Revision of the scope's last change; 0 when there is no such scope. */
  readonly revision: number;
  /** Revision of the store that the load is no older than. */
  readonly storeRevision: number;
  /** JSON texts. */
  readonly entries: ReadonlyMap<string, string>;
}

/** What a page of `changes` says. */
export interface ChangesPage {
  readonly epoch: string;
  /** Everything of the scope up to this revision of the store is told. */
  readonly revision: number;
  readonly changes: readonly FeedChange[];
}

/** What happened to the copy. */
export type FollowEvent =
  /** All that was known is void; what there is follows as `set`, up to `synced`. */
  | { readonly kind: "reset" }
  | {
    readonly kind: "set";
    readonly key: string;
    readonly value: string;
    readonly revision: number;
  }
  | { readonly kind: "delete"; readonly key: string; readonly revision: number }
  /** The copy is the scope as of `revision`, be it empty; from here on each change is told. */
  | { readonly kind: "synced"; readonly revision: number };

/** What must be asked for before the copy is right again. */
export type Need = "load" | "changes" | undefined;

const NO_EVENTS: readonly FollowEvent[] = [];

/**
 * The copy of a scope.
 *
 * @example
 * ```ts
 * const follower = new Follower();
 * follower.loaded({ epoch, revision: 3, storeRevision: 7, entries }); // reset, set..., synced
 * follower.change(epoch, message); // set or delete, or nothing and follower.need is "changes"
 * ```
 */
export class Follower {
  readonly #entries = new Map<string, string>();
  #epoch = "";
  /** Revision of the last change that was applied. */
  #revision = 0;
  /** Whether all changes of that revision were. */
  #isWhole = true;
  #nextIndex = 0;
  /** Everything of the scope up to this revision of the store is in the copy. */
  #known = 0;
  #exists = false;
  #need: Need = "load";

  /** What to ask for; undefined while the copy is right as far as one can tell. */
  get need(): Need {
    return this.#need;
  }

  /** Ask `changes` for what came after this revision of the store. */
  get known(): number {
    return this.#known;
  }

  /** The history the copy is of. */
  get epoch(): string {
    return this.#epoch;
  }

  /** Keys and JSON texts. */
  get entries(): ReadonlyMap<string, string> {
    return this.#entries;
  }

  /** A change from the feed. */
  change(epoch: string, change: FeedChange): readonly FollowEvent[] {
    if (this.#need === "load") return NO_EVENTS;
    if (epoch !== this.#epoch) return this.#lose("load");
    const { revision, index = 0 } = change;
    if (revision <= this.#known) return NO_EVENTS;
    if (!this.#isNext(change)) return this.#lose("changes");
    const events = this.#apply(change);
    this.#revision = revision;
    this.#nextIndex = index + 1;
    this.#isWhole = index + 1 >= (change.count ?? 1);
    if (this.#isWhole && this.#need === undefined) this.#known = revision;
    return events;
  }

  /** A heartbeat from the feed: a lost last change is noticed by it. */
  heartbeat(epoch: string, revision: number): void {
    if (this.#need === "load") return;
    if (epoch !== this.#epoch) this.#need = "load";
    else if (revision > this.#known) this.#need = "changes";
  }

  /** The answer to `load`. */
  loaded({ epoch, revision, storeRevision, entries }: LoadedScope): readonly FollowEvent[] {
    this.#entries.clear();
    for (const [key, value] of entries) this.#entries.set(key, value);
    this.#epoch = epoch;
    this.#revision = revision;
    this.#isWhole = true;
    this.#known = Math.max(revision, storeRevision);
    this.#exists = revision > 0;
    this.#need = undefined;
    return [
      { kind: "reset" },
      ...[...entries].map(([key, value]) => ({ kind: "set", key, value, revision }) as const),
      { kind: "synced", revision: this.#known },
    ];
  }

  /** A page of the answer to `changes` since {@link known}; the last one has `more` false. */
  caughtUp({ epoch, revision, changes }: ChangesPage, more: boolean): readonly FollowEvent[] {
    if (epoch !== this.#epoch) return this.#lose("load");
    const events = changes.flatMap((change) => this.#apply(change));
    this.#revision = changes.at(-1)?.revision ?? this.#revision;
    this.#isWhole = true;
    this.#known = Math.max(this.#known, revision);
    this.#need = more ? "changes" : undefined;
    return events;
  }

  /** `changes` said that the past is gone. */
  compacted(): void {
    this.#need = "load";
  }

  /** Messages may have been lost. */
  doubt(): void {
    this.#need ??= "changes";
  }

  #lose(need: Need): readonly FollowEvent[] {
    this.#need = need;
    return NO_EVENTS;
  }

  /** Whether nothing lies between the copy and `change`. */
  #isNext({ revision, previous, operation, index = 0 }: FeedChange): boolean {
    if (!this.#isWhole) return revision === this.#revision && index === this.#nextIndex;
    if (index !== 0) return false;
    return operation === "create-scope" ? !this.#exists : previous === this.#revision;
  }

  #apply({ operation, key = "", value = "", revision }: FeedChange): readonly FollowEvent[] {
    switch (operation) {
      case "create-scope":
        this.#exists = true;
        return NO_EVENTS;
      case "configure-scope":
        return NO_EVENTS;
      case "delete-scope": {
        const keys = [...this.#entries.keys()];
        this.#entries.clear();
        this.#exists = false;
        return keys.map((key) => ({ kind: "delete", key, revision }));
      }
      case "set":
        this.#entries.set(key, value);
        return [{ kind: "set", key, value, revision }];
      case "delete":
        return this.#entries.delete(key) ? [{ kind: "delete", key, revision }] : NO_EVENTS;
    }
  }
}
