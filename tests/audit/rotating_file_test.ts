import assert from "node:assert/strict";
import { RotatingFile, type RotatingFileOptions } from "../../src/audit/rotating_file.ts";
import { type AppendFile, openAppending } from "../../src/audit/append_file.ts";
import { until } from "../helpers/async.ts";
import { Child } from "../helpers/child.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

/** A file, and what it had to say. */
function rotating(path: string, options: Partial<RotatingFileOptions> = {}) {
  const clock = new FakeClock();
  const said: string[] = [];
  const file = new RotatingFile({
    path,
    fileBytesMax: 1 << 20,
    keep: 3,
    queueBytesMax: 1 << 20,
    clock,
    lostLine: (count) => JSON.stringify({ lost: count }),
    onTrouble: (reason) => said.push(reason),
    onRecovered: (lost) => said.push(`again, ${lost} lost`),
    ...options,
  });
  return { file, clock, said };
}

/** Lines of a file; empty where there is none. */
async function linesOf(path: string): Promise<string[]> {
  try {
    return (await Deno.readTextFile(path)).split("\n").slice(0, -1);
  } catch {
    return [];
  }
}

Deno.test("rotating file - lines are there in order, for its owner alone, in a directory for its owner alone", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/log/audit.jsonl`;
  const { file } = rotating(path);
  for (let i = 0; i < 1000; i++) file.add(`line ${i}`);
  await file[Symbol.asyncDispose]();
  assert.deepEqual(await linesOf(path), Array.from({ length: 1000 }, (_, i) => `line ${i}`));
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  assert.equal((await Deno.stat(`${dir.path}/log`)).mode! & 0o777, 0o700);
});

Deno.test("rotating file - a file that others could read is closed to them", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit.jsonl`;
  await Deno.writeTextFile(path, "before\n", { mode: 0o644 });
  await Deno.chmod(path, 0o644);
  const { file } = rotating(path);
  file.add("after");
  await file[Symbol.asyncDispose]();
  assert.deepEqual(await linesOf(path), ["before", "after"]);
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
});

Deno.test("rotating file - a full file is put aside, and the oldest goes", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit.jsonl`;
  const { file } = rotating(path, { fileBytesMax: 20, keep: 2 });
  await Deno.writeTextFile(`${path}.3`, "of a time when more were kept\n");
  for (let i = 10; i < 22; i++) file.add(`line ${i}`);
  await file[Symbol.asyncDispose]();
  const kept = await Promise.all(["", ".1", ".2", ".3"].map((end) => linesOf(`${path}${end}`)));
  assert.deepEqual(kept, [
    ["line 20", "line 21"],
    ["line 18", "line 19"],
    ["line 16", "line 17"],
    [],
  ]);
});

Deno.test("rotating file - a file that somebody renamed is let go of", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit.jsonl`;
  const { file } = rotating(path);
  file.add("a");
  await until("it is written", async () => (await linesOf(path)).length === 1);
  await Deno.rename(path, `${path}.old`);
  file.reopen();
  file.add("b");
  await file[Symbol.asyncDispose]();
  assert.deepEqual([await linesOf(`${path}.old`), await linesOf(path)], [["a"], ["b"]]);
});

Deno.test("rotating file - another file takes over without losing a line", async () => {
  await using dir = await tempDir();
  const one = `${dir.path}/one.jsonl`;
  const other = `${dir.path}/other.jsonl`;
  const { file } = rotating(one);
  file.add("a");
  await until("it is written", async () => (await linesOf(one)).length === 1);
  file.add("b");
  file.configure({ path: other, fileBytesMax: 1 << 20, keep: 1 });
  file.add("c");
  await file[Symbol.asyncDispose]();
  assert.deepEqual([await linesOf(one), await linesOf(other)], [["a"], ["b", "c"]]);
});

