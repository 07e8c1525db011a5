import assert from "node:assert/strict";
import { dirname } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { Child, type ChildOptions, runToEnd } from "../helpers/child.ts";
import { freePort } from "../helpers/ports.ts";
import { invocation, runProgram, startProgram } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { Plant } from "../service/harness.ts";

type Run = (
  args: readonly string[],
  options?: ChildOptions & { stdin?: string | Uint8Array },
) => Promise<{ code: number; stdout: string; stderr: string }>;

/** A running service, and the command line pointed at it. */
async function withService(body: (run: Run, plant: Plant) => Promise<void>): Promise<void> {
  await using plant = await Plant.make();
  await using network = await plant.startNetwork();
  await using _service = await plant.startService();
  await body(
    ([group, ...rest], options) =>
      runProgram(
        [group!, ...rest.slice(0, 1), `--endpoint=${network.endpoint}`, ...rest.slice(1)],
        options,
      ),
    plant,
  );
}

Deno.test("cli - the original's quickstart works word for word", async () => {
  await using plant = await Plant.make();
  await using network = await plant.startNetwork();
  await using _service = await plant.startService();
  const env = { PLANTD_STATE_BROKER_ENDPOINT: network.endpoint };
  const set = await runProgram(["state", "set", "--service=org.plantd.Client", "foo", "bar"], {
    env,
  });
  assert.deepEqual(set, { code: 0, stdout: "revision 1\n", stderr: "" });
  const get = await runProgram(["state", "get", "--service=org.plantd.Client", "foo"], { env });
  assert.deepEqual(get, { code: 0, stdout: "bar\n", stderr: "" });
});

Deno.test("cli - values: text, JSON, negative numbers, standard input, to the letter", () =>
  withService(async (run, plant) => {
    const get = async (key: string) => (await run(["state", "get", key])).stdout;
    await run(["state", "set", "text", "5"]);
    assert.equal(
      (await plant.ask("get", { service: "org.plantd.Client", key: "text" })).value,
      "5",
    );
    await run(["state", "set", "json", "--json-value", '{"on":true, "n":12345678901234567890}']);
    assert.equal(await get("json"), '{"on":true,"n":12345678901234567890}\n');
    assert.equal((await run(["state", "set", "t", "-4.5", "--json-value"])).code, 0);
    assert.equal(await get("t"), "-4.5\n");
    assert.equal((await run(["state", "set", "dash", "--", "--help"])).code, 0);
    assert.equal(await get("dash"), "--help\n");
    assert.equal((await run(["state", "set", "in", "-"], { stdin: "line 1\nline 2\n" })).code, 0);
    assert.equal(await get("in"), "line 1\nline 2\n\n");
    await run(["state", "set", "bom", "-"], { stdin: "\ufeffx" });
    const bom = await plant.ask("get", { service: "org.plantd.Client", key: "bom" });
    assert.equal(bom.value, "\ufeffx");
    const binary = await run(["state", "set", "in", "-"], { stdin: new Uint8Array([0x61, 0xff]) });
    assert.equal(binary.code, 2);
    assert.equal(binary.stderr, "plantd-state: standard input: UTF-8 text is needed\n");
    await run(["state", "set", "empty", ""]);
    assert.equal(await get("empty"), "\n");
    const bad = await run(["state", "set", "bad", "--json-value", "1,2"]);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /^plantd-state: --json-value: the value is not JSON.*\nhint: .*\n$/);
    assert.equal((await run(["state", "get", "bad"])).code, 1);
  }));

