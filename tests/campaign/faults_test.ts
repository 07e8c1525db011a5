import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import type { Child } from "../helpers/child.ts";
import { NotifyReceiver } from "../helpers/notify_receiver.ts";
import { tempDir } from "../helpers/temp.ts";
import { Bundled } from "./bundled.ts";
import { ERRNO, KIND, type Shim, shimTest } from "./shim.ts";
import { Site } from "./site.ts";

const service = "a";

/** Runs `body` with a service whose disk is in the hands of `shim`; it must be alive in the end. */
async function withService(
  shim: Shim,
  body: (site: Site, running: Child) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await using bundled = await Bundled.make();
  await using dir = await tempDir();
  await using site = await Site.make(dir.path);
  await using running = site.serve(bundled, { ...shim.faultEnv(dir.path), ...env });
  await running.until("it is well", async () => (await site.health())?.status === "pass");
  await site.ask("set", { service, key: "before", value: 1 });
  await body(site, running);
  assert.equal(running.exit, undefined, running.stderr);
  await running.kill();
  await using again = site.serve(bundled);
  await again.until(
    "it is well after a restart",
    async () => (await site.health())?.status === "pass",
  );
  assert.equal((await site.ask("get", { service, key: "before" })).value, 1);
  assert.equal((await site.ask("get", { service, key: "after" })).value, 2);
}

const FAULTS = [
  { name: "full", errno: ERRNO.ENOSPC, kinds: KIND.write | KIND.truncate, code: "storage_full" },
  { name: "that writes no more", errno: ERRNO.EIO, kinds: KIND.write, code: "storage_unavailable" },
  { name: "that syncs no more", errno: ERRNO.EIO, kinds: KIND.sync, code: "storage_unavailable" },
  { name: "that is read-only", errno: ERRNO.EROFS, kinds: KIND.all, code: "storage_unavailable" },
  { name: "over its quota", errno: ERRNO.EDQUOT, kinds: KIND.write, code: "storage_full" },
];

for (const { name, errno, kinds, code } of FAULTS) {
  shimTest(
    `faults - a disk ${name}: writes are refused, the rest goes on, and it heals by itself`,
    async (shim) => {
      await withService(shim, async (site) => {
        await until("the bus is subscribed", () => site.publisher.topics.has(service));
        shim.fail({ errno, kinds });
        for (let value = 0; value < 3; value += 1) {
          const reply = await site.ask("set", { service, key: "during", value });
          assert.equal(reply.code, code, JSON.stringify(reply));
        }
        assert.ok(shim.failed > 0);
        assert.equal((await site.ask("get", { service, key: "before" })).value, 1);
        assert.equal((await site.ask("get", { service, key: "during" })).code, "key_not_found");
        assert.equal((await site.health())?.status, "fail");
        await site.publisher.publish(`${service}{"key":"bus","value":1}`);
        await until("the update is counted", async () => {
          const { bus } = (await site.ask("health")).data as {
            bus: { rejected: Record<string, number> };
          };
          return bus.rejected[code] === 1;
        });
        const { revision } = (await site.ask("health")).data!;
        shim.heal();
        await until(
          "health is well, though nobody writes",
          async () => (await site.health())?.status === "pass",
        );
        assert.equal((await site.ask("health")).data!.revision, revision);
        const reply = await site.ask("set", { service, key: "after", value: 2 });
        assert.equal(reply.value, 2, JSON.stringify(reply));
        assert.equal((await site.health())?.status, "pass");
      });
    },
  );
}

shimTest(
  "faults - any single write or sync that fails: what was acknowledged is there, and it goes on",
  async (shim) => {
    await withService(shim, async (site) => {
      const acknowledged = new Map<string, number>();
      for (let value = 0; value < 150; value += 1) {
        const errno = value % 2 === 0 ? ERRNO.EIO : ERRNO.ENOSPC;
        shim.fail({ errno, kinds: KIND.write | KIND.sync, skip: value % 13, count: 1 });
        const [key, fill] = [`k${value % 10}`, "x".repeat(value % 3 === 0 ? 100_000 : 10)];
        const reply = await site.ask("set", { service, key, value: { value, fill } });
        if (reply.success !== false) acknowledged.set(key, value);
        else assert.match(reply.code as string, /^storage_/);
      }
      shim.heal();
      await site.ask("set", { service, key: "after", value: 2 });
      for (const [key, value] of acknowledged) {
        const found = (await site.ask("get", { service, key })).value as { value: number };
        assert.equal(found.value, value, key);
      }
    });
  },
);

