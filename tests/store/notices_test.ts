import assert from "node:assert/strict";
import { Notices } from "../../src/store/notices.ts";
import { tempDir } from "../helpers/temp.ts";

const notice = { time: "2026-11-23T09:00:00.000Z", text: "1 keys are lost.", report: "r.txt" };

Deno.test("notices - what was added is there until it is acknowledged, for good", async () => {
  await using dir = await tempDir();
  const database = `${dir.path}/state.db`;
  await (await Notices.read(database)).add(notice);
  const again = await Notices.read(database);
  assert.deepEqual(again.all, [notice]);
  assert.deepEqual(await again.acknowledge(), [notice]);
  assert.deepEqual((await Notices.read(database)).all, []);
});

Deno.test("notices - a file that says nothing sensible is a notice, and can be acknowledged", async () => {
  await using dir = await tempDir();
  const database = `${dir.path}/state.db`;
  for (const text of ["", "\0\0\0", "[{", "null", "{}", "[1]", "[null]", '[{"text":"x"}]']) {
    await Deno.writeTextFile(`${database}.notice`, text);
    const notices = await Notices.read(database);
    assert.equal(notices.all.length, 1, text);
    assert.match(notices.all[0]!.text, /does not say what any more$/, text);
    await notices.add(notice);
    assert.equal((await Notices.read(database)).all.length, 2, text);
    assert.equal((await notices.acknowledge()).length, 2, text);
  }
  assert.deepEqual((await Notices.read(database)).all, []);
});