Deno.test("cli - the past of a key: history, get with a revision, revert, time to live", () =>
  withService(async (run, plant) => {
    const line = async (...args: string[]) => (await run(["state", ...args])).stdout;
    await line("set", "k", "oof", "--note", "first");
    await line("set", "k", "--json-value", '{"b":1.0}');
    await line("delete", "k");
    const lines = (await line("history", "k")).trimEnd().split("\n").map((of) => of.split("\t"));
    assert.deepEqual(lines.map(([revision, , , value]) => [revision, value]), [
      ["3", "deleted"],
      ["2", '{"b":1.0}'],
      ["1", '"oof"  # first'],
    ]);
    assert.match(lines[0]![1]!, /^\d{4}-\d\d-\d\dT/);
    assert.match(lines[0]![2]!, /^mdp:/);
    assert.equal((await line("history", "k", "--limit=1")).split("\n").length, 2);
    assert.equal(await line("get", "k", "--revision=1"), "oof\n");
    assert.equal(await line("revert", "k", "2"), "revision 4, as of 2\n");
    assert.equal(await line("get", "k"), '{"b":1.0}\n');
    const stale = await run(["state", "revert", "k", "1", "--if-revision=2"]);
    assert.equal(stale.code, 1);
    assert.match(stale.stderr, /^plantd-state: revision_conflict: .*revision 4/);
    assert.equal((await run(["state", "set", "k", "x", "--if-revision=0"])).code, 1);
    await line("set", "soon", "x", "--ttl=5m");
    const { expires, time } = await plant.ask("get", {
      service: "org.plantd.Client",
      key: "soon",
    }) as { expires: string; time: string };
    assert.equal(Date.parse(expires) - Date.parse(time), 300_000);
  }));

Deno.test("cli - a scope as a whole: describe, configure, load and store", () =>
  withService(async (run) => {
    const line = async (...args: string[]) => (await run(["state", ...args])).stdout;
    await using dir = await tempDir();
    const options = await line("configure", "--history=2", "--ttl=1m", "--bus-create=yes");
    assert.match(options, /^exists +false$/m);
    assert.match(options, /^ttl_ms +60000$/m);
    const taken = await line("configure", "--ttl=default", "--bus-create=default", "--keys-max=3");
    assert.match(taken, /^history +2\nhistory_ms +0\nttl_ms +0\nkeys_max +3$/m);
    assert.equal(await line("load", "--service=org.plantd.Client"), "");
    await Deno.writeTextFile(`${dir.path}/s.json`, '{"2":1.0,"1":"a\\nb"}');
    assert.equal(await line("store", `${dir.path}/s.json`), "2 keys, revision 3\n");
    assert.equal(await line("load"), '{\n  "1": "a\\nb",\n  "2": 1.0\n}\n');
    assert.equal(await line("load", "--output=table"), '1\t"a\\nb"\n2\t1.0\n');
    assert.equal(await line("load", "--output=yaml"), '"1": |-\n  a\n  b\n"2": 1.0\n');
    const replaced = await run(["state", "store", "-", "--mode=replace"], {
      stdin: "setpoint: 21.5\nlimits: [1, 2]\n",
    });
    assert.equal(replaced.stdout, "2 keys, revision 4\n");
    assert.equal(await line("load", "--prefix=s"), '{\n  "setpoint": 21.5\n}\n');
    assert.match(await line("describe"), /^keys +2$/m);
    const full = await run(["state", "store", "-"], { stdin: '{"a":1,"b":2}' });
    assert.match(full.stderr, /^plantd-state: quota_exceeded: .*may have 3 keys/);
    for (
      const [stdin, said] of [["[1]", /an object/], ["a: [", /neither JSON nor YAML/]] as const
    ) {
      const { code, stderr } = await run(["state", "store", "-"], { stdin });
      assert.deepEqual([code, said.test(stderr)], [2, true], stderr);
    }
    assert.equal((await run(["state", "configure"])).code, 1);
    assert.equal((await run(["state", "store", `${dir.path}/none`])).code, 2);
  }));

