import assert from "node:assert/strict";
import { backupsIn, latestGood } from "../../src/backup/directory.ts";
import { BackupPages } from "../../src/backup/pages.ts";
import { BackupSource } from "../../src/backup/source.ts";
import { fetchBackup } from "../../src/backup/fetch.ts";
import { openBackup } from "../../src/backup/reader.ts";
import { BackupWriter } from "../../src/backup/writer.ts";
import { PlantdError } from "../../src/errors.ts";
import { within } from "../../src/paths.ts";
import { parseObject, stringify } from "../../src/state/json.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { AutomaticBackups } from "../../src/backup/automatic.ts";
import { silentLog } from "../../src/log.ts";
import { bytes, until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "../store/contract.ts";

const source = "test";

async function withStore(body: (store: DurableStore, dir: string) => Promise<void>): Promise<void> {
  await using dir = await tempDir();
  await using store = new DurableStore(await openDenoKv({ path: `${dir.path}/state.db` }));
  await body(store, dir.path);
}

/** Asks `pages` as the operation does, each page `times` times. */
function asker(pages: BackupPages, onPage: () => Promise<void>, times = 1) {
  return async (_: string, body: Readonly<Record<string, unknown>>) => {
    const { snapshot, record, offset } = body as {
      snapshot?: string;
      record: number;
      offset: number;
    };
    let page =
      await (snapshot === undefined ? pages.first() : pages.page(snapshot, { record, offset }));
    for (let i = 1; i < times; i += 1) {
      page = snapshot === undefined ? page : await pages.page(snapshot, { record, offset });
    }
    await onPage();
    const { header: { timeMs, program, ...header }, ...rest } = page;
    const time = new Date(timeMs).toISOString();
    const data = { ...header, ...rest, time, version: program };
    return parseObject(bytes(stringify({ data })));
  };
}

Deno.test("backup pages - one moment, whatever is written between the pages, values of any size", () =>
  withStore(async (store, dir) => {
    const values: Record<string, string> = {
      "small": "x",
      "huge": 'é\u{1f525}"'.repeat(500_000),
      "other": "y".repeat(1_500_000),
      "\u{1f525}": "behind",
      "\uff01": "before",
    };
    for (const [key, value] of Object.entries(values)) {
      await store.commit({ mutations: [set("a", key, value)], source });
    }
    await store.commit({ mutations: [set("b", "k", 1)], source });
    const { revision } = store.status();
    const pages = new BackupPages(new BackupSource(store, new FakeClock(), "0"), new FakeClock());
    let count = 0;
    const ask = asker(pages, async () => {
      count += 1;
      await store.commit({ mutations: [set("a", "small", count)], source });
      await store.commit({ mutations: [set("a", `new${count}`, count)], source });
      if (count === 2) {
        await store.commit({ mutations: [{ kind: "delete-scope", scope: "b" }], source });
      }
    }, 2);
    const summary = await fetchBackup(`${dir}/x`, ask, () => {});
    assert.ok(count > 2, `${count} pages`);
    assert.deepEqual([summary.entries, summary.scopes, summary.revision], [6, 2, revision]);
    using backup = await openBackup(`${dir}/x`);
    const found: Record<string, string> = {};
    for await (const record of backup.records) {
      if (record.kind === "entry") found[record.key] = JSON.parse(record.entry.value);
    }
    assert.deepEqual(found, { ...values, k: 1 });
  }));

Deno.test("backup pages - a snapshot that nobody asks for is forgotten", () =>
  withStore(async (store) => {
    await store.commit({ mutations: [set("a", "k", 1)], source });
    const clock = new FakeClock();
    const pages = new BackupPages(new BackupSource(store, clock, "0"), clock);
    const { snapshot } = await pages.first();
    clock.advance(59_000);
    await pages.page(snapshot, { record: 0, offset: 0 });
    clock.advance(59_000);
    await pages.page(snapshot, { record: 1, offset: 0 });
    clock.advance(61_000);
    await assert.rejects(pages.page(snapshot, { record: 0, offset: 0 }), (thrown: PlantdError) => {
      assert.equal(thrown.code, "revision_conflict");
      return true;
    });
  }));

Deno.test("automatic backups - one each interval, the last few are kept, others are left alone", () =>
  withStore(async (store, dir) => {
    const directory = `${dir}/backups`;
    await Deno.mkdir(directory);
    await Deno.writeTextFile(`${directory}/auto-notes.txt`, "mine");
    const clock = new FakeClock();
    const options = { directory, everyMs: 3_600_000, keep: 2, log: silentLog, clock };
    const names = async () =>
      (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
    await using backups = AutomaticBackups.start({
      ...options,
      source: new BackupSource(store, clock, "0"),
    });
    let lastMs: number | undefined;
    for (let round = 0; round < 4; round += 1) {
      await until("a backup is made", async () => {
        clock.advance(600_000);
        await Promise.resolve();
        return backups.status().lastMs !== lastMs;
      });
      lastMs = backups.status().lastMs;
    }
    await until("the old ones are gone", async () => (await names()).length === 3);
    assert.equal(backups.status().failure, undefined);
    assert.ok((await names()).includes("auto-notes.txt"));
  }));

Deno.test("automatic backups - made with a clock that was ahead, they are no reason to remove later ones", () =>
  withStore(async (store, dir) => {
    const directory = `${dir}/backups`;
    const year = 365 * 24 * 3_600_000;
    /** The revisions that are kept after `count` more backups, each of a change. */
    const backUp = async (count: number, clock: FakeClock) => {
      const options = { directory, everyMs: 3_600_000, keep: 3, log: silentLog, clock };
      const revisions = async () =>
        (await backupsIn(directory)).map(({ header }) => header.revision);
      await using backups = AutomaticBackups.start({
        ...options,
        source: new BackupSource(store, clock, "0"),
      });
      for (let n = 0; n < count; n += 1) {
        const mutations = [set("a", "k", { at: clock.now(), n })];
        const { revision } = await store.commit({ mutations, source });
        await until("a backup is made", async () => {
          clock.advance(600_000);
          return (await revisions()).includes(revision);
        });
      }
      await backups[Symbol.asyncDispose]();
      return await revisions();
    };
    assert.deepEqual(await backUp(3, new FakeClock(Date.UTC(2026, 0) + year)), [3, 2, 1]);
    assert.deepEqual(await backUp(2, new FakeClock(Date.UTC(2026, 0))), [5, 4, 3]);
    const latest = await latestGood(directory);
    assert.equal(latest!.summary.revision, 5);
  }));

Deno.test("automatic backups - what one left that was killed while it was made is removed at the next start", () =>
  withStore(async (store, dir) => {
    const directory = `${dir}/backups`;
    await Deno.mkdir(directory);
    const clock = new FakeClock();
    const backupSource = new BackupSource(store, clock, "0");
    // Never finished, and not disposed of either.
    const made = within(directory, "auto-2026-11-23T090000.000Z.backup");
    const { header } = backupSource.take();
    const [killed, other] = [
      await BackupWriter.create(made, header),
      await BackupWriter.create(within(directory, "mine.backup"), header),
    ];
    const names = async () =>
      (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
    assert.equal((await names()).length, 2);
    const options = { directory, everyMs: 3_600_000, keep: 2, log: silentLog, clock };
    {
      await using _backups = AutomaticBackups.start({ ...options, source: backupSource });
      await until("it is gone", async () => (await names()).length === 1);
      assert.match((await names())[0]!, /^\.mine\.backup\./);
    }
    for (const writer of [killed, other]) await writer[Symbol.asyncDispose]();
  }));
