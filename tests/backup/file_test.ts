import assert from "node:assert/strict";
import fc from "fast-check";
import type { BackupRecord } from "../../src/backup/format.ts";
import { openBackup, verifyBackup } from "../../src/backup/reader.ts";
import { BackupWriter } from "../../src/backup/writer.ts";
import { tempDir } from "../helpers/temp.ts";
import { arbitraryRecords, entry, HEADER, scope, version, write } from "./helpers.ts";

const RECORDS = [scope("a"), entry("a", "k", 1), entry("a", "l", "x".repeat(300_000)), scope("b")];

async function read(path: string): Promise<BackupRecord[]> {
  using backup = await openBackup(path);
  return await Array.fromAsync(backup.records);
}

Deno.test("backup file - what is written is read again", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/x.backup`;
  await fc.assert(
    fc.asyncProperty(arbitraryRecords, async (records) => {
      await write(path, records);
      assert.deepEqual(await read(path), records);
      const count = (kind: string) => records.filter((record) => record.kind === kind).length;
      const counts = {
        scopes: count("scope"),
        entries: count("entry"),
        versions: count("version"),
      };
      assert.deepEqual(await verifyBackup(path), { ...HEADER, ...counts });
    }),
    { numRuns: 50 },
  );
});

Deno.test("backup file - readable by its owner alone, and nothing is beside it", async () => {
  await using dir = await tempDir();
  await write(`${dir.path}/x.backup`, RECORDS);
  assert.equal((await Deno.stat(`${dir.path}/x.backup`)).mode! & 0o777, 0o600);
  const names = (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name);
  assert.deepEqual(names, ["x.backup"]);
});

Deno.test("backup file - one that is not finished leaves the one before it, and nothing else", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/x.backup`;
  await write(path, RECORDS);
  {
    await using writer = await BackupWriter.create(path, HEADER);
    await writer.write(scope("other"));
  }
  assert.deepEqual(await read(path), RECORDS);
  assert.equal((await Array.fromAsync(Deno.readDir(dir.path))).length, 1);
});

Deno.test("backup file - what is no backup is not replaced", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await Deno.writeTextFile(path, "SQLite format 3\0");
  await assert.rejects(BackupWriter.create(path, HEADER), { code: "file_unusable" });
  await assert.rejects(BackupWriter.create(dir.path, HEADER), { code: "file_unusable" });
  await assert.rejects(BackupWriter.create(`${dir.path}/no/x`, HEADER), { code: "file_unusable" });
  await assert.rejects(verifyBackup(`${dir.path}/missing`), { code: "file_unusable" });
  await assert.rejects(verifyBackup(dir.path), { code: "file_unusable" });
  assert.equal(await Deno.readTextFile(path), "SQLite format 3\0");
});

Deno.test("backup file - records out of order are refused when written", async () => {
  await using dir = await tempDir();
  const orders = [
    [scope("b"), scope("a")],
    [scope("a"), scope("a")],
    [entry("a", "k", 1)],
    [scope("a"), entry("b", "k", 1)],
    [scope("a"), entry("a", "l", 1), entry("a", "k", 1)],
    [scope("a"), entry("a", "k", 1), entry("a", "k", 1)],
    [scope("a"), version("a", "k", 1), entry("a", "k", 1, 9)],
    [scope("a"), entry("a", "k", 1, 7), version("a", "k", 1, 7)],
    [{ kind: "scope", scope: "a", revision: undefined } as const, entry("a", "k", 1)],
  ];
  for (const records of orders) {
    await assert.rejects(write(`${dir.path}/x`, records), { code: "backup_invalid" });
  }
});

Deno.test("backup file - every truncation is found", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/x.backup`;
  await write(path, [scope("a"), entry("a", "k", { t: 1.5 }), scope("b")]);
  const whole = await Deno.readFile(path);
  for (let length = 0; length < whole.length; length += 1) {
    await Deno.writeFile(path, whole.subarray(0, length));
    await assert.rejects(verifyBackup(path), { code: "backup_invalid" }, `${length} bytes`);
  }
  await Deno.writeFile(path, whole);
  await verifyBackup(path);
});

Deno.test("backup file - every byte that is altered, and every one that is added, is found", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/x.backup`;
  await write(path, [scope("a"), entry("a", "k", { t: "é" }), scope("b")]);
  const whole = await Deno.readFile(path);
  const isFound = async (altered: Uint8Array, what: string) => {
    await Deno.writeFile(path, altered);
    await assert.rejects(verifyBackup(path), { code: "backup_invalid" }, what);
  };
  for (let at = 0; at < whole.length; at += 1) {
    for (const flip of [0x01, 0x20, 0x80, whole[at]!, whole[at]! ^ 0x0a]) {
      if (flip === 0) continue;
      const altered = whole.slice();
      altered[at]! ^= flip;
      await isFound(altered, `byte ${at} ^ ${flip}`);
    }
  }
  for (const added of ["\n", "x", "{}\n"]) {
    await isFound(new Uint8Array([...whole, ...new TextEncoder().encode(added)]), added);
  }
  await Deno.writeFile(path, whole);
  await verifyBackup(path);
});