Deno.test("cli - whatever writes says why, and a key is deleted on condition", () =>
  withService(async (run, plant) => {
    const line = async (...args: string[]) => (await run(["state", ...args])).stdout;
    await line("create-scope", "--note=new oven");
    await line("set", "k", "1");
    await line("configure", "--history=20", "--note=for the audit");
    const stale = await run(["state", "delete", "k", "--if-revision=1"]);
    assert.equal(stale.code, 1);
    assert.match(stale.stderr, /^plantd-state: revision_conflict: .*revision 2/);
    assert.equal(await line("delete", "k", "--if-revision=2", "--note=not in use"), "deleted\n");
    assert.match(await line("history", "k", "--limit=1"), /\tdeleted {2}# not in use\n$/);
    await line("delete-scope", "--note=sold");
    const { changes } = (await plant.ask("changes", { since: 0 })).data as {
      changes: { operation: string; note?: string }[];
    };
    assert.deepEqual(
      changes.filter(({ note }) => note !== undefined).map((of) => [of.operation, of.note]),
      [
        ["create-scope", "new oven"],
        ["configure-scope", "for the audit"],
        ["delete", "not in use"],
        ["delete-scope", "sold"],
      ],
    );
  }));

Deno.test("cli - scopes and lists, plain and as JSON", () =>
  withService(async (run) => {
    const line = async (...args: string[]) => (await run(args)).stdout;
    assert.equal(await line("state", "list-scopes"), "");
    assert.equal(await line("state", "create-scope", "--service", "a"), "created\n");
    await run(["state", "set", "--service=a", "k1", "1"]);
    await run(["state", "set", "--service=a", "k2", "2"]);
    await run(["state", "set", "--service=a", "other", "3"]);
    assert.equal(await line("state", "list", "--service=a"), "k1\nk2\nother\n");
    assert.equal(await line("state", "list", "--service=a", "--prefix=k"), "k1\nk2\n");
    assert.equal(await line("state", "list", "--service=a", "--json"), '["k1","k2","other"]\n');
    assert.equal(await line("state", "delete", "--service=a", "k1"), "deleted\n");
    assert.equal(await line("state", "list-scopes", "-o", "yaml"), "- a\n");
    const both = await run(["state", "list", "--service=a", "--json", "--output=yaml"]);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /--json and --output yaml contradict each other/);
    const get = JSON.parse(await line("state", "get", "--service=a", "k2", "--json"));
    assert.equal(get.value, "2");
    assert.equal(await line("state", "delete-scope", "--service=a"), "deleted\n");
  }));

Deno.test("cli - what the service refuses is code 1, with its code and sentence on standard error", () =>
  withService(async (run) => {
    const missing = await run(["state", "get", "nope"]);
    assert.deepEqual(missing, {
      code: 1,
      stdout: "",
      stderr: 'plantd-state: scope_not_found: scope "org.plantd.Client" does not exist\n',
    });
    await run(["state", "create-scope"]);
    const twice = await run(["state", "create-scope"]);
    assert.equal(twice.code, 1);
    assert.match(twice.stderr, /scope_exists/);
  }));

Deno.test("cli - nobody answers: code 3, within the timeout, naming where it asked", async () => {
  const endpoint = `tcp://127.0.0.1:${freePort()}`;
  const { code, stdout, stderr } = await runProgram(
    ["state", "get", "foo", "--endpoint", endpoint, "--timeout", "300ms"],
  );
  assert.equal(code, 3);
  assert.equal(stdout, "");
  assert.ok(stderr.includes(endpoint), stderr);
  assert.equal(stderr.includes("    at "), false);
});

