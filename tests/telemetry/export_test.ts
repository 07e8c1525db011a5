import assert from "node:assert/strict";
import { Client } from "../../src/mdp/client.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { bytes, text, until } from "../helpers/async.ts";
import { Collector } from "../helpers/collector.ts";
import { devSettings, runProgram, startProgram } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";

/** Asks the service one thing, as any module would. */
async function ask(broker: string, operation: string, body: unknown): Promise<void> {
  await using poller = new Poller();
  await using client = new Client({
    poller,
    endpoint: broker,
    dialect: "mdp01",
    timeoutMs: 15_000,
    retries: 0,
  });
  const frames = [bytes(operation), bytes(JSON.stringify(body))];
  const [reply] = await client.request("org.plantd.State", frames);
  assert.equal(JSON.parse(text(reply!)).success ?? true, true, text(reply!));
}

/** Over HTTP, in a header. */
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** Over Majordomo, in the request. */
const ASKED_WITH = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Deno.test("telemetry - a request is followed from the broker to its commit, and logs are exported with their level", async () => {
  await using dir = await tempDir();
  await using collector = new Collector();
  const { args, broker, healthPort } = await devSettings(dir.path, {
    log: { level: "debug" },
    http: { edit: true },
  });
  await using program = await startProgram(["dev", ...args], {
    cwd: dir.path,
    env: collector.env,
    wait: "listening",
  });
  await program.untilHealthy();
  const set = await runProgram(
    ["state", "set", `--endpoint=${broker}`, "--service=a", "k", "secret"],
    { cwd: dir.path },
  );
  assert.equal(set.code, 0, set.stderr);
  const url = `http://127.0.0.1:${healthPort}/api/v1/scopes/a/keys/over-http`;
  const put = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json", traceparent: TRACEPARENT },
    body: '"secret"',
  });
  assert.equal(put.status, 200, await put.text());
  // What stands in the request itself is followed, too, and what is no trace context is no fault.
  await ask(broker, "get", { service: "a", key: "k", traceparent: ASKED_WITH });
  await ask(broker, "list-keys", { service: "a", traceparent: "00-nonsense" });
  const span = (name: string, source: string) =>
    collector.spans.find((span) =>
      span.name.startsWith(name) &&
      String(span.attributes["plantd.source"] ?? "").startsWith(source)
    );
  const overMdp = (operation: string) => span(`org.plantd.State/${operation}`, "mdp:");
  const childOf = (spanId: string) => collector.spans.find((one) => one.parentSpanId === spanId);
  await until("all spans are there", () =>
    ["mdp:", "http:"].every((source) => {
      const request = span("org.plantd.State/", source);
      const commit = request && childOf(request.spanId);
      return commit && collector.spans.some(({ spanId }) => spanId === commit.links[0]?.spanId);
    }));

  const request = span("org.plantd.State/set", "mdp:")!;
  const { "plantd.request_id": id, "plantd.source": source, ...attributes } = request.attributes;
  assert.deepEqual(attributes, {
    "rpc.system": "mdp",
    "rpc.service": "org.plantd.State",
    "rpc.method": "set",
    "plantd.scope": "a",
    "plantd.result": "ok",
  });
  const queue = collector.spans.find(({ spanId }) => spanId === request.parentSpanId);
  assert.equal(queue?.name, "org.plantd.State queue", "our own broker's part of it");
  const commit = childOf(request.spanId)!;
  assert.equal(commit.name, "commit");
  const write = collector.spans.find(({ spanId }) => spanId === commit.links[0]!.spanId)!;
  assert.equal(write.name, "write");
  assert.notEqual(write.traceId, request.traceId, "it may be of many requests");
  const overHttp = span("org.plantd.State/state-set", "http:")!;
  assert.equal(overHttp.traceId, TRACEPARENT.split("-")[1], "whoever asked goes on in it");

  await until("the spans of both are there", () => ["get", "list-keys"].every(overMdp));
  const [traceOf, parentOf] = ASKED_WITH.split("-").slice(1);
  const { traceId: inTrace, parentSpanId: below } = overMdp("get")!;
  assert.deepEqual([inTrace, below], [traceOf, parentOf]);
  const aside = overMdp("list-keys")!;
  assert.ok(![TRACEPARENT, ASKED_WITH].some((known) => known.includes(aside.traceId)));

  const records = () =>
    collector.logs.map((record) => ({ ...record, line: JSON.parse(record.body) }));
  const requestLine = () => records().find(({ line }) => line.properties?.requestId === id);
  await until("the request's line is exported", () => requestLine() !== undefined);
  const { severityText, traceId, resource, line } = requestLine()!;
  assert.deepEqual([severityText, traceId], ["DEBUG", request.traceId]);
  assert.deepEqual([resource["service.name"], resource.app], ["plantd-state", "state"]);
  const { tookMs: _, ...properties } = line.properties;
  assert.deepEqual(properties, {
    operation: "set",
    source,
    scope: "a",
    requestId: id,
    result: "ok",
  });
  assert.ok(records().some(({ severityText }) => severityText === "INFO"));
  assert.ok(!JSON.stringify([collector.spans, collector.logs]).includes("secret"));
});
