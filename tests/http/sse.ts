/** Server-sent events as a browser takes them apart (WHATWG HTML section 9.2.6). */

import { Inbox } from "../helpers/async.ts";

/** One event, and the last id there was when it came. */
export interface SentEvent {
  readonly event: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
  readonly lastId: string;
}

/** A stream that is being read. */
export class Events implements AsyncDisposable {
  readonly response: Response;
  readonly #inbox = new Inbox<SentEvent>();
  readonly #reader: ReadableStreamDefaultReader<string>;
  /** The id a browser would send to resume. */
  lastId = "";
  readonly ended: Promise<void>;

  private constructor(response: Response) {
    this.response = response;
    this.#reader = response.body!.pipeThrough(new TextDecoderStream() as never)
      .getReader() as never;
    this.ended = this.#read();
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Events> {
    return new Events(await fetch(url, { headers }));
  }

  next(): Promise<SentEvent> {
    return this.#inbox.next();
  }

  async take(count: number): Promise<SentEvent[]> {
    const events: SentEvent[] = [];
    while (events.length < count) events.push(await this.next());
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
    await this.ended;
  }

  async #read(): Promise<void> {
    let text = "";
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return;
        text += value;
        const blocks = text.split("\n\n");
        text = blocks.pop()!;
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // The server has ended it.
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => line.split(/: ?(.*)/s, 2) as [string, string]),
    );
    this.lastId = fields.get("id") ?? this.lastId;
    const data = fields.get("data");
    if (data === undefined) return;
    this.#inbox.put({ event: fields.get("event")!, data: JSON.parse(data), lastId: this.lastId });
  }
}
