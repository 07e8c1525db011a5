import assert from "node:assert/strict";
import { configureLog, type Level, logOf } from "../../src/log.ts";
import { handleRequest } from "../../src/state/operations.ts";
import { Requests } from "../../src/telemetry/requests.ts";
import { Tracing } from "../../src/telemetry/tracing.ts";
import { bytes } from "../helpers/async.ts";
import { openState, SOURCE } from "../state/helpers.ts";

/** What the log has of requests made at `level`. */
async function logged(level: Level, ...bodies: string[]): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  configureLog({ level, format: "json" }, (line) => lines.push(line));
  try {
    await using state = await openState();
    const service = "org.plantd.State";
    const requests = new Requests({ service, log: logOf("request"), tracing: undefined });
    const context = {
      ...state.context,
      observe: (...of: Parameters<Requests["observe"]>) => requests.observe(...of),
    };
    for (const body of bodies) {
      await handleRequest(context, [bytes("set"), bytes(body)], SOURCE);
    }
  } finally {
    configureLog({ level: "info", format: "auto" });
  }
  return lines.map((line) => JSON.parse(line).properties);
}

Deno.test("requests - at debug each is a line with its id, or one made for it, and no value", async () => {
  const lines = await logged(
    "debug",
    '{"service":"a","key":"k","value":"secret","request_id":"mine"}',
    '{"service":"a","key":"k","value":"secret"}',
    '{"service":"a","value":"secret"}',
    "secret, and no JSON",
  );
  const [mine, unnamed, invalid, noJson] = lines.map(({ tookMs, ...line }) => {
    assert.equal(typeof tookMs, "number");
    return line;
  });
  const about = { operation: "set", source: SOURCE, scope: "a" };
  assert.deepEqual(mine, { ...about, requestId: "mine", result: "ok" });
  const [made, next, last] = [unnamed, invalid, noJson].map((line) => String(line!.requestId));
  assert.match(made!, /^[0-9a-z]+-2$/);
  assert.deepEqual([next, last], [made!.replace(/2$/, "3"), made!.replace(/2$/, "4")]);
  assert.deepEqual(unnamed, { ...about, requestId: made, result: "ok" });
  assert.deepEqual(invalid, { ...about, requestId: next, result: "invalid_request" });
  assert.deepEqual(noJson, {
    operation: "set",
    source: SOURCE,
    requestId: last,
    result: "invalid_json",
  });
  assert.doesNotMatch(JSON.stringify(lines), /secret/);
});

Deno.test("requests - at info there is no line", async () => {
  assert.deepEqual(await logged("info", '{"service":"a","key":"k","value":1}'), []);
});

Deno.test("requests - an id and a scope from outside are cut", async () => {
  const long = "x".repeat(1000);
  const [line] = await logged("debug", JSON.stringify({ service: long, request_id: long }));
  assert.equal(String(line!.requestId).length, 128);
  assert.equal(String(line!.scope).length, 255);
});

Deno.test("tracing - where telemetry is off there is none", async () => {
  assert.equal(await Tracing.load(), undefined);
});
