/** The service manager's end of sd_notify(3): an independent receiver, in Python's standard library. */

import { Child } from "./child.ts";

/** Prints each datagram as a line of JSON, with the sender's process id as the kernel tells it. */
const SCRIPT = `
import json, socket, struct, sys, time
address = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.bind("\\0" + address[1:] if address.startswith("@") else address)
print(json.dumps({"listening": address}), flush=True)
while True:
    data, ancillary, _, _ = receiver.recvmsg(4096, socket.CMSG_SPACE(12))
    pid = struct.unpack("3i", ancillary[0][2])[0] if ancillary else None
    print(json.dumps({"text": data.decode(), "pid": pid, "atMs": time.monotonic() * 1000}), flush=True)
`;

/** What one datagram said. */
export interface Notification {
  /** Assignments such as `READY: "1"`. */
  readonly fields: Readonly<Record<string, string>>;
  /** Who sent it. */
  readonly pid: number;
  /** On the host's monotonic clock. */
  readonly atMs: number;
}

/** A listening service manager. */
export class NotifyReceiver implements AsyncDisposable {
  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  /** @param address A path, or `@` and an abstract name. */
  static async listen(address: string): Promise<NotifyReceiver> {
    const receiver = new NotifyReceiver(
      Child.start(python!, ["-I", "-S", "-c", SCRIPT, address]),
    );
    await receiver.child.until("it listens", () => receiver.child.stdout.includes("listening"));
    return receiver;
  }

  /** All that came so far. */
  get all(): readonly Notification[] {
    const whole = this.child.stdout.slice(0, this.child.stdout.lastIndexOf("\n") + 1);
    return whole.split("\n").filter(Boolean).slice(1).map((line) => {
      const { text, pid, atMs } = JSON.parse(line) as { text: string; pid: number; atMs: number };
      const fields = Object.fromEntries(text.split("\n").map((one) => one.split(/=(.*)/s, 2)));
      return { fields, pid, atMs };
    });
  }

  /** Those that have a field. */
  with(field: string): readonly Notification[] {
    return this.all.filter(({ fields }) => field in fields);
  }

  /** Resolves with the first that fits, come or yet to come. */
  async first(what: string, fits: (one: Notification) => boolean): Promise<Notification> {
    await this.child.until(what, () => this.all.some(fits), 20_000);
    return this.all.find(fits)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** Debian's own first: it starts at once, where a version manager's needs a shell. */
const python = ["/usr/bin/python3", "python3"].find((candidate) => {
  try {
    return new Deno.Command(candidate, { args: ["-c", ""] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
});

/** A test that needs a service manager's socket; where there is no Python it is skipped, and says so. */
export function notifyTest(name: string, fn: () => Promise<void>): void {
  const missing = Deno.build.os !== "linux"
    ? "this is not Linux"
    : python === undefined
    ? "python3 is missing"
    : undefined;
  if (missing !== undefined) {
    const line = `SKIPPED: ${missing}; it would have proved: ${name}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(line));
  }
  Deno.test({ name, ignore: missing !== undefined, fn });
}
