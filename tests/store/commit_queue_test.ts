import assert from "node:assert/strict";
import v8 from "node:v8";
import vm from "node:vm";
import type { Transaction } from "../../src/state/store.ts";
import { CommitQueue, type Waiting } from "../../src/store/commit_queue.ts";
import { sizeOf } from "../../src/store/commit_size.ts";
import { bytes, until } from "../helpers/async.ts";
import { set } from "./contract.ts";

function transaction(key: string): Transaction {
  return { mutations: [set("a", key, 1)], source: "test" };
}

function keyOf({ transaction: { mutations } }: Waiting): string {
  return (mutations[0] as { key: string }).key;
}

/** A queue whose commits are written down, and wait to be let through one by one. */
class Writer {
  /** Keys of the transactions of each commit. */
  readonly commits: string[][] = [];
  readonly queue: CommitQueue;
  #gates: (() => void)[] = [];
  #revision = 0;

  /** @param most Transactions in one commit. */
  constructor(most = Infinity) {
    this.queue = new CommitQueue(async (take) => {
      const taken: Waiting[] = [];
      for (let next; (next = take(() => taken.length < most));) taken.push(next);
      this.commits.push(taken.map(keyOf));
      await new Promise<void>((done) => this.#gates.push(done));
      for (const waiting of taken) {
        this.#revision += 1;
        if (keyOf(waiting) === "bad") waiting.settler.reject(new Error("refused"));
        else waiting.settler.resolve({ revision: this.#revision, timeMs: 0 });
      }
    });
  }

  push(...keys: string[]): Promise<number>[] {
    return keys.map((key) => this.queue.push(transaction(key)).then(({ revision }) => revision));
  }

  /** Lets the commit that is under way finish, once it is. */
  async finish(): Promise<void> {
    await until("a commit is under way", () => this.#gates.length > 0);
    this.#gates.shift()!();
  }
}

Deno.test("commit queue - what is asked for in one turn goes into the first commit together", async () => {
  const writer = new Writer();
  const all = writer.push("a", "b", "c");
  assert.deepEqual(writer.commits, []);
  await writer.finish();
  assert.deepEqual(await Promise.all(all), [1, 2, 3]);
  assert.deepEqual(writer.commits, [["a", "b", "c"]]);
});

Deno.test("commit queue - while one commit runs the next one gathers", async () => {
  const writer = new Writer();
  const first = writer.push("a");
  await until("it runs", () => writer.commits.length === 1);
  const second = writer.push("b", "c");
  await Promise.resolve();
  const third = writer.push("d");
  assert.deepEqual(writer.commits, [["a"]]);
  assert.equal(writer.queue.pending, 4);
  await writer.finish();
  assert.deepEqual(await Promise.all(first), [1]);
  await until("the next one runs", () => writer.commits.length === 2);
  assert.equal(writer.queue.pending, 3);
  await writer.finish();
  assert.deepEqual(await Promise.all([...second, ...third]), [2, 3, 4]);
  assert.deepEqual(writer.commits, [["a"], ["b", "c", "d"]]);
});

Deno.test("commit queue - a lone writer waits for nothing but the commit", async () => {
  const writer = new Writer();
  for (const key of ["a", "b", "c"]) {
    const [pushed] = writer.push(key);
    await writer.finish();
    await pushed;
    assert.equal(writer.queue.pending, 0);
  }
  assert.deepEqual(writer.commits, [["a"], ["b"], ["c"]]);
});

Deno.test("commit queue - what does not fit comes first in the next commit, the order is kept", async () => {
  const writer = new Writer(2);
  const all = writer.push("a", "b", "c", "d", "e");
  await writer.finish();
  const late = writer.push("f");
  await writer.finish();
  await writer.finish();
  assert.deepEqual(await Promise.all([...all, ...late]), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(writer.commits, [["a", "b"], ["c", "d"], ["e", "f"]]);
});

Deno.test("commit queue - the one asked about is the one that is handed over", async () => {
  const asked: string[] = [];
  const taken: string[] = [];
  let room = 0;
  const queue = new CommitQueue((take) => {
    room = 1;
    const fits = (next: Waiting) => {
      asked.push(keyOf(next));
      return room-- > 0;
    };
    for (let next; (next = take(fits));) {
      taken.push(keyOf(next));
      next.settler.resolve({ revision: 1, timeMs: 0 });
    }
    return Promise.resolve();
  });
  await Promise.all(["a", "b", "c"].map((key) => queue.push(transaction(key))));
  assert.deepEqual(taken, ["a", "b", "c"]);
  // Nobody is asked about when nobody waits.
  assert.deepEqual(asked, ["a", "b", "b", "c", "c"]);
});

Deno.test("commit queue - a caller that is refused concerns no other", async () => {
  const writer = new Writer();
  const all = writer.push("a", "bad", "b");
  const settled = Promise.allSettled(all);
  await writer.finish();
  assert.deepEqual((await settled).map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  const [next] = writer.push("c");
  await writer.finish();
  assert.equal(await next, 4);
});

Deno.test("commit queue - idle resolves when nothing waits, at once if nothing does", async () => {
  const writer = new Writer(1);
  await writer.queue.idle();
  let answered = 0;
  for (const pushed of writer.push("a", "b")) void pushed.then(() => answered += 1);
  let idle = false;
  const ended = writer.queue.idle().then(() => {
    idle = true;
    assert.equal(answered, 3);
  });
  await writer.finish();
  await until("the second runs", () => writer.commits.length === 2);
  assert.equal(idle, false);
  void writer.push("c")[0]!.then(() => answered += 1);
  await writer.finish();
  await until("the third runs", () => writer.commits.length === 3);
  assert.equal(idle, false);
  await writer.finish();
  await ended;
  assert.equal(writer.queue.pending, 0);
});

Deno.test("commit queue - who asks again upon the answer is served, for ever", async () => {
  const writer = new Writer();
  for (let i = 0; i < 50; i += 1) {
    const [pushed] = writer.push(`${i}`);
    await writer.finish();
    assert.equal(await pushed, i + 1);
  }
});

Deno.test("commit queue - under a load that never lets up it keeps nothing that was answered", async () => {
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc") as () => void;
  const writer = new Writer(1);
  const [first, ...others] = (() => {
    const some = Array.from({ length: 20 }, (_, i) => transaction(`${i}`));
    for (const one of some) void writer.queue.push(one);
    return some.map((one) => new WeakRef(one));
  })();
  // One waits at every moment: the queue is never empty.
  for (let i = 0; i < 10; i += 1) await writer.finish();
  await until("the eleventh runs", () => writer.commits.length === 11);
  assert.equal(writer.queue.pending, 10);
  await until("the first is forgotten", () => {
    gc();
    return first!.deref() === undefined;
  });
  assert.ok(others.at(-1)!.deref() !== undefined);
  for (let i = 0; i < 10; i += 1) await writer.finish();
  await writer.queue.idle();
});

Deno.test("commit size - it is an upper bound of names, values and records", () => {
  const key = "ключ";
  const value = "ü".repeat(1000);
  const { records, keyBytes, bytes: total } = sizeOf({
    mutations: [
      set("a", key, value),
      set("b", "l", 1),
      { kind: "delete", scope: "a", key: "m" },
      { kind: "create-scope", scope: "c" },
      { kind: "delete-scope", scope: "d" },
    ],
    source: "s".repeat(500),
  });
  // Three for each key that is written, one for each other mutation and for each scope.
  assert.equal(records, 3 * 3 + 2 + 4);
  assert.ok(keyBytes >= bytes(key).length + 2 + 4 && keyBytes < 400, `${keyBytes}`);
  assert.ok(total >= keyBytes + 2002 + 5 * 500 && total < 11_000, `${total}`);
});
