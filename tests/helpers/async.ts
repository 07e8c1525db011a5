/** Waiting in tests: for conditions, never for time. */

/** Only a test that fails waits this long: patient, because machines that test are busy. */
const TIMEOUT_MS = 30_000;

/** Resolves when `condition` holds; fails with `what` after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`gave up waiting: ${what}`);
    await new Promise((done) => setTimeout(done, 2));
  }
}

/** The outcome of `run`; when it fails, the error says which of many it was. */
export async function naming<T>(name: string, run: Promise<T>): Promise<T> {
  try {
    return await run;
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether `run` throws nothing. */
export function succeeds(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

/** A real pause: only where the passing of time is itself the subject of the test. */
export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** A queue that a callback fills and a test empties. */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiters: ((item: T) => void)[] = [];

  /** To be handed over as the callback. */
  readonly put = (item: T): void => {
    const waiter = this.#waiters.shift();
    if (waiter) waiter(item);
    else this.#items.push(item);
  };

  /** How many wait to be taken. */
  get size(): number {
    return this.#items.length;
  }

  /** The next item; fails after `timeoutMs`. */
  next(timeoutMs = TIMEOUT_MS): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!);
    return new Promise((resolve, reject) => {
      const id = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(new Error(`nothing came within ${timeoutMs} ms`));
      }, timeoutMs);
      const waiter = (item: T) => {
        clearTimeout(id);
        resolve(item);
      };
      this.#waiters.push(waiter);
    });
  }
}

/** UTF-8 bytes of `text`. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Text of UTF-8 `data`. */
export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}
