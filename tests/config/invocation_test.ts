import assert from "node:assert/strict";
import { invokedAs } from "../../src/config/invocation.ts";

/** As called with `path` in the environment, or as a native executable called `called`. */
function called(path: string | undefined, native?: string) {
  return invokedAs((name) => name === "PLANTD_STATE_INVOKED_AS" ? path : undefined, native);
}

Deno.test("invocation - plant is the client, under any path, and nothing else is", () => {
  for (const path of ["plant", "./plant", "/usr/local/bin/plant"]) {
    assert.deepEqual(called(path), { name: "plant", isClient: true, command: path });
    assert.deepEqual(called(undefined, path), { name: "plant", isClient: true, command: path });
  }
  for (const path of ["plantd-state", "/opt/plantd-state-0.1.0-linux-x64", "plants", "plant/x"]) {
    assert.deepEqual(called(path), { name: "plantd-state", isClient: false, command: path });
  }
});

Deno.test("invocation - what to type is a word for the shell", () => {
  assert.equal(called("/a b/plant").command, "'/a b/plant'");
  assert.equal(called("./it's").command, `'./it'\\''s'`);
});

Deno.test("invocation - from source it is the task", () => {
  for (const nothing of [undefined, ""]) {
    const { name, isClient, command } = called(nothing);
    assert.deepEqual({ name, isClient }, { name: "plantd-state", isClient: false });
    assert.equal(command, `npx --yes deno@${Deno.version.deno} task plantd-state`);
  }
});
