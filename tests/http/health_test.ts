import assert from "node:assert/strict";
import { type Check, healthRoutes, type HealthSource } from "../../src/http/health.ts";

const STORE: Check = { name: "store:revision", componentType: "datastore", status: "pass" };
const BROKER: Check = {
  name: "broker:lanes",
  componentType: "system",
  status: "fail",
  output: "no broker answers",
};

function source(over: Partial<HealthSource> = {}): HealthSource {
  return {
    serviceId: "org.plantd.State",
    releaseId: "1.2.3",
    checks: () => [STORE],
    stuck: () => undefined,
    storeAvailable: () => true,
    ...over,
  };
}

async function ask(path: string, over: Partial<HealthSource> = {}): Promise<[number, string]> {
  const response = await healthRoutes(source(over)).request(path);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return [response.status, await response.text()];
}

Deno.test("health - readyz says ok, and verbosely each check with its state", async () => {
  assert.deepEqual(await ask("/readyz"), [200, "ok\n"]);
  const damaged: Check = { ...STORE, status: "warn", output: "2 records are damaged" };
  assert.deepEqual(await ask("/readyz?verbose", { checks: () => [damaged] }), [
    200,
    "[!]store:revision warn: 2 records are damaged\nreadyz check passed\n",
  ]);
  assert.deepEqual(await ask("/readyz", { checks: () => [STORE, BROKER] }), [
    503,
    "[+]store:revision ok\n[-]broker:lanes fail: no broker answers\nreadyz check failed\n",
  ]);
});

Deno.test("health - livez fails only when a restart would help", async () => {
  assert.deepEqual(await ask("/livez", { checks: () => [BROKER] }), [200, "ok\n"]);
  assert.deepEqual(await ask("/livez", { stuck: () => "the disk hangs" }), [
    503,
    "the disk hangs\n",
  ]);
});

Deno.test("health - /health answers as the original of 2025 did, of the store alone", async () => {
  const [status, text] = await ask("/health", { checks: () => [BROKER] });
  const { timestamp, ...body } = JSON.parse(text);
  assert.equal(status, 200);
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(body, {
    status: "healthy",
    store: true,
    identity: { status: "disabled", connected: false, message: "Identity service not configured" },
    auth_mode: "disabled",
  });
  const [failed, reason] = await ask("/health", { storeAvailable: () => false });
  assert.equal(failed, 503);
  assert.equal(JSON.parse(reason).status, "unhealthy");
});

Deno.test("health - healthz is health+json with every check", async () => {
  const [status, text] = await ask("/healthz", { checks: () => [STORE, BROKER] });
  const { checks, ...body } = JSON.parse(text);
  assert.equal(status, 503);
  assert.deepEqual(body, {
    status: "fail",
    version: "1",
    releaseId: "1.2.3",
    serviceId: "org.plantd.State",
    output: "no broker answers",
  });
  assert.deepEqual(Object.keys(checks), ["store:revision", "broker:lanes"]);
});
