/** HTTP to the letter: `fetch` would not send a foreign Host. */

/** A connection to a port on 127.0.0.1. */
export class Raw implements Disposable {
  readonly #connection: Deno.TcpConn;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  async write(text: string): Promise<void> {
    await this.#connection.write(new TextEncoder().encode(text));
  }

  /** Sends a request and resolves with the status of its answer. */
  async status(request: string): Promise<number> {
    await this.write(request);
    const buffer = new Uint8Array(4096);
    const size = await this.#connection.read(buffer);
    return Number(new TextDecoder().decode(buffer.subarray(0, size ?? 0)).split(" ")[1]);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** Connects. */
export async function connect(port: number): Promise<Raw> {
  return new Raw(await Deno.connect({ hostname: "127.0.0.1", port }));
}