Deno.test("cli - wrong usage is code 2, with a suggestion", async () => {
  const cases: [string[], RegExp][] = [
    [["stat", "get", "x"], /Did you mean `state`/],
    [["state", "gett", "x"], /Did you mean `get`/],
    [["state", "get", "--servce=a", "x"], /Did you mean `--service`/],
    [["serve", "--confg", "x"], /Did you mean `--config`/],
    [["state", "get"], /KEY/],
    [["state", "get", "a", "b"], /b/],
    [["state"], /--help/],
    [["state", "get", "a", "--timeout", "soon"], /500ms, 5s or 1m/],
    [["--nonsense"], /--nonsense/],
    [["vesion"], /Did you mean `version`/],
    [["state", "get", "x", "--servcie=a"], /Did you mean `--service`/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await runProgram(args);
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.equal(stdout, "");
    assert.match(stderr, expected, `${args}: ${stderr}`);
    assert.equal(stderr.includes("    at "), false);
  }
});

Deno.test("cli - version, help and completion", async () => {
  for (const args of [["version"], ["-V"], ["--version"]]) {
    assert.deepEqual(await runProgram(args), {
      code: 0,
      stdout: `${project.version}\n`,
      stderr: "",
    });
  }
  const help = await runProgram(["--help"]);
  assert.equal(help.code, 0);
  for (const word of ["serve", "dev", "broker", "state", "config", "completion"]) {
    assert.match(help.stdout, new RegExp(`\\b${word}\\b`));
  }
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await runProgram(["completion", shell]);
    assert.equal(code, 0);
    assert.match(stdout, /plantd-state/);
  }
});

Deno.test("cli - config prints what is in force and where it comes from", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/state.yml`, "log:\n  level: debug\nworker:\n  lanes: 3\n");
  const { code, stdout } = await runProgram(["config", "--db", "x.db"], {
    cwd: dir.path,
    env: { PLANTD_STATE_HEALTH_PORT: "9999" },
  });
  assert.equal(code, 0);
  assert.match(stdout, /level: debug +# state\.yml:2/);
  assert.match(stdout, /lanes: 3 +# state\.yml:4/);
  assert.match(stdout, /port: 9999 +# environment PLANTD_STATE_HEALTH_PORT/);
  assert.match(stdout, /path: x\.db +# flag --db/);
  assert.match(stdout, /host: 127\.0\.0\.1 +# default/);
});

Deno.test("cli - a configuration that is wrong is code 2 and names file, line and key", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/state.yml`, "log:\n  level: info\ndatabse:\n  path: x\n");
  const { code, stderr } = await runProgram(["serve"], { cwd: dir.path });
  assert.equal(code, 2);
  assert.match(stderr, /state\.yml:3: .*databse.*database/);
});

Deno.test("cli - a Deno KV that would keep everything in memory is refused", async () => {
  await using dir = await tempDir();
  const { code, stderr } = await runProgram(["serve", `--db=${dir.path}/x.db`], {
    env: { DENO_KV_DB_MODE: "memory" },
  });
  assert.equal(code, 4);
  assert.match(stderr, /DENO_KV_DB_MODE/);
});

Deno.test("cli - a database in use and a port in use are code 4, one line each", async () => {
  await using plant = await Plant.make();
  await using service = await plant.startService();
  const { path } = plant.config.database;
  const locked = await runProgram(["serve", `--db=${path}`, "--health-port=0"], {
    cwd: dirname(path),
  });
  assert.equal(locked.code, 4);
  assert.match(locked.stderr, new RegExp(`state\\.db is in use by process ${Deno.pid}`));

  await using dir = await tempDir();
  const { port } = new URL(service.httpUrl);
  const taken = await runProgram(["serve", "--db=x.db", `--health-port=${port}`], {
    cwd: dir.path,
  });
  assert.equal(taken.code, 4);
  assert.match(
    taken.stderr,
    new RegExp(`plantd-state: .*127\\.0\\.0\\.1:${port}.*in use`),
  );
});

Deno.test("cli - dev says what listens and two commands to try, which work", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(
    `${dir.path}/dev.yml`,
    `broker: { endpoint: "tcp://127.0.0.1:${freePort()}" }
bus: { frontend: "@tcp://127.0.0.1:${freePort()}", endpoint: "tcp://127.0.0.1:${freePort()}" }
`,
  );
  await using program = await startProgram(["dev", `--config=${dir.path}/dev.yml`], {
    cwd: dir.path,
  });
  await program.child.until("it has said so", () => program.stdout.includes("Ctrl-C"));
  const tries = program.stdout.split("\n").filter((line) => line.includes(" task plantd-state "));
  assert.equal(tries.length, 2);
  for (const [i, expected] of ["revision 1\n", "bar\n"].entries()) {
    const args = tries[i]!.split(" task plantd-state ")[1]!.split(" ");
    assert.deepEqual(await runProgram(args), { code: 0, stdout: expected, stderr: "" });
  }
  assert.ok((await Deno.stat(`${dir.path}/.plantd/dev.db`)).isFile);
  const { code, tookMs } = await program.stop("SIGINT");
  assert.equal(code, 0);
  assert.ok(tookMs < 2000, `${tookMs} ms`);
});