shimTest(
  "faults - a disk that does not return: health says so, reads go on, then the watchdog is not fed",
  async (shim) => {
    await using dir = await tempDir();
    const NOTIFY_SOCKET = `${dir.path}/notify`;
    await using manager = await NotifyReceiver.listen(NOTIFY_SOCKET);
    await withService(shim, async (site) => {
      const fed = () => manager.with("WATCHDOG").length;
      await until("the watchdog is fed", () => fed() > 0);
      shim.hang(KIND.sync);
      // Nobody waits for an answer: the broker is silent for as long as the test lets time pass.
      const asking = new AbortController();
      const { signal } = asking;
      const write = site.ask("set", { service, key: "after", value: 2 }, { signal })
        .catch(() => {});
      await until(
        "it is at it",
        async () => ((await site.askUntilAnswered("health", {})).data!.commit_ms as number) > 0,
      );
      shim.passTime(6);
      await until(
        "health says so",
        async () => /not finished/.test((await site.health())?.output ?? ""),
      );
      assert.equal((await site.readyz()).status, 503);
      assert.equal((await site.livez()).status, 200);
      const get = await site.askUntilAnswered("get", { service, key: "before" });
      assert.equal(get.value, 1);
      const soFar = fed();
      await until("the watchdog is still fed", () => fed() > soFar);
      shim.passTime(36);
      await until("only a restart helps", async () => (await site.livez()).status === 503);
      const said = (after: RegExp) =>
        manager.all.findIndex(({ fields }) => after.test(fields.STATUS ?? ""));
      await until("the status says so", () => said(/not finished .* for 3\d{4} ms/) > 0);
      // It changes each second; the watchdog would be fed twice as often.
      const first = said(/not finished .* for 3\d{4} ms/);
      const later = () => manager.all.slice(first + 1);
      await until(
        "it says so again and again",
        () => later().filter(({ fields }) => "STATUS" in fields).length >= 3,
      );
      assert.deepEqual(later().filter(({ fields }) => "WATCHDOG" in fields), []);
      shim.heal();
      await until("health is well", async () => (await site.health())?.status === "pass");
      await until(
        "the watchdog is fed again",
        () => later().some(({ fields }) => "WATCHDOG" in fields),
      );
      asking.abort();
      await write;
    }, { NOTIFY_SOCKET, WATCHDOG_USEC: "1000000" });
  },
);

shimTest(
  "faults - the clock steps a year back and forth: everything goes on, revisions rise",
  async (shim) => {
    await withService(shim, async (site) => {
      const year = 365 * 24 * 3600;
      let last = 0;
      for (const seconds of [year, -year, 0, year, 0]) {
        shim.setClock(seconds);
        const reply = await site.ask("set", { service, key: "after", value: 2 });
        assert.ok((reply.revision as number) > last);
        last = reply.revision as number;
        const skewMs = Date.parse(reply.time as string) - Date.now() - seconds * 1000;
        assert.ok(Math.abs(skewMs) < 60_000, `the clock is ${skewMs} ms off`);
        assert.equal((await site.health())?.status, "pass");
        await site.ask("delete", { service, key: "after" });
        await site.ask("set", { service, key: "after", value: 2, request_id: `at ${last}` });
        shim.setClock(0);
        // The request is known though the clock has stepped.
        const again = await site.ask("set", {
          service,
          key: "after",
          value: 2,
          request_id: `at ${last}`,
        });
        assert.equal(again.revision, last + 2);
        last += 2;
      }
    });
  },
);

shimTest(
  "faults - the database is deleted underneath: writes fail, then it is there anew, and a notice says so",
  async (shim) => {
    await withService(shim, async (site) => {
      for (const end of ["", "-wal", "-shm"]) await Deno.remove(`${site.database}${end}`);
      const reply = await site.ask("set", { service, key: "during", value: 1 });
      assert.equal(reply.code, "storage_unavailable", JSON.stringify(reply));
      assert.equal((await site.ask("get", { service, key: "before" })).value, 1);
      await until("it is there anew", async () => (await site.health())?.status === "warn");
      assert.match(
        (await site.health())!.output!,
        /deleted while it was open; it was written anew/,
      );
      assert.equal((await site.ask("set", { service, key: "after", value: 2 })).value, 2);
      await site.ask("acknowledge");
      assert.equal((await site.health())?.status, "pass");
    });
  },
);
