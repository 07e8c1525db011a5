import assert from "node:assert/strict";
import { AuditLog, type AuditSettings } from "../../src/audit/audit_log.ts";
import type { Change } from "../../src/state/store.ts";
import { silentLog } from "../../src/log.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

const TIME_MS = Date.UTC(2026, 10, 24, 9);

const CHANGES: readonly Change[] = [
  {
    revision: 7,
    previous: 0,
    timeMs: TIME_MS,
    source: "http:127.0.0.1",
    scope: "a",
    operation: "set",
    key: "k",
    value: "1.0",
    note: "why",
  },
  {
    revision: 8,
    previous: 7,
    timeMs: TIME_MS,
    source: "bus",
    scope: "a",
    operation: "delete",
    key: "k",
  },
];

/** What the log has of {@link CHANGES}. */
async function logged(settings: Partial<AuditSettings>): Promise<string[]> {
  await using dir = await tempDir();
  const file = `${dir.path}/audit.jsonl`;
  let tell: (changes: readonly Change[]) => void = () => {};
  const audit = AuditLog.start({
    settings: { file, fileBytes: 1 << 20, keep: 1, bus: false, values: false, ...settings },
    store: {
      status: () => ({ epoch: "e", revision: 6 }) as never,
      watch: (listener) => {
        tell = listener;
        return () => tell = () => {};
      },
    },
    log: silentLog,
    clock: new FakeClock(TIME_MS),
  });
  tell(CHANGES);
  await audit[Symbol.asyncDispose]();
  tell(CHANGES);
  return (await Deno.readTextFile(file)).trimEnd().split("\n");
}

Deno.test("audit - who changed what, when and from where, as the README has it; no values, nothing of the bus", async () => {
  const [opened, ...lines] = await logged({});
  assert.match(
    opened!,
    /^{"time":"2026-11-24T09:00:00.000Z","event":"opened","program":"plantd-state [^"]+","epoch":"e","revision":6}$/,
  );
  assert.deepEqual(lines, [
    '{"time":"2026-11-24T09:00:00.000Z","revision":7,"operation":"set","scope":"a","key":"k","source":"http:127.0.0.1","note":"why"}',
  ]);
});

Deno.test("audit - values and the bus are told where that is set, values to the letter", async () => {
  const [, set, deleted] = await logged({ bus: true, values: true });
  assert.match(set!, /"value":1\.0}$/);
  assert.match(deleted!, /"operation":"delete".*"source":"bus"}$/);
});
