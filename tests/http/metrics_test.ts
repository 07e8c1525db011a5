import assert from "node:assert/strict";
import { Metrics } from "../../src/http/metrics.ts";
import { Histogram, registerHistogram, Registry } from "../../src/http/prom_client.ts";
import type { Readings } from "../../src/http/readings.ts";
import { RequestTally } from "../../src/http/request_tally.ts";
import { METRICS_SCOPES_MAX } from "../../src/limits.ts";
import { runToEnd } from "../helpers/child.ts";
import { toolTest } from "../helpers/tools.ts";

const NOTHING = { received: 0, stored: 0, coalesced: 0, pending: 0, rejected: {} };

/** Readings of a service at rest, with what a test puts over them. */
function readings(over: Partial<Readings> = {}): Readings {
  return {
    checks: [{ name: "store:revision", componentType: "datastore", status: "pass" }],
    store: { available: true, revision: 7, scopes: 1, keys: 3, pending: 0, damaged: 0 },
    scopes: [{ scope: "a", keys: 3, bytes: 12 }],
    bus: { connected: true, subscriptions: 2, totals: NOTHING, byScope: {} },
    worker: {
      lanes: 4,
      connected: 4,
      busy: 1,
      lastHeardMs: 1500,
      reconnects: 2,
      malformed: 0,
      droppedRequests: 0,
      droppedReplies: 0,
    },
    database: { bytes: 4096, walBytes: 0 },
    eventStreams: 1,
    feedSubscribers: 3,
    ...over,
  };
}

