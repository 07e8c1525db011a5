/** Independent peers: scripts for Debian's python3-zmq, which talk to the tests in JSON lines. */

import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";

/** A line a script printed: what happened, when (the host's monotonic clock), and details. */
export interface PeerEvent {
  readonly event: string;
  readonly atMs: number;
  readonly [detail: string]: unknown;
}

/** A frame on its way to or from a script: text, or what is no text. */
export type PeerFrame = string | { hex: string } | { fill: string; count: number };

/** A running script. */
export class Peer implements AsyncDisposable {
  readonly child: Child;
  readonly #taken = new Map<string, number>();
  #parsedTo = 0;
  readonly #events: PeerEvent[] = [];

  constructor(child: Child) {
    this.child = child;
  }

  /** Everything it printed so far. */
  get events(): readonly PeerEvent[] {
    const end = this.child.stdout.lastIndexOf("\n") + 1;
    const lines = this.child.stdout.slice(this.#parsedTo, end).split("\n").filter(Boolean);
    this.#parsedTo = end;
    for (const line of lines) this.#events.push(JSON.parse(line));
    return this.#events;
  }

  /** The events of one kind so far. */
  all(event: string): readonly PeerEvent[] {
    return this.events.filter((one) => one.event === event);
  }

  /** The next event of one kind; those of other kinds are left for later. */
  async next(event: string, timeoutMs?: number): Promise<PeerEvent> {
    const at = this.#taken.get(event) ?? 0;
    const come = () => this.all(event).length > at;
    await this.child.until(`an event "${event}"`, come, timeoutMs);
    this.#taken.set(event, at + 1);
    return this.all(event)[at]!;
  }

  /** Tells the script something. */
  async tell(command: Readonly<Record<string, unknown>>): Promise<void> {
    await this.child.write(`${JSON.stringify(command)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

const python = findPython();

/**
 * A test against independent peers. Where there is no python3-zmq it is skipped, and says so.
 *
 * @param name `subject - behaviour`.
 */
export function interopTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  if (python === undefined) {
    const line = `SKIPPED: python3-zmq is missing (Debian: apt install python3-zmq); ` +
      `it would have proved: ${name}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(line));
  }
  Deno.test({ name, ignore: python === undefined, fn });
}

/** Runs a script of tests/interop. It ends by itself when the tests do. */
export function startPeer(script: string, ...args: (string | number)[]): Peer {
  const path = fileURLToPath(new URL(`../interop/${script}`, import.meta.url));
  // -B: no __pycache__ in the tree.
  return new Peer(Child.start(python!, ["-B", "-u", path, ...args.map(String)]));
}

/** Debian's own interpreter first: it is the one that has the package. */
function findPython(): string | undefined {
  return ["/usr/bin/python3", "python3"].find((candidate) => {
    try {
      const args = ["-c", "import zmq"];
      return new Deno.Command(candidate, { args, stdout: "null", stderr: "null" }).outputSync()
        .success;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}
