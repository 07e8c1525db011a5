/** The dashboard and the alert rules ask for metrics that there are. */

import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { toolTest } from "../helpers/tools.ts";
import { Web } from "./helpers.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const dashboard = JSON.parse(await Deno.readTextFile(`${ROOT}configs/grafana-dashboard.json`));
const alerts = await Deno.readTextFile(`${ROOT}configs/prometheus-alerts.yml`);

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const expressions: string[] = (dashboard.panels as Panel[])
  .flatMap(({ targets }) => targets.map(({ expr }) => expr));

Deno.test("monitoring - every metric that dashboard and alerts ask for is one the service has", async () => {
  await using dir = await tempDir();
  await using web = await Web.start({ "audit.file": `${dir.path}/audit.jsonl` });
  await web.set("k", "1");
  const metrics = async () => (await web.ask("//metrics")).text;
  await until(
    "a sync of the disk was tried because metrics were asked for",
    async () => (await metrics()).includes("plantd_state_disk_sync_duration_seconds_count 1\n"),
  );
  const text = await metrics();
  const names = new Set(
    [...text.matchAll(/^([a-z_]+)[{ ]/gm)].map(([, name]) => name!),
  );
  const asked = [...expressions, ...alerts.matchAll(/^ +expr: (.*)$/gm)].join("\n")
    .matchAll(/\b(plantd_state_|process_)[a-z_]+\b/g);
  const missing = new Set([...asked].map(([name]) => name).filter((name) => !names.has(name)));
  // A service that has had no update from the bus has no reason to tell.
  missing.delete("plantd_state_bus_updates_rejected_total");
  assert.deepEqual([...missing], []);
});

Deno.test("monitoring - an audit log that is not written is a warning in health, and a metric", async () => {
  await using dir = await tempDir();
  // A directory is in its place.
  await using web = await Web.start({ "audit.file": dir.path });
  const metrics = async () => (await web.ask("//metrics")).text;
  await until(
    "it was tried",
    async () => /^plantd_state_audit_available 0$/m.test(await metrics()),
  );
  assert.match(await metrics(), /^plantd_state_audit_records_lost_total 0$/m);
  const { text } = await web.ask("//readyz?verbose");
  assert.ok(text.includes(`[!]audit:file warn: the audit log ${dir.path} is not written: `), text);
  const { audit } = (await web.ask("/health")).body.data;
  assert.deepEqual([audit.file, audit.lost, typeof audit.failure], [dir.path, 0, "string"]);
  assert.equal((await web.set("k", "1")).status, 200);
});

toolTest(
  ["promtool"],
  "monitoring - promtool accepts the alert rules, and they fire when they should",
  async () => {
    const check = await runToEnd("promtool", [
      "check",
      "rules",
      `${ROOT}configs/prometheus-alerts.yml`,
    ]);
    assert.equal(check.code, 0, check.stderr);
    const tested = await runToEnd("promtool", [
      "test",
      "rules",
      `${ROOT}tests/http/alerts_test.yml`,
    ]);
    assert.equal(tested.code, 0, tested.stdout + tested.stderr);
  },
);

toolTest(
  ["promtool"],
  "monitoring - promtool understands every expression of the dashboard",
  async () => {
    await using dir = await tempDir();
    const rules = expressions.map((expr, i) => ({
      record: `panel_${i}`,
      expr: expr.replaceAll("$__rate_interval", "1m"),
    }));
    // JSON is YAML, too.
    const path = `${dir.path}/rules.yml`;
    await Deno.writeTextFile(path, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const { code, stdout, stderr } = await runToEnd("promtool", ["check", "rules", path]);
    assert.equal(code, 0, stdout + stderr);
  },
);
