import assert from "node:assert/strict";
import { Changes, environmentOf, eventJson } from "../../src/cli/watch_changes.ts";
import { commandBehind } from "../../src/cli/words.ts";
import type { FollowEvent } from "../../src/watch/follower.ts";
import { Child, runToEnd } from "../helpers/child.ts";
import { invocation, runProgram } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { Plant } from "../service/harness.ts";

const set = (key: string, value: string, revision: number): FollowEvent => ({
  kind: "set",
  key,
  value,
  revision,
});

Deno.test("watch changes - nothing of the first look, each change, and what a new load differs in", () => {
  const changes = new Changes();
  const take = (...events: FollowEvent[]) => events.flatMap((event) => [...changes.take(event)]);
  const first: FollowEvent[] = [
    { kind: "reset" },
    set("a", "1", 3),
    set("b", "2", 3),
    set("c", "3", 3),
    { kind: "synced", revision: 3 },
  ];
  assert.deepEqual(take(...first), []);
  assert.deepEqual(take(set("a", "1.5", 4)), [set("a", "1.5", 4)]);
  const gone: FollowEvent = { kind: "delete", key: "b", revision: 5 };
  assert.deepEqual(take(gone), [gone]);
  // Of another history: revisions mean nothing across it, values do.
  const anew: FollowEvent[] = [
    { kind: "reset" },
    set("a", "1.5", 9),
    set("b", "2", 9),
    { kind: "synced", revision: 9 },
  ];
  assert.deepEqual(take(...anew), [set("b", "2", 9), { kind: "delete", key: "c", revision: 9 }]);
  assert.deepEqual(take(...anew), []);
});

Deno.test("watch changes - the environment: text as it is, anything else as JSON, nothing that does not fit", () => {
  const of = (value: string) => {
    const change = { kind: "set", key: "k", value, revision: 7 } as const;
    const { PLANTD_VALUE, PLANTD_VALUE_JSON } = environmentOf("a", change);
    return [PLANTD_VALUE, PLANTD_VALUE_JSON];
  };
  assert.deepEqual(of('"a\\nb"'), ["a\nb", '"a\\nb"']);
  assert.deepEqual(of('{"n":1.0}'), ['{"n":1.0}', '{"n":1.0}']);
  assert.deepEqual(of('"a\\u0000b"'), ["", '"a\\u0000b"']);
  assert.deepEqual(of(`"${"x".repeat(70_000)}"`), ["", ""]);
  assert.deepEqual(environmentOf("a", { kind: "delete", key: "k", revision: 8 }), {
    PLANTD_OPERATION: "delete",
    PLANTD_SCOPE: "a",
    PLANTD_KEY: "k",
    PLANTD_REVISION: "8",
    PLANTD_VALUE: "",
    PLANTD_VALUE_JSON: "",
  });
  assert.equal(eventJson(set("k", "1.0", 2)), '{"event":"set","key":"k","value":1.0,"revision":2}');
});

Deno.test("watch changes - the command stands behind --, and only of watch", () => {
  assert.deepEqual(commandBehind(["state", "watch", "k", "--", "sh", "-c", "--"]), [
    ["state", "watch", "k"],
    ["sh", "-c", "--"],
  ]);
  assert.deepEqual(commandBehind(["state", "set", "k", "--", "-5"]), [
    ["state", "set", "k", "--", "-5"],
    [],
  ]);
  assert.throws(() => commandBehind(["state", "watch", "--"]), /a command is needed/);
});

Deno.test("watch run - a command for each change, in order, which may fail, until it is stopped", async () => {
  await using plant = await Plant.make();
  await using network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("store", { service: "a", entries: { k1: 1, other: 1 } });
  const endpoint = `--endpoint=${network.endpoint}`;
  const script = 'echo "$PLANTD_OPERATION $PLANTD_SCOPE $PLANTD_KEY $PLANTD_REVISION' +
    ' <$PLANTD_VALUE> $PLANTD_VALUE_JSON $0 $(cat) $HOME"; test "$PLANTD_VALUE" != fail';
  const [deno, args] = invocation(
    ["state", "watch", endpoint, "--service=a", "--prefix=k", "--", "sh", "-c", script, "-x"],
  );
  const env = { HOME: "", PLANTD_STATE_HOME: "/home/me" };
  await using child = Child.start(deno, args, { env });
  // A change is told once it has looked for the first time.
  await child.until("it runs", async () => {
    await plant.ask("set", { service: "a", key: "k0", value: 0 });
    return child.stdout.includes("k0");
  });
  const { revision } = await plant.ask("set", { service: "a", key: "k1", value: "fail" });
  await plant.ask("set", { service: "a", key: "other", value: "x" });
  await plant.ask("delete", { service: "a", key: "k1" });
  await child.until("it has run for all", () => child.stdout.includes("delete"));
  const at = Number(revision);
  assert.deepEqual(child.stdout.trim().split("\n").slice(-2), [
    `set a k1 ${at} <fail> "fail" -x {"event":"set","key":"k1","value":"fail","revision":${at}} /home/me`,
    `delete a k1 ${at + 2} <>  -x {"event":"delete","key":"k1","revision":${at + 2}} /home/me`,
  ]);
  assert.match(child.stderr, new RegExp(`^sh ended with code 1 for revision ${at} of k1$`, "m"));
  child.signal("SIGTERM");
  assert.deepEqual(await child.ended, { code: 0, signal: null });

  const [, missing] = invocation(["state", "watch", endpoint, "--service=a", "--", "/no/such"]);
  await using none = Child.start(deno, missing);
  await none.until("it ends", async () => {
    await plant.ask("set", { service: "a", key: "k0", value: 0 });
    return none.exit !== undefined || none.stderr.includes("cannot run");
  });
  assert.equal((await none.ended).code, 2);
  assert.match(none.stderr, /^plantd-state: cannot run \/no\/such: /);
});

Deno.test("watch run - every other command, a plain serve too, gives up the permission to start processes", async () => {
  const start = new URL("../../src/cli/start.ts", import.meta.url).href;
  const script = `import { start } from ${JSON.stringify(start)};
    const before = Deno.permissions.querySync({ name: "run" }).state;
    await start(Deno.args);
    const after = Deno.permissions.querySync({ name: "run" }).state;
    let refused = false;
    try { new Deno.Command("true").spawn(); } catch (error) {
      refused = error instanceof Deno.errors.NotCapable;
    }
    Deno.stdout.writeSync(new TextEncoder().encode(\`\${before} \${after} \${refused}\`));
    Deno.exit();`;
  const [deno, args] = invocation([]);
  const flags = args.filter((arg) => arg.startsWith("--"));
  assert.ok(flags.includes("--allow-run"));
  await using dir = await tempDir();
  const file = `${dir.path}/script.ts`;
  await Deno.writeTextFile(file, script);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  // The second is a service that cannot start, so that it ends.
  for (const args of [["version"], [`--config=${dir.path}/missing.yml`]]) {
    const command = ["run", `--config=${config}`, ...flags, file, ...args];
    const { stdout, stderr } = await runToEnd(deno, command);
    assert.match(stdout, /granted prompt true$/, stderr);
  }
  assert.equal((await runProgram(["state", "watch", "--"])).code, 2);
});
