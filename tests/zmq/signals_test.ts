import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Child } from "../helpers/child.ts";

/** Enough for some thousand signals to come meanwhile; each of them may cut a system call short. */
const MESSAGES = 20_000;

/** A program of this directory: its one JavaScript thread is the main thread, where signals go. */
function start(script: string, ...args: string[]): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return Child.start(Deno.execPath(), ["run", "--no-prompt", "--allow-all", path, ...args]);
}

/** Starts of {@link startListening} at most. */
const STARTS_MAX = 5;

/**
 * The subject, once it has heard a signal. Deno may still do with the first what is done by default, which
 * ends it, although its handler is there: then it is started anew.
 */
async function startListening(): Promise<Child> {
  for (let left = STARTS_MAX;; left -= 1) {
    const subject = start("signals_subject.ts", `${MESSAGES}`);
    try {
      await subject.until("it catches signals", () => subject.stdout.includes("ready"));
      Deno.kill(subject.pid, "SIGUSR2");
      await subject.until("it hears signals", () => subject.stdout.includes("heard"));
      return subject;
    } catch (thrown) {
      await subject[Symbol.asyncDispose]();
      if (left === 1 || subject.exit?.signal !== "SIGUSR2") throw thrown;
    }
  }
}

const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "socket - signals that come all the time: every message goes and comes whole",
  onLinux,
  async () => {
    await using subject = await startListening();
    {
      await using _sender = Child.start("sh", [
        "-c",
        `while kill -USR2 ${subject.pid}; do :; done`,
      ]);
      await subject.until("it is through", () => subject.stdout.includes("}"));
    }
    assert.deepEqual(JSON.parse(subject.stdout.split("\n")[2]!), { whole: MESSAGES, torn: 0 });
    await subject.closeStdin();
    const { code } = await subject.ended;
    assert.equal(code, 0, subject.stderr);
  },
);

Deno.test("proxy - a signal that its thread gets: it goes on forwarding", onLinux, async () => {
  await using subject = start("proxy_signals_subject.ts");
  const { code } = await subject.ended;
  assert.deepEqual([code, subject.stdout], [0, "forwarded"], subject.stderr);
});
