import assert from "node:assert/strict";
import { parse } from "@optique/core/parser";
import fc from "fast-check";
import { serveCommand } from "../../src/cli/serve_command.ts";
import { plainSettings, SETTING_FLAGS } from "../../src/cli/settings.ts";

const flags: readonly string[] = Object.values(SETTING_FLAGS);

/** Arguments that a start may have, and that look like them. */
const someArgument = fc.oneof(
  fc.tuple(fc.constantFrom(...flags), fc.constantFrom("", "a", "a=b", "-x", " "))
    .map(([flag, value]) => `${flag}=${value}`),
  fc.constantFrom("-c=a", "--", "--help", "--db", "x", "-", "--dbx=1", "=", ""),
);

Deno.test("settings - what is taken without the parser is what the parser would make of it", () => {
  let plain = 0;
  fc.assert(
    fc.property(fc.array(someArgument, { maxLength: 4 }), (args) => {
      const taken = plainSettings(args);
      if (taken === undefined) return;
      plain += 1;
      const parsed = parse(serveCommand, ["serve", ...args]);
      assert.ok(parsed.success, args.join(" "));
      const { command: _, ...values } = parsed.value;
      assert.deepEqual({ ...taken }, JSON.parse(JSON.stringify(values)));
    }),
    { numRuns: 500 },
  );
  assert.ok(plain > 50, `${plain} of 500 were plain`);
});

Deno.test("settings - a start with options by name is plain, with the command or without", () => {
  assert.deepEqual(plainSettings([]), {});
  assert.deepEqual(plainSettings(["serve"]), {});
  assert.deepEqual(plainSettings(["--db=a=b", "--health-port=0"]), { db: "a=b", healthPort: "0" });
});

Deno.test("settings - everything else is for the parser", () => {
  for (
    const args of [["dev"], ["--help"], ["serve", "serve"], ["--db=a", "--db=b"], ["--db", "a"]]
  ) {
    assert.equal(plainSettings(args), undefined, args.join(" "));
  }
});

Deno.test("settings - serve takes the flags that the README's table of settings names", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const named = [...readme.matchAll(/^\| `[a-z.-]+` +\| `PLANTD_STATE_\w+` +\| `(--[a-z-]+)` /gm)]
    .map(([, flag]) => flag!);
  const { config, ...flags } = SETTING_FLAGS;
  assert.equal(config, "--config");
  assert.deepEqual(named.toSorted(), Object.values(flags).toSorted());
});
