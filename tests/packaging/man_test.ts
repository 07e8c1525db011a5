import assert from "node:assert/strict";
import fc from "fast-check";
import { manualPage } from "../../packaging/man.ts";
import * as troff from "../../packaging/troff.ts";
import { EXIT } from "../../src/cli/exit_codes.ts";
import { BROKER, STATE } from "../../src/config/schema.ts";
import { runToEnd } from "../helpers/child.ts";
import { runProgram } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { toolTest } from "../helpers/tools.ts";

const DATE = "2026-11-24";

/** What a reader sees of troff source, and what the formatter had to say about it. */
async function render(source: string): Promise<{ text: string; complaints: string }> {
  // -ww: every warning there is; -P-c -P-b -P-u: plain text; ll: so that nothing is wrapped.
  const { code, stdout, stderr } = await runToEnd(
    "groff",
    ["-man", "-ww", "-Tutf8", "-P-c", "-P-b", "-P-u", "-rLL=1000n"],
    { stdin: source },
  );
  assert.equal(code, 0, stderr);
  return { text: stdout, complaints: stderr };
}

toolTest(
  ["groff"],
  "man - the page renders without a warning and names every command and option",
  async () => {
    const { text, complaints } = await render(manualPage(DATE));
    assert.equal(complaints, "");
    // What there is, is taken from the program itself.
    const { stdout } = await runProgram(["--help"]);
    const [help = ""] = stdout.split("\nExamples:\n");
    const usages = [...help.matchAll(/^(?:Usage:)? +plantd-state (.+)$/gm)].map(([, one]) => one!);
    assert.ok(usages.length >= 15, help);
    for (const usage of usages) {
      const words = usage.split(/[\s[\]/]+/).filter((word) => /^-{0,2}[A-Za-z][\w-]*$/.test(word));
      const command = words.filter((word) => /^[a-z]/.test(word)).join(" ");
      if (command !== "") assert.ok(text.includes(command), command);
      for (const option of words.filter((word) => word.startsWith("-"))) {
        assert.match(text, new RegExp(`^ +(-\\w, )?${option}\\b`, "m"), `${command} ${option}`);
      }
    }
  },
);

toolTest(
  ["groff"],
  "man - options of each command stand below it, with what they mean",
  async () => {
    const { text } = await render(manualPage(DATE));
    for (const command of ["serve", "broker", "state set", "state list", "config"]) {
      const { stdout: help } = await runProgram([...command.split(" "), "--help"]);
      const entries = [...help.matchAll(/^ {2}(-\S.*?|[A-Z]+) {2,}(\S.*?)(?: \[.*\])?$/gm)];
      assert.ok(entries.length > 0, help);
      const [, below = ""] = text.split(`\n   ${command}\n`);
      const own = below.split(/\n {3}\S/)[0]!;
      for (const [, term, meaning] of entries) {
        assert.ok(own.includes(term!) && own.includes(meaning!), `${command} ${term}`);
      }
    }
  },
);

toolTest(["groff"], "man - every exit code, environment variable and file", async () => {
  const { text } = await render(manualPage(DATE));
  for (const code of Object.values(EXIT)) assert.match(text, new RegExp(`^ +${code} +\\S`, "m"));
  for (const kind of [STATE, BROKER]) {
    for (const name of [...kind.environment.keys(), kind.fileVariable, ...kind.files]) {
      assert.ok(text.includes(name), name);
    }
  }
});

toolTest(["man"], "man - man(1) shows it without a complaint", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/plantd-state.1`, manualPage(DATE));
  const { code, stdout, stderr } = await runToEnd(
    "man",
    ["--warnings=w", "-l", `${dir.path}/plantd-state.1`],
    { env: { MANWIDTH: "80", MANPAGER: "cat", LC_ALL: "C.UTF-8" } },
  );
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.ok(stdout.includes("NAME"));
});

toolTest(
  ["groff"],
  "man - any text is shown as it is, whatever troff would make of it",
  async () => {
    const troublesome = [".so /etc/passwd", "'br", "\\n(.f", "--no-x 'a' `b` ^~ \"c\"", "é — €"];
    const line = fc.string({ unit: fc.constantFrom(..."\\.'`^~\"- aB0|$%{}[]()<>*#é€") })
      .map((text) => `x${text.trim().replaceAll(/ +/g, " ")}`);
    const texts = [
      ...troublesome,
      ...fc.sample(line, 300).map((text) => text.slice(1)).filter(Boolean),
    ];
    const source = troff.title("x", 1, DATE, "x") + troff.section("X", troff.example(...texts));
    const { text, complaints } = await render(source);
    assert.equal(complaints, "");
    const shown = text.split("\n").filter((one) => one.trim() !== "").slice(2, -1);
    assert.deepEqual(shown.map((one) => one.trim()), texts.map((one) => one.trim()));
  },
);