Deno.test("rotating file - what cannot be written waits, is tried each second, and trouble is said once", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit.jsonl`;
  await Deno.mkdir(path);
  const { file, clock, said } = rotating(path);
  file.add("a");
  await until("it is said", () => said.length > 0);
  for (let i = 0; i < 5; i++) {
    clock.advance(1000);
    await new Promise((done) => setTimeout(done));
  }
  assert.equal(said.length, 1);
  file.add("b");
  await Deno.remove(path);
  await until("it is written", async () => {
    clock.advance(1000);
    return (await linesOf(path)).length === 2;
  });
  await until("that is said", () => said.length === 2);
  assert.equal(said[1], "again, 0 lost");
  await file[Symbol.asyncDispose]();
  assert.deepEqual(await linesOf(path), ["a", "b"]);
});

Deno.test("rotating file - a disk that hangs holds up nobody, and what is lost is counted in the file", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit.jsonl`;
  const gate = Promise.withResolvers<void>();
  const { file, said } = rotating(path, {
    queueBytesMax: 100,
    open: async (path) => {
      await gate.promise;
      return await openAppending(path);
    },
  });
  for (let i = 10; i < 40; i++) file.add(`line ${i}`);
  assert.deepEqual(said, ["the disk does not keep up"]);
  assert.deepEqual(file.status(), { lost: 18, failure: said[0] });
  gate.resolve();
  await until("all is written", () => said.length === 2);
  file.add("after");
  await file[Symbol.asyncDispose]();
  // Eight bytes a line: twelve fit the queue.
  const kept = Array.from({ length: 12 }, (_, i) => `line ${10 + i}`);
  assert.deepEqual(await linesOf(path), [...kept, '{"lost":18}', "after"]);
  assert.equal(said[1], "again, 18 lost");
  assert.deepEqual(file.status(), { lost: 18, failure: undefined });
});

Deno.test("rotating file - a line that a full disk tore is written again, on a line of its own", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit.jsonl`;
  let left = 10;
  const filling = async (path: string): Promise<AppendFile> => {
    const file = await openAppending(path);
    return {
      ...file,
      write: async (part) => {
        if (left === 0) throw new Error("no space left on device");
        const written = await file.write(part.subarray(0, left));
        left -= written;
        return written;
      },
    };
  };
  const { file, clock, said } = rotating(path, { open: filling });
  for (const line of ["first", "second", "third"]) file.add(line);
  await until("the disk is full", () => said.length === 1);
  left = 1000;
  await until("it is written", async () => {
    clock.advance(1000);
    return (await linesOf(path)).length === 4;
  });
  await file[Symbol.asyncDispose]();
  assert.deepEqual(await linesOf(path), ["first", "seco", "second", "third"]);
});

Deno.test("rotating file - after kill -9 at most the last line is torn, and the next begins behind it", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/audit.jsonl`;
  const module = new URL("../../src/audit/rotating_file.ts", import.meta.url).href;
  const clock = new URL("../../src/clock.ts", import.meta.url).href;
  const writer = `${dir.path}/writer.ts`;
  await Deno.writeTextFile(
    writer,
    `import { RotatingFile } from ${JSON.stringify(module)};
     import { systemClock } from ${JSON.stringify(clock)};
     const file = new RotatingFile({ path: ${JSON.stringify(path)}, fileBytesMax: 2 ** 30, keep: 1,
       queueBytesMax: 2 ** 20, clock: systemClock, lostLine: (lost) => JSON.stringify({ lost }),
       onTrouble() {}, onRecovered() {} });
     let i = 0;
     setInterval(() => { for (let n = 0; n < 500; n++) file.add(JSON.stringify({ i: i++ })); }, 1);`,
  );
  const child = Child.start(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    "--allow-read",
    "--allow-write",
    writer,
  ]);
  await until("it writes", async () => (await linesOf(path)).length > 10_000);
  await child.kill();
  // As if the kill had come in the middle of a write, wherever it came.
  await Deno.truncate(path, (await Deno.stat(path)).size - 3);
  const { file } = rotating(path, { fileBytesMax: 1 << 30 });
  file.add('{"after":true}');
  await file[Symbol.asyncDispose]();
  const lines = await linesOf(path);
  assert.equal(lines.at(-1), '{"after":true}');
  lines.slice(0, -2).forEach((line, i) => assert.deepEqual(JSON.parse(line), { i }));
});
