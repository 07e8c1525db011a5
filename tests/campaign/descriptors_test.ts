import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import type { Child } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { toolTest } from "../helpers/tools.ts";
import { Bundled } from "./bundled.ts";
import { Site } from "./site.ts";

/** What the service needs, and some to spare. */
const DESCRIPTORS = "-n 100";

/** Runs `body` with a service that has no file descriptor left, and gives them back to it. */
async function exhausted(body: (site: Site, service: Child) => Promise<void>): Promise<void> {
  await using bundled = await Bundled.make();
  await using dir = await tempDir();
  await using site = await Site.make(dir.path, 100);
  await using service = site.serve(bundled, {}, DESCRIPTORS);
  await service.until("it is well", async () => (await site.health())?.status === "pass");
  const connections: Deno.Conn[] = [];
  const feedPort = Number(site.feed.split(":").at(-1));
  for (let i = 0; i < 80; i += 1) {
    const port = i % 2 === 0 ? feedPort : site.healthPort;
    const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
    if (connection) connections.push(connection);
  }
  assert.ok(connections.length > 10);
  try {
    await body(site, service);
  } finally {
    for (const connection of connections) connection.close();
  }
  await service.until("it is well again", async () => (await site.health())?.status === "pass");
  assert.equal((await site.ask("set", { service: "a", key: "k", value: "after" })).value, "after");
}

toolTest(
  ["sh"],
  "descriptors - exhausted by connections: requests go on, health is back with the first free one",
  async () => {
    await exhausted(async (site, service) => {
      for (let value = 0; value < 20; value += 1) {
        assert.equal((await site.ask("set", { service: "a", key: "k", value })).value, value);
      }
      assert.equal(service.exit, undefined, service.stderr);
    });
  },
);

toolTest(
  ["sh"],
  "descriptors - none left for the broker that comes back: served as soon as there are",
  async () => {
    await exhausted(async (site, service) => {
      await site.stopNetwork();
      await until(
        "a lane wants a new socket",
        () => service.stderr.includes("no socket for a lane"),
      );
      await site.startNetwork();
      assert.equal(service.exit, undefined, service.stderr);
    });
  },
);