Deno.test("cli - a result that cannot be written is code 74 and one line", async () => {
  const [deno, args] = invocation(["version"]);
  const full = ["-c", 'exec "$0" "$@" > /dev/full', deno, ...args];
  assert.deepEqual(await runToEnd("sh", full), {
    code: 74,
    stdout: "",
    stderr: "plantd-state: the result cannot be written: No space left on device (os error 28)\n",
  });
});

Deno.test("cli - an environment variable that is no text is named", async () => {
  const [deno, args] = invocation(["config"]);
  const script = `PLANTD_STATE_DB=$(printf 'a\\377') exec "$0" "$@"`;
  const { code, stderr } = await runToEnd("sh", ["-c", script, deno, ...args]);
  assert.equal(code, 2, stderr);
  assert.equal(
    stderr,
    "plantd-state: environment PLANTD_STATE_DB: the value is not UTF-8 text\n",
  );
});

Deno.test("cli - watch prints what there is, a marker, and each change, until it is stopped", async () => {
  await using plant = await Plant.make();
  await using network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("store", { service: "a", entries: { k: 1.5, "with blank": "x", other: 1 } });
  const watch = (...args: string[]) =>
    startProgram(["state", "watch", "--service=a", `--endpoint=${network.endpoint}`, ...args], {
      wait: "nothing",
    });
  await using all = await watch();
  await using some = await watch("--json", "k");
  const synced = (output: string) => output.includes("synced");
  await all.child.until("it is synced", () => synced(all.stdout));
  await some.child.until("it is synced", () => synced(some.stdout));
  await plant.ask("set", { service: "a", key: "other", value: null });
  await plant.ask("delete", { service: "a", key: "k" });
  await all.child.until("it has the change", () => all.stdout.includes("delete"));
  await some.child.until("it has the change", () => some.stdout.includes("delete"));
  assert.equal(
    all.stdout,
    'reset\nset k 1.5\nset other 1\nset "with blank" "x"\nsynced 1\nset other null\ndelete k\n',
  );
  assert.deepEqual(some.stdout.trim().split("\n").map((line) => JSON.parse(line)), [
    { event: "reset" },
    { event: "set", key: "k", value: 1.5, revision: 1 },
    { event: "synced", revision: 1 },
    { event: "delete", key: "k", revision: 3 },
  ]);
  assert.equal((await all.stop("SIGINT")).code, 0);
  assert.equal((await some.stop("SIGTERM")).code, 0);
});

Deno.test("cli - watch ends with code 3 when nobody answers, and when its reader leaves", async () => {
  const nobody = await runProgram(
    ["state", "watch", `--endpoint=tcp://127.0.0.1:${freePort()}`, "--timeout=300ms"],
  );
  assert.equal(nobody.code, 3);
  await withService(async (_run, plant) => {
    const { address } = plant.config.broker.endpoint;
    const [deno, args] = invocation(["state", "watch", "--service=a", `--endpoint=${address}`]);
    await using pipe = Child.start("sh", [
      "-c",
      '"$0" "$@" | head -n 2; echo "left"',
      deno,
      ...args,
    ]);
    await pipe.until("it is synced", () => pipe.stdout.includes("synced"));
    // It notices with the next line that it writes.
    await pipe.until("the reader has left", async () => {
      await plant.ask("set", { service: "a", key: "k", value: 1 });
      return pipe.stdout.includes("left");
    });
    assert.equal((await pipe.ended).code, 0);
  });
});