/** The samples of an exposition by name and labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

Deno.test("metrics - what happened is counted, by operation and result", async () => {
  const metrics = new Metrics("1.2.3");
  metrics.answered("get", "ok", 2);
  metrics.answered("get", "ok", 3);
  metrics.answered("get", "key_not_found", 1);
  metrics.committed({ tookMs: 4, transactions: 30, ok: true });
  metrics.committed({ tookMs: 4, transactions: 30, ok: false });
  metrics.synced(0.3);
  metrics.served(404);
  const found = samples(await metrics.text(undefined));
  const get = (name: string) => found.get(`plantd_state_${name}`);
  assert.equal(get('requests_total{operation="get",result="ok"}'), 2);
  assert.equal(get('requests_total{operation="get",result="key_not_found"}'), 1);
  assert.equal(get('request_duration_seconds_count{operation="get"}'), 3);
  assert.equal(get('request_duration_seconds_bucket{le="0.0025",operation="get"}'), 2);
  assert.equal(get("commit_duration_seconds_count"), 2);
  assert.equal(get("commit_transactions_sum"), 30);
  assert.equal(get('disk_sync_duration_seconds_bucket{le="0.00025"}'), 0);
  assert.equal(get('disk_sync_duration_seconds_bucket{le="0.0005"}'), 1);
  assert.equal(get("commit_failures_total"), 1);
  assert.equal(get('http_requests_total{status="404"}'), 1);
  assert.equal(get('build_info{version="1.2.3"}'), 1);
  assert.ok(found.get("process_resident_memory_bytes")! > 1_000_000);
  assert.ok(found.get("process_cpu_seconds_total")! > 0);
});

Deno.test("metrics - what is counted here is printed as prom-client prints what it counts itself", async () => {
  const bounds = [0.001, 0.01, 0.1];
  const [ours, theirs] = [new Registry(), new Registry()];
  const tally = new RequestTally(bounds);
  const about = { name: "seconds", help: "How long." };
  registerHistogram(ours, { ...about, samples: () => tally.durations(about.name) });
  const histogram = new Histogram({
    ...about,
    buckets: bounds,
    labelNames: ["operation"],
    registers: [theirs],
  });
  for (const seconds of [0, 0.0005, 0.001, 0.002, 0.01, 0.0999, 0.1, 7, 0.03]) {
    for (const operation of ["get", "set"]) {
      tally.add(operation, "ok", seconds);
      histogram.observe({ operation }, seconds);
    }
  }
  assert.equal(await ours.metrics(), await theirs.metrics());
});

Deno.test("metrics - connections to the feed are told where there is one", async () => {
  const told = async (readings: Readings) =>
    samples(await new Metrics("1").text(readings)).get("plantd_state_feed_subscribers");
  const { feedSubscribers: _none, ...without } = readings();
  assert.deepEqual([await told(readings()), await told(without)], [3, undefined]);
});

Deno.test("metrics - what the audit log lost is told where there is one", async () => {
  const audit = { lost: 7, failure: "no space left on device" };
  const found = samples(await new Metrics("1").text(readings({ audit })));
  const none = samples(await new Metrics("1").text(readings()));
  const names = ["plantd_state_audit_available", "plantd_state_audit_records_lost_total"];
  assert.deepEqual(names.map((name) => [found.get(name), none.get(name)]), [
    [0, undefined],
    [7, undefined],
  ]);
});

Deno.test("metrics - read twice they are what was counted, not twice that", async () => {
  const metrics = new Metrics("1");
  const counts = { received: 7, stored: 3, coalesced: 2, pending: 1, rejected: { overflow: 1 } };
  const bus = { connected: true, subscriptions: 2, totals: counts, byScope: { a: counts } };
  const [first, second] = await Promise.all([1, 2].map(() => metrics.text(readings({ bus }))));
  for (const found of [samples(first!), samples(second!)]) {
    const get = (name: string) => found.get(`plantd_state_${name}`);
    assert.equal(get('bus_updates_received_total{scope="a"}'), 7);
    assert.equal(get('bus_updates_coalesced_total{scope="a"}'), 2);
    assert.equal(get('bus_updates_coalesced_total{scope="/other"}'), 0);
    assert.equal(get('bus_updates_rejected_total{scope="a",reason="overflow"}'), 1);
    assert.equal(get('bus_updates_received_total{scope="/other"}'), 0);
    assert.equal(get("broker_reconnects_total"), 2);
    assert.equal(get('healthy{check="store:revision"}'), 1);
    assert.equal(get("broker_silence_seconds"), 1.5);
  }
});

Deno.test("metrics - however many scopes there are, the labels stay few and the sums whole", async () => {
  const names = Array.from({ length: METRICS_SCOPES_MAX + 50 }, (_, i) => `scope.${i}`);
  const one = { received: 2, stored: 1, coalesced: 0, pending: 0, rejected: { overflow: 1 } };
  const count = names.length;
  const totals = {
    received: 2 * count,
    stored: count,
    coalesced: 0,
    pending: 0,
    rejected: { overflow: count },
  };
  const byScope = Object.fromEntries(names.map((name) => [name, one]));
  const metrics = new Metrics("1");
  const found = samples(
    await metrics.text(readings({
      store: {
        available: true,
        revision: 1,
        scopes: count,
        keys: 10 * count,
        pending: 0,
        damaged: 0,
      },
      scopes: names.map((scope) => ({ scope, keys: 10 })),
      bus: { connected: true, subscriptions: 1, totals, byScope },
    })),
  );
  const of = (name: string) =>
    [...found].filter(([key]) => key.startsWith(`plantd_state_${name}{`));
  for (
    const [name, sum] of [["keys", 10 * count], ["bus_updates_received_total", 2 * count]] as const
  ) {
    assert.equal(of(name).length, METRICS_SCOPES_MAX + 1);
    assert.equal(of(name).reduce((total, [, value]) => total + value, 0), sum);
  }
  assert.equal(found.get('plantd_state_keys{scope="/other"}'), 500);
});

toolTest(["promtool"], "metrics - promtool finds nothing to complain of", async () => {
  const metrics = new Metrics("1.2.3");
  metrics.answered("get", "ok", 1);
  const text = await metrics.text(readings());
  const { code, stdout, stderr } = await runToEnd("promtool", ["check", "metrics"], {
    stdin: text,
  });
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
});
