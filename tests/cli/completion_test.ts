import assert from "node:assert/strict";
import { namesWanted } from "../../src/cli/names_wanted.ts";
import { Child } from "../helpers/child.ts";
import { freePort } from "../helpers/ports.ts";
import { invocation, runProgram } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { toolTest } from "../helpers/tools.ts";
import { Plant } from "../service/harness.ts";

/** Each shell, how it starts without anybody's settings, and how it learns of completions. */
const SHELLS: readonly [shell: string, start: string, learn: string][] = [
  ["bash", "bash --noprofile --norc -i", ". ./completion"],
  ["zsh", "zsh -f -i", "autoload -U compinit; compinit -u -D; . ./completion"],
  ["fish", "fish --no-config -i", "source ./completion"],
];

Deno.test("completion - what a line of words wants: keys of its scope, scopes, or nothing", () => {
  const wanted = (line: string) => {
    const of = namesWanted(line.split(" "));
    return of && `${of.kind} ${of.service} <${of.prefix}> ${of.endpoint ?? ""} ${of.config ?? ""}`;
  };
  const here = "org.plantd.Client";
  const cases: [string, string | undefined][] = [
    ["state get ", `key ${here} <>  `],
    ["state get fo", `key ${here} <fo>  `],
    ["state get --service=a --endpoint tcp://h:1 -c f fo", "key a <fo> tcp://h:1 f"],
    ["state set --note x --service a k", "key a <k>  "],
    ["state watch --prefix=al", `key ${here} <al>  `],
    ["state list --service or", `scope ${here} <or>  `],
    ["state load --service=or", `scope ${here} <or>  `],
    ["state get fo ba", undefined],
    ["state set fo ba", undefined],
    ["state get --js", undefined],
    ["state get --endpoint tc", undefined],
    ["state store fi", undefined],
    ["state watch k -- ec", undefined],
    ["state ge", undefined],
    ["backup fi", undefined],
    ["", undefined],
  ];
  for (const [line, expected] of cases) assert.equal(wanted(line), expected, line);
});

Deno.test("completion - offers what a shell takes as one plain word, and is silent when nobody answers", async () => {
  await using plant = await Plant.make();
  await using network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("store", {
    service: "a",
    entries: { "k:1": 1, "k2": 2, "k$(id)": 3, "k b": 4, "k;c": 5, "-k": 6, "other": 7 },
  });
  const complete = (...words: string[]) =>
    runProgram(["completion", "fish", "state", "get", ...words]);
  const endpoint = `--endpoint=${network.endpoint}`;
  const { stdout } = await complete(endpoint, "--service=a", "k");
  assert.deepEqual(stdout.match(/^\S+/gm), ["k2", "k:1"]);
  const nobody = await complete(`--endpoint=tcp://127.0.0.1:${freePort()}`, "--service=a", "k");
  assert.deepEqual([nobody.code, nobody.stdout.trim(), nobody.stderr], [0, "", ""]);
});

for (const [shell, start, learn] of SHELLS) {
  toolTest(
    [shell, "script"],
    `completion - ${shell} completes scope and key of a running service at a Tab`,
    async () => {
      await using dir = await tempDir();
      await using plant = await Plant.make();
      await using network = await plant.startNetwork();
      await using _service = await plant.startService();
      const scope = "org.plantd.Oven";
      await plant.ask("set", { service: scope, key: "setpoint", value: "it was found" });
      const [deno, args] = invocation([]);
      const words = [deno, ...args].map((word) => `'${word}'`).join(" ");
      const program = `${dir.path}/plantd-state`;
      await Deno.writeTextFile(program, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
      const { stdout } = await runProgram(["completion", shell]);
      await Deno.writeTextFile(`${dir.path}/completion`, stdout);
      await using child = Child.start("script", ["-qec", start, "/dev/null"], {
        cwd: dir.path,
        env: {
          PATH: `${dir.path}:${Deno.env.get("PATH")}`,
          PLANTD_STATE_BROKER_ENDPOINT: network.endpoint,
          TERM: "xterm",
          HOME: dir.path,
        },
      });
      await child.write(`${learn}; echo rea''dy\r`);
      await child.until("it knows", () => child.stdout.includes("ready"));
      await child.write("plantd-state state get --service=org.plantd.O\t");
      await child.until("the scope is completed", () => /org\.plantd\.Oven|en /.test(child.stdout));
      await child.write("set\t");
      await child.until("the key is completed", () => /setpoint|point /.test(child.stdout));
      await child.write("\r");
      await child.until("the line does what it says", () => child.stdout.includes("it was found"));
      await child.write("exit\r");
      await child.ended;
    },
  );
}
