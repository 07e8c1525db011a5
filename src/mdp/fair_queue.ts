/**
 * What waits for one service: one line for each client, served in turn (B13), so that a client with a
 * thousand requests delays another one's by one, not by a thousand.
 *
 * @module
 */

/** What the queue needs to know of an item. */
export interface Waiting {
  readonly clientKey: string;
  readonly bytes: number;
  readonly expiresAtMs: number;
}

/**
 * A queue that takes clients in turn.
 *
 * @example
 * ```ts
 * queue.push(a1); queue.push(a2); queue.push(b1);
 * queue.shift(); // a1
 * queue.shift(); // b1
 * queue.shift(); // a2
 * ```
 */
export class FairQueue<T extends Waiting> {
  /** Lines by client; the Map's order is the order of turns. */
  readonly #lines = new Map<string, Line<T>>();
  /** Items given back, before everybody's turn. */
  #returned: T[] = [];
  #size = 0;
  #bytes = 0;

  /** Items waiting. */
  get size(): number {
    return this.#size;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Clients waiting. */
  get clients(): number {
    return this.#lines.size;
  }

  /** Items of one client. */
  sizeOf(clientKey: string): number {
    return this.#lines.get(clientKey)?.size ?? 0;
  }

  /** Adds `item` to the end of its client's line. */
  push(item: T): void {
    let line = this.#lines.get(item.clientKey);
    if (!line) this.#lines.set(item.clientKey, line = new Line());
    line.push(item);
    this.#count(item, 1);
  }

  /** Puts `item` before all others: it had its turn already. */
  giveBack(item: T): void {
    this.#returned.push(item);
    this.#count(item, 1);
  }

  /** Takes the next item. */
  shift(): T | undefined {
    const item = this.#returned.shift() ?? this.#nextInTurn();
    if (item) this.#count(item, -1);
    return item;
  }

  /** Takes out what expired by `nowMs`. */
  expire(nowMs: number): T[] {
    const gone: T[] = [];
    this.#returned = this.#returned.filter((item) => {
      if (item.expiresAtMs > nowMs) return true;
      gone.push(item);
      return false;
    });
    for (const [key, line] of this.#lines) {
      // All items wait equally long, so the head of a line is its oldest.
      for (let head = line.peek(); head && head.expiresAtMs <= nowMs; head = line.peek()) {
        gone.push(line.shift()!);
      }
      if (line.size === 0) this.#lines.delete(key);
    }
    for (const item of gone) this.#count(item, -1);
    return gone;
  }

  /** Takes out everything of one client. */
  forget(clientKey: string): T[] {
    const gone = this.#lines.get(clientKey)?.rest() ?? [];
    this.#lines.delete(clientKey);
    this.#returned = this.#returned.filter((item) => {
      if (item.clientKey !== clientKey) return true;
      gone.push(item);
      return false;
    });
    for (const item of gone) this.#count(item, -1);
    return gone;
  }

  #nextInTurn(): T | undefined {
    for (const [key, line] of this.#lines) {
      const item = line.shift();
      this.#lines.delete(key);
      if (line.size > 0) this.#lines.set(key, line);
      return item;
    }
    return undefined;
  }

  #count(item: T, change: 1 | -1): void {
    this.#size += change;
    this.#bytes += change * item.bytes;
  }
}

/** First in, first out; an array's own `shift` is slow when it is long. */
class Line<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  rest(): T[] {
    return this.#items.slice(this.#head) as T[];
  }
}
