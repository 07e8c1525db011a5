/** Word of the service as it comes: an overview every two seconds, and the changes of one scope. */

import { askOverview, exactText, messageOf, parseExact } from "./api.js";

/** @import { Change, Link, Overview, Told } from "./types.ts" */

/** Pause between two overviews. */
const POLL_MS = 2000;

/** Without a sign of life for so long, what is shown counts as old. */
const STALE_MS = 6000;

/** Pause before a stream that was refused is asked for again. */
const REOPEN_MS = 3000;

/**
 * Calls `onOverview(overview)`; `onChanges(changes)` with the changes of the followed scope since the
 * last frame; `onReset()` when they begin, or some were missed: load anew; and
 * `onState({ isLive, sinceMs, why })` every second, where `sinceMs` is 0 while it still connects.
 */
export class Live {
  #on;
  /** @type {string | undefined} */
  #scope;
  /** @type {EventSource | undefined} */
  #source;
  #epoch = "";
  /** @type {number | undefined} */
  #lastRevision;
  #contactMs = 0;
  #isOpen = false;
  /**
   * Since when the first stream of the scope is waited for; undefined once there was one.
   *
   * @type {number | undefined}
   */
  #openingMs;
  /** @type {Change[]} */
  #waiting = [];
  #timer = 0;
  #why = "connecting";

  /**
   * @param {{
   *   onOverview: (overview: Overview) => void,
   *   onChanges: (changes: readonly Change[]) => void,
   *   onReset: () => void,
   *   onState: (link: Link) => void,
   * }} on
   */
  constructor(on) {
    this.#on = on;
    this.#poll();
    setInterval(() => this.#tell(), 1000);
    addEventListener("online", () => this.#poll());
  }

  /**
   * Follows the changes of `scope` from now on; undefined follows none.
   *
   * @param {string | undefined} scope
   */
  follow(scope) {
    if (scope === this.#scope) return;
    this.#scope = scope;
    this.#openingMs = Date.now();
    this.#epoch = "";
    this.#lastRevision = undefined;
    this.#waiting = [];
    this.#open();
  }

  #open() {
    this.#source?.close();
    this.#isOpen = false;
    if (this.#scope === undefined) return;
    const place = this.#lastRevision === undefined
      ? ""
      : `?since=${this.#lastRevision}&epoch=${encodeURIComponent(this.#epoch)}`;
    const path = `/api/v1/scopes/${encodeURIComponent(this.#scope)}/changes${place}`;
    const source = new EventSource(path);
    this.#source = source;
    /** @param {(data: any, event: MessageEvent) => void} take */
    const own = (take) => (/** @type {MessageEvent} */ event) =>
      source === this.#source && take(parseExact(event.data), event);
    source.addEventListener("begin", own((data) => this.#begun(data)));
    source.addEventListener("change", own((data, event) => this.#changed(data, event)));
    source.addEventListener("reset", own((data) => this.#reset(data)));
    source.onerror = () => source === this.#source && this.#lost(source);
  }

  /** @param {{ epoch: string, revision: number }} place */
  #begun({ epoch, revision }) {
    const isKnown = epoch === this.#epoch && revision <= (this.#lastRevision ?? -1);
    this.#isOpen = true;
    this.#openingMs = undefined;
    this.#heard();
    if (!isKnown) this.#reset({ epoch, revision });
  }

  /** @param {{ epoch: string, revision: number }} place */
  #reset({ epoch, revision }) {
    this.#epoch = epoch;
    this.#lastRevision = revision;
    this.#waiting = [];
    this.#on.onReset();
  }

  /**
   * @param {Told} data
   * @param {MessageEvent} event
   */
  #changed(data, event) {
    this.#heard();
    // A revision is complete with its id.
    if (event.lastEventId !== "") this.#lastRevision = Number(event.lastEventId);
    const { value, time, ...rest } = data;
    if (this.#waiting.length === 0) requestAnimationFrame(() => this.#hand());
    this.#waiting.push({ ...rest, value, time, text: exactText(value), timeMs: Date.parse(time) });
  }

  #hand() {
    const changes = this.#waiting;
    this.#waiting = [];
    if (changes.length > 0) this.#on.onChanges(changes);
  }

  /** @param {EventSource} source */
  #lost(source) {
    this.#isOpen = false;
    this.#why = "the event stream is interrupted";
    this.#tell();
    // Refused for good, or by a service that is starting: the browser does not try again by itself.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => source === this.#source && this.#open(), REOPEN_MS);
    }
  }

  #heard() {
    this.#contactMs = Date.now();
  }

  async #poll() {
    clearTimeout(this.#timer);
    try {
      const overview = await askOverview();
      this.#heard();
      this.#on.onOverview(overview);
    } catch (error) {
      this.#why = whyNot(error);
    }
    this.#tell();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#poll(), POLL_MS);
  }

  #tell() {
    const nowMs = Date.now();
    const isSilent = nowMs - this.#contactMs > STALE_MS;
    const isLive = !isSilent && (this.#scope === undefined || this.#isOpen);
    // What was just loaded is not old because its stream takes a moment.
    const isOpening = !isSilent && nowMs - (this.#openingMs ?? -Infinity) <= STALE_MS;
    const sinceMs = isOpening && !isLive ? 0 : this.#contactMs;
    this.#on.onState({ isLive, sinceMs, why: this.#why });
  }
}

/** @param {unknown} error */
function whyNot(error) {
  // What `fetch` throws when there is nobody.
  if (error instanceof TypeError) return "the service does not answer";
  return messageOf(error);
}
