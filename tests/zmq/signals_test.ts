import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Child } from "../helpers/child.ts";

const SUBJECT = fileURLToPath(new URL("signals_subject.ts", import.meta.url));
/** Enough for some thousand signals to come meanwhile; each of them may cut a system call short. */
const MESSAGES = 20_000;

Deno.test("socket - signals that come all the time: every message goes and comes whole", async () => {
  const flags = ["run", "--no-prompt", "--allow-all"];
  await using subject = Child.start(Deno.execPath(), [...flags, SUBJECT, `${MESSAGES}`]);
  await subject.until("it listens for signals", () => subject.stdout.includes("ready"));
  await using _sender = Child.start("sh", ["-c", `while kill -USR2 ${subject.pid}; do :; done`]);
  const { code } = await subject.ended;
  assert.equal(code, 0, subject.stderr);
  assert.deepEqual(JSON.parse(subject.stdout.split("\n")[1]!), { whole: MESSAGES, torn: 0 });
});
