/**
 * A terminal that is drawn on as a whole, and given back as it was (xterm's control sequences, which
 * every terminal of today knows).
 *
 * @module
 */

const encoder = new TextEncoder();

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_SCREEN = "\x1b[J";

/** Of a terminal that says it has none, as a serial console does. */
const [COLUMNS, ROWS] = [80, 24];

/** Ctrl-C and Ctrl-D as a raw terminal sends them. */
const [CTRL_C, CTRL_D] = ["\x03", "\x04"];

/**
 * Takes the terminal until it is disposed of.
 *
 * @example
 * ```ts
 * await using screen = new Screen();
 * screen.draw(["hello"]);
 * await screen.quit;
 * ```
 */
export class Screen implements AsyncDisposable {
  /** Resolves when somebody wants to leave: q, Ctrl-C, Ctrl-D, SIGINT, SIGTERM, SIGHUP. */
  readonly quit: Promise<void>;
  readonly #signals: [Deno.Signal, () => void][];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(onResize: () => void = () => {}) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.quit = promise;
    this.#signals = [
      ["SIGINT", resolve],
      ["SIGTERM", resolve],
      ["SIGHUP", resolve],
      ["SIGWINCH", onResize],
    ];
    for (const [signal, listener] of this.#signals) Deno.addSignalListener(signal, listener);
    if (Deno.stdin.isTerminal()) {
      // Otherwise what is typed shows, and waits for its line to end.
      Deno.stdin.setRaw(true);
      this.#reader = Deno.stdin.readable.getReader();
      void this.#readKeys(this.#reader, resolve);
    }
    this.#write(ENTER);
  }

  /** Columns and rows at this moment. */
  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || COLUMNS, rows: rows || ROWS };
  }

  /** Shows `lines` in the place of what was there. */
  draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}${REST_OF_LINE}`).join("\r\n");
    this.#write(`${HOME}${text}${REST_OF_SCREEN}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#write(LEAVE);
    if (this.#reader) {
      Deno.stdin.setRaw(false);
      await this.#reader.cancel();
    }
    for (const [signal, listener] of this.#signals) Deno.removeSignalListener(signal, listener);
  }

  async #readKeys(reader: ReadableStreamDefaultReader<Uint8Array>, quit: () => void) {
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const keys = decoder.decode(value);
      if (["q", "Q", CTRL_C, CTRL_D].some((key) => keys.includes(key!))) quit();
    }
  }

  #write(text: string): void {
    let bytes = encoder.encode(text);
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
  }
}
