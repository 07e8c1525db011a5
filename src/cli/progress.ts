/**
 * A bar for commands that take their time: on a terminal, on standard error, and nowhere else.
 *
 * @module
 */

/** Cells of the bar. */
const CELLS = 30;
/** How often it is drawn, in milliseconds. */
const EVERY_MS = 100;

const encoder = new TextEncoder();

/**
 * Shows how far a command is, until it is disposed of.
 *
 * @example
 * ```ts
 * using progress = new Progress("verifying");
 * progress.show(0.5);
 * ```
 */
export class Progress implements Disposable {
  readonly #what: string;
  readonly #isShown = Deno.stderr.isTerminal();
  #drawnMs = -Infinity;

  constructor(what: string) {
    this.#what = what;
  }

  /** @param part Which part is done, from 0 to 1. */
  show(part: number): void {
    this.#draw(() => {
      const done = Math.min(Math.max(part, 0), 1);
      const bar = "#".repeat(Math.round(done * CELLS)).padEnd(CELLS, ".");
      return `[${bar}] ${Math.floor(done * 100)}%`;
    });
  }

  /** For work whose end cannot be known. */
  count(done: number, what: string): void {
    this.#draw(() => `${done} ${what}`);
  }

  /** Makes room for a line of something else. */
  clear(): void {
    if (this.#drawnMs >= 0) this.#write("\r\x1b[K");
    this.#drawnMs = -Infinity;
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #draw(text: () => string): void {
    if (!this.#isShown || performance.now() - this.#drawnMs < EVERY_MS) return;
    this.#drawnMs = performance.now();
    this.#write(`\r${this.#what} ${text()}`);
  }

  #write(text: string): void {
    Deno.stderr.writeSync(encoder.encode(text));
  }
}
