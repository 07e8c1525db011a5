/**
 * Changes as server-sent events (WHATWG HTML section 9.2). A stream has no queue: it is a place in the
 * log of changes, from which as much is taken as the client reads.
 *
 * ```
 * event: begin                    where the stream begins
 * id: 41
 * data: {"epoch":"..","revision":41}
 *
 * event: change                   as on the feed; the id comes with the last change of a revision, so
 * id: 42                          that whoever resumes behind it has all of that revision
 * data: {"epoch":"..","revision":42,..}
 *
 * event: reset                    changes are missing: load anew, what follows comes after `revision`
 * id: 97
 * data: {"epoch":"..","revision":97,"reason":".."}
 * ```
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { messageOf, PlantdError } from "../errors.ts";
import { EVENT_HEARTBEAT_MS, EVENT_STALL_MS_MAX, EVENT_STREAMS_MAX } from "../limits.ts";
import type { ChangeStream, StreamedChange } from "./ports.ts";

/** Where a stream begins. */
export interface StreamQuery {
  /** Only later revisions; from now on when absent. */
  readonly since?: number | undefined;
  /** The history that `since` is of. */
  readonly epoch?: string | undefined;
  /** Only changes of this scope. */
  readonly scope?: string | undefined;
}

/** Changes taken from the log at once. */
const PAGE_CHANGES = 500;

/** What a client that lost its connection waits before it asks again, in milliseconds. */
const RETRY_MS = 1000;

const encoder = new TextEncoder();

/**
 * The streams that are open.
 *
 * @example
 * ```ts
 * const streams = new EventStreams();
 * streams.open(changes, { since: 41, scope: "org.plantd.Test" }); // a ReadableStream of bytes
 * ```
 */
export class EventStreams {
  readonly #open = new Set<EventSource>();
  readonly #clock: Clock;
  readonly #countMax: number;

  constructor(clock: Clock = systemClock, countMax: number = EVENT_STREAMS_MAX) {
    this.#clock = clock;
    this.#countMax = countMax;
  }

  /** How many there are. */
  get count(): number {
    return this.#open.size;
  }

  /** A new one; undefined where there are too many. */
  open(changes: ChangeStream, query: StreamQuery): ReadableStream<Uint8Array> | undefined {
    if (this.#open.size >= this.#countMax) return undefined;
    const source = new EventSource(changes, query, this.#clock, () => this.#open.delete(source));
    this.#open.add(source);
    return new ReadableStream(source, { highWaterMark: 1 });
  }

  /** Ends them all; clients come again. */
  close(): void {
    for (const source of this.#open) source.close();
  }
}

/** One stream, as its reader pulls it. */
class EventSource implements UnderlyingDefaultSource<Uint8Array> {
  readonly #changes: ChangeStream;
  readonly #scope: string | undefined;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Everything up to this revision is told. */
  #since: number;
  /** Of `#since`, until it is known to be of the present history. */
  #epoch: string | undefined;
  #wake: () => void = () => {};
  #stopListening: () => void = () => {};
  #cancelBeat: () => void = () => {};
  /** Since when nobody has read what was last said. */
  #unreadSinceMs: number | undefined;
  #isOver = false;

  constructor(changes: ChangeStream, query: StreamQuery, clock: Clock, onEnd: () => void) {
    this.#changes = changes;
    this.#scope = query.scope;
    this.#since = query.since ?? changes.revision();
    this.#epoch = query.epoch;
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#stopListening = this.#changes.onChange(() => this.#wake());
    this.#beatLater();
    const opened = { epoch: this.#changes.epoch, revision: this.#since };
    this.#say(`retry: ${RETRY_MS}\n${event("begin", opened, this.#since)}`);
  }

  async pull(): Promise<void> {
    this.#unreadSinceMs = undefined;
    while (!this.#isOver) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const text = this.#next();
      if (text !== "") return this.#say(text);
      await promise;
      // A heartbeat has filled the place that was pulled for.
      if (this.#unreadSinceMs !== undefined) return;
    }
  }

  cancel(): void {
    this.#end();
  }

  close(): void {
    if (this.#isOver) return;
    this.#end();
    this.#controller?.close();
  }

  /** What there is to tell now; empty when there is nothing. */
  #next(): string {
    try {
      for (;;) {
        const page = this.#changes.page({
          since: this.#since,
          limit: PAGE_CHANGES,
          ...(this.#scope === undefined ? {} : { scope: this.#scope }),
          ...(this.#epoch === undefined ? {} : { epoch: this.#epoch }),
        });
        this.#since = page.revision;
        this.#epoch = undefined;
        if (page.changes.length > 0) return page.changes.map(changeEvent).join("");
        if (!page.more) return "";
      }
    } catch (thrown) {
      if (!(thrown instanceof PlantdError)) throw thrown;
      this.#since = this.#changes.revision();
      this.#epoch = undefined;
      const { epoch } = this.#changes;
      const reset = { epoch, revision: this.#since, reason: messageOf(thrown) };
      return event("reset", reset, this.#since);
    }
  }

  #say(text: string): void {
    this.#controller?.enqueue(encoder.encode(text));
    this.#unreadSinceMs = this.#clock.monotonic();
  }

  #beatLater(): void {
    this.#cancelBeat = this.#clock.after(EVENT_HEARTBEAT_MS, () => this.#beat());
  }

  #beat(): void {
    const unreadMs = this.#clock.monotonic() - (this.#unreadSinceMs ?? this.#clock.monotonic());
    if (unreadMs >= EVENT_STALL_MS_MAX) return this.#abandon();
    this.#beatLater();
    if (this.#unreadSinceMs !== undefined) return;
    // An id without data is no event, but the client's place from now on.
    this.#say(`: heartbeat\nid: ${this.#since}\n\n`);
    this.#wake();
  }

  /** What is still to be read would keep the connection open. */
  #abandon(): void {
    this.#end();
    this.#controller?.error(new Error("the client does not read"));
  }

  #end(): void {
    this.#isOver = true;
    this.#stopListening();
    this.#cancelBeat();
    this.#wake();
    this.#onEnd();
  }
}

/** Complete with the id of its revision only where no other change of it follows. */
function changeEvent(
  { revision, json }: StreamedChange,
  index: number,
  all: readonly StreamedChange[],
): string {
  const isLast = all[index + 1]?.revision !== revision;
  return `event: change\n${isLast ? `id: ${revision}\n` : ""}data: ${json()}\n\n`;
}

function event(name: string, data: unknown, id?: number): string {
  const place = id === undefined ? "" : `id: ${id}\n`;
  return `event: ${name}\n${place}data: ${JSON.stringify(data)}\n\n`;
}
