import assert from "node:assert/strict";
import type { HealthData, UpdateCounts } from "../../src/cli/health_data.ts";
import { ageText, ratesOf, rateText, rowsOf, type Sample } from "../../src/cli/stats_data.ts";
import { screenOf, summaryOf } from "../../src/cli/stats_view.ts";
import { Child } from "../helpers/child.ts";
import { invocation, runProgram } from "../helpers/program.ts";
import { toolTest } from "../helpers/tools.ts";
import { Plant } from "../service/harness.ts";

const counts = (received: number, rejected: Record<string, number> = {}): UpdateCounts => ({
  received,
  stored: received,
  pending: 0,
  rejected,
});

function sample(atMs: number, health: Partial<HealthData>, scopes: Sample["scopes"]): Sample {
  const bus = { ...counts(0), connected: true, scopes: {} };
  const time = "2026-11-24T12:00:10.000Z";
  return {
    atMs,
    scopes,
    health: { status: "healthy", version: "1.2.3", epoch: "e", revision: 0, time, bus, ...health },
  };
}

const BEFORE = sample(1000, { uptime_s: 5, revision: 10, scopes: 2, keys: 2 }, [
  { scope: "a", keys: 1, bytes: 5, revision: 3, changes: 2, changed: "2026-11-24T12:00:01.000Z" },
  { scope: "__proto__", keys: 1, bytes: 2048, revision: 10, changes: 7 },
]);
const BUS = {
  ...counts(30, { overflow: 4 }),
  connected: true,
  scopes: { a: counts(30, { overflow: 4 }) },
};
const AFTER = sample(3000, { uptime_s: 7, revision: 30, scopes: 2, keys: 3, bus: BUS }, [
  { scope: "a", keys: 2, bytes: 9, revision: 30, changes: 22, changed: "2026-11-24T12:00:09.000Z" },
  { scope: "__proto__", keys: 1, bytes: 2048, revision: 10, changes: 7 },
]);

Deno.test("stats - rates are what happened in a second, and none across a restart", () => {
  assert.deepEqual(ratesOf(BEFORE, AFTER), { changes: 10, received: 15, stored: 15, rejected: 2 });
  const rows = rowsOf(BEFORE, AFTER).map((row) => [
    row.scope,
    row.changesPerS,
    row.receivedPerS,
    row.rejected,
  ]);
  assert.deepEqual(rows, [["a", 10, 15, 4], ["__proto__", 0, 0, 0]]);
  for (const health of [{ epoch: "other" }, { uptime_s: 1 }]) {
    const other = { ...AFTER, health: { ...AFTER.health, ...health } };
    assert.equal(ratesOf(BEFORE, other).changes, 0);
  }
  assert.equal(ratesOf(BEFORE, BEFORE).changes, 0);
  assert.deepEqual([0, 0.04, 9.96, 123.4].map(rateText), ["0", "0.0", "10.0", "123"]);
  const ages = [3, 200, 8000, 200_000].map((s) =>
    ageText(new Date(1e12 - s * 1000).toISOString(), new Date(1e12).toISOString())
  );
  assert.deepEqual(ages, ["3 s", "3 min", "2 h", "2 d"]);
});

Deno.test("stats - a screen fits the terminal and gives it no orders", () => {
  const screen = screenOf(BEFORE, AFTER, { columns: 66, rows: 24 });
  assert.match(screen.join("\n"), /^SCOPE +KEYS +BYTES +CHANGES\/S/m);
  assert.match(screen.join("\n"), /^a +2 +9 B +10\.?0? +15 +4 +1 s$/m);
  const tiny = screenOf(BEFORE, AFTER, { columns: 10, rows: 3 });
  assert.equal(tiny.length, 3);
  assert.ok(tiny.every((line) => line.length <= 10));
  const rogue = { ...AFTER, health: { ...AFTER.health, version: "\x1b[2J" } };
  assert.ok(!JSON.stringify(summaryOf(BEFORE, rogue)).includes("\\u001b"));
  const down = screenOf(BEFORE, AFTER, { columns: 80, rows: 24 }, "out of date: no reply");
  assert.ok(down.includes("out of date: no reply"));
});

Deno.test("stats - of a real service, as JSON; top needs a terminal", async () => {
  await using plant = await Plant.make();
  await using network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("set", { service: "a", key: "k", value: "12345" });
  const endpoint = `--endpoint=${network.endpoint}`;
  const { code, stdout } = await runProgram(["stats", endpoint, "--interval=50ms", "--json"]);
  assert.equal(code, 0);
  const { scopes, ...all } = JSON.parse(stdout);
  assert.deepEqual([all.revision, all.keys, all.scope_count, all.worker.lanes], [1, 1, 1, 4]);
  assert.equal(all.rates.changes_per_s, 0);
  assert.ok(all.disk.free_bytes > 0);
  assert.deepEqual([scopes[0].scope, scopes[0].keys, scopes[0].bytes], ["a", 1, 8]);
  assert.ok(Date.parse(scopes[0].changed) > 0);
  const described = await plant.ask("describe-scope", { service: "a" });
  // That it was created is one, too.
  assert.equal(described.data!.changes, 2);
  const top = await runProgram(["top", endpoint]);
  assert.equal(top.code, 2);
  assert.match(top.stderr, /^plantd-state: top needs a terminal.*\nhint: plantd-state stats/);
});

/** `top` on a terminal of that size, once it shows a scope; then it says its code and how the terminal is. */
async function startTop(
  plant: Plant,
  network: { readonly endpoint: string },
  [columns, rows]: readonly [number, number],
): Promise<Child> {
  await plant.ask("set", { service: "org.plantd.A", key: "k", value: 1 });
  const [deno, args] = invocation(["top", `--endpoint=${network.endpoint}`, "--interval=100ms"]);
  const words = [deno, ...args].map((word) => `'${word}'`).join(" ");
  const line = `stty cols ${columns} rows ${rows}; ${words}; echo "code $?"; stty -a`;
  const child = Child.start("script", ["-qec", line, "/dev/null"]);
  await child.until("it shows the scope", () => child.stdout.includes("org.plantd.A"));
  return child;
}

toolTest(
  ["script", "stty"],
  "top - in a terminal it shows what changes, and gives the terminal back as it was",
  async () => {
    await using plant = await Plant.make();
    await using network = await plant.startNetwork();
    await using _service = await plant.startService();
    await using child = await startTop(plant, network, [90, 20]);
    await child.until("it shows a change", async () => {
      await plant.ask("set", { service: "org.plantd.New", key: "k", value: 1 });
      return child.stdout.includes("org.plantd.New");
    });
    await child.write("q");
    await child.until("it ends", () => child.stdout.includes("code 0"));
    assert.equal((await child.ended).code, 0);
    const [, after] = child.stdout.split("\x1b[?1049l");
    assert.ok(child.stdout.includes("\x1b[?1049h"));
    assert.match(after!, /(^|\s)icanon/);
    assert.match(after!, /(^|\s)echo\b/);
  },
);

toolTest(
  ["script", "stty"],
  "top - a terminal without a size, as a serial console is, shows the service too",
  async () => {
    await using plant = await Plant.make();
    await using network = await plant.startNetwork();
    await using _service = await plant.startService();
    await using child = await startTop(plant, network, [0, 0]);
    await child.write("q");
    await child.until("it ends", () => child.stdout.includes("code 0"));
    assert.equal((await child.ended).code, 0);
  },
);
