import assert from "node:assert/strict";
import { PlantdError } from "../../src/errors.ts";
import { EventStreams } from "../../src/http/events.ts";
import type { ChangeStream } from "../../src/http/ports.ts";
import { EVENT_HEARTBEAT_MS, EVENT_STALL_MS_MAX, EVENT_STREAMS_MAX } from "../../src/limits.ts";
import { text, until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { keyPath, Web } from "./helpers.ts";
import type { SentEvent } from "./sse.ts";

const revisions = (events: readonly SentEvent[]) => events.map(({ data }) => data.revision);

Deno.test("events - a stream begins with its epoch and tells each change, to the letter", async () => {
  await using web = await Web.start();
  await web.set("before", "0");
  await using events = await web.events("/changes");
  assert.equal(events.response.headers.get("content-type"), "text/event-stream");
  const open = await events.next();
  assert.equal(open.event, "begin");
  assert.equal(open.data.revision, 1);
  const { body } = await web.ask("/health");
  assert.equal(open.data.epoch, body.data.epoch);
  await web.ask(`${keyPath("s", "k")}?note=why`, { method: "PUT", json: "1.0" });
  await web.ask(keyPath("s", "k"), { method: "DELETE" });
  const [set, drop] = await events.take(2);
  const { time: _, ...data } = set!.data;
  assert.deepEqual({ ...set, data }, {
    event: "change",
    lastId: "2",
    data: {
      epoch: open.data.epoch,
      revision: 2,
      previous: 1,
      scope: "s",
      key: "k",
      operation: "set",
      value: 1,
      source: "http:127.0.0.1",
      note: "why",
    },
  });
  assert.deepEqual([drop!.data.operation, drop!.lastId], ["delete", "3"]);
});

Deno.test("events - resumed behind any event, nothing is missing and no revision is cut", async () => {
  await using web = await Web.start();
  const operations = ["a", "b", "c"].map((key) => ({
    operation: "set",
    service: "s",
    key,
    value: 1,
  }));
  await web.ask("/batch", { method: "POST", json: JSON.stringify({ operations }) });
  await web.set("d", "2");
  await web.ask(keyPath("other", "k"), { method: "PUT", json: "1" });
  await web.set("e", "3");
  await using all = await web.events("/changes?since=0");
  // Two scopes that were created are changes, too.
  const whole = (await all.take(9)).slice(1);
  assert.deepEqual(revisions(whole), [1, 1, 1, 1, 2, 3, 3, 4]);
  // A revision is only acknowledged with its last change.
  assert.deepEqual(whole.map(({ lastId }) => lastId), ["0", "0", "0", "1", "2", "2", "3", "4"]);
  for (const [index, { lastId }] of whole.entries()) {
    await using again = await web.events("/changes?since=0", { "last-event-id": lastId });
    const rest = whole.filter(({ data }) => data.revision > Number(lastId));
    const told = (await again.take(rest.length + 1)).slice(1);
    assert.deepEqual(told.map(({ data }) => data), rest.map(({ data }) => data), `from ${index}`);
  }
  await using scope = await web.events("/scopes/other/changes?since=0");
  assert.deepEqual(revisions((await scope.take(3)).slice(1)), [3, 3]);
});

Deno.test("events - a HEAD takes no stream away from those who read", async () => {
  await using web = await Web.start();
  for (let i = 0; i < EVENT_STREAMS_MAX; i += 1) {
    const { status, headers } = await web.ask("/changes", { method: "HEAD" });
    assert.deepEqual([status, headers.get("content-type")], [200, "text/event-stream"]);
  }
  await using events = await web.events("/changes");
  assert.equal((await events.next()).event, "begin");
});

Deno.test("events - what is no longer known is a reset, and the stream goes on from there", async () => {
  await using web = await Web.start({ "feed.retained-changes": "2" });
  for (const value of ["1", "2", "3", "4"]) await web.set("k", value);
  for (const query of ["since=1", "since=99", "since=4&epoch=another"]) {
    await using events = await web.events(`/changes?${query}`);
    const [open, reset] = await events.take(2);
    assert.equal(open!.event, "begin");
    assert.deepEqual([reset!.event, reset!.data.revision, reset!.lastId], ["reset", 4, "4"]);
    assert.match(reset!.data.reason, /load anew/);
  }
  await using events = await web.events("/changes?since=1");
  await events.take(2);
  await web.set("k", "5");
  assert.equal((await events.next()).data.revision, 5);
});

Deno.test("events - a wrong place is refused, and so are too many streams", async () => {
  await using web = await Web.start();
  assert.equal((await web.ask("/changes?since=x")).status, 400);
  await using stack = new AsyncDisposableStack();
  let status = 200;
  let count = 0;
  while (status === 200 && count < 200) {
    const events = stack.use(await web.events("/changes"));
    status = events.response.status;
    count += 1;
  }
  assert.deepEqual([status, count], [503, 65]);
  await stack[Symbol.asyncDispose]();
  await until("there is room again", async () => {
    await using events = await web.events("/changes");
    return events.response.status === 200;
  });
});

Deno.test("events - the service stops at once, whoever listens", async () => {
  const web = await Web.start();
  await using events = await web.events("/changes");
  await events.next();
  const startMs = performance.now();
  await web[Symbol.asyncDispose]();
  await events.ended;
  assert.ok(performance.now() - startMs < 2000);
});

/** A log of changes in a test's hands. */
function fakeLog() {
  const listeners = new Set<() => void>();
  let revision = 0;
  const stream: ChangeStream = {
    epoch: "e",
    revision: () => revision,
    page({ since }) {
      if (since < 0) throw new PlantdError("compacted", "gone");
      const changes = Array.from({ length: revision - since }, (_, i) => ({
        revision: since + i + 1,
        json: () => String(since + i + 1),
      }));
      return { changes, revision, more: false };
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const change = () => {
    revision += 1;
    for (const listener of listeners) listener();
  };
  return { stream, change, listeners };
}

Deno.test("events - idle it says where it is; unread for a minute it is closed and forgotten", async () => {
  const clock = new FakeClock();
  const streams = new EventStreams(clock);
  const log = fakeLog();
  const reader = streams.open(log.stream, {})!.getReader();
  const read = async () => text((await reader.read()).value!);
  assert.match(
    await read(),
    /^retry: 1000\nevent: begin\nid: 0\ndata: \{"epoch":"e","revision":0\}\n\n$/,
  );
  const beat = read();
  // The stream waits for something to tell before the clock may move.
  await until("it listens", () => log.listeners.size === 1);
  clock.advance(EVENT_HEARTBEAT_MS);
  assert.equal(await beat, ": heartbeat\nid: 0\n\n");
  const change = read();
  log.change();
  assert.equal(await change, "event: change\nid: 1\ndata: 1\n\n");
  log.change();
  await until("it has said so", () => (clock.advance(1), streams.count === 1));
  for (let ms = 0; ms <= EVENT_STALL_MS_MAX + EVENT_HEARTBEAT_MS; ms += EVENT_HEARTBEAT_MS) {
    clock.advance(EVENT_HEARTBEAT_MS);
  }
  assert.equal(streams.count, 0);
  assert.equal(log.listeners.size, 0);
  await assert.rejects(reader.read(), /does not read/);
});

Deno.test("events - who reads slowly gets the changes all the same, and nothing piles up", async () => {
  const streams = new EventStreams(new FakeClock());
  const log = fakeLog();
  const reader = streams.open(log.stream, { since: 0 })!.getReader();
  for (let i = 0; i < 5000; i += 1) log.change();
  let told = "";
  while (!told.includes("data: 5000\n")) told += text((await reader.read()).value!);
  assert.equal(told.match(/^event: change$/gm)?.length, 5000);
  await reader.cancel();
  assert.equal(streams.count, 0);
});
