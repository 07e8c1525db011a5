import assert from "node:assert/strict";
import { DIALECTS } from "../../../src/mdp/frames.ts";
import { BROKER_ACTS, malformedActs, warmWorkers } from "./worker_cases.ts";
import { beFalseBroker, FALSE_BROKERS } from "./worker_raw.ts";
import { WorkerSite } from "./worker_site.ts";

Deno.test("worker - no broker harms it: what is malformed is dropped, the rest answered, and memory comes back", async (t) => {
  await using site = await WorkerSite.start();
  const warm = await warmWorkers(site);
  for (const dialect of DIALECTS) {
    for (const act of malformedActs(dialect)) {
      await t.step(`W5, ${dialect} - ${act.name}`, async () => {
        await act.run(site, dialect);
        await site.assertWell(dialect);
      });
    }
  }
  for (const act of BROKER_ACTS) {
    // Each at its own worker, because some take the time of a silence.
    await t.step(`W7, W8, W13, all dialects - ${act.name}`, async () => {
      await Promise.all(DIALECTS.map((dialect) => act.run(site, dialect)));
      await Promise.all(DIALECTS.map((dialect) => site.assertWell(dialect)));
    });
  }
  await t.step("memory and descriptors are back", async () => {
    await site.subject.untilBack(warm);
    assert.deepEqual((await site.subject.status()).errors, []);
  });
});

Deno.test("worker - brokers that are none are left for one that is", async (t) => {
  await using site = await WorkerSite.start(FALSE_BROKERS.length);
  // All at once: to leave some of them takes the time of a silence.
  const runs = FALSE_BROKERS.map(([, says], i) =>
    beFalseBroker(site.poller, site.sparePorts[i]!, says).catch((error: unknown) => error)
  );
  for (const [i, [name]] of FALSE_BROKERS.entries()) {
    await t.step(`one that ${name}`, async () => {
      assert.equal(await runs[i], undefined);
      for (const dialect of DIALECTS) await site.assertWell(dialect);
    });
  }
  assert.deepEqual((await site.subject.status()).errors, []);
});
