import assert from "node:assert/strict";
import {
  age,
  ago,
  checkWords,
  clock,
  counted,
  moment,
  reason,
  size,
  verdict,
  writer,
} from "../../../src/http/page/words.js";

Deno.test("words - an age has one unit, the one that people would say", () => {
  const minute = 60_000;
  const cases: [number, string][] = [
    [-5, "now"],
    [499, "now"],
    [1_000, "1 s"],
    [59_499, "59 s"],
    [59_500, "1 min"],
    [59 * minute, "59 min"],
    [60 * minute, "1 h"],
    [47 * 60 * minute, "47 h"],
    [48 * 60 * minute, "2 d"],
  ];
  for (const [ms, text] of cases) assert.equal(age(ms), text, String(ms));
  assert.deepEqual([ago(0), ago(3_000)], ["just now", "3 s ago"]);
});

Deno.test("words - a moment is in full and in the reader's time, a clock is the time of day", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5, 6);
  assert.equal(moment(time.getTime()), "2026-01-02 03:04:05.006");
  assert.equal(moment(time.toISOString()), "2026-01-02 03:04:05.006");
  assert.equal(clock(time.getTime()), "03:04:05");
});

Deno.test("words - bytes have three digits and a unit, and may be unknown", () => {
  const cases = [[0, "0 B"], [999, "999 B"], [1000, "1.00 kB"], [40_960, "41.0 kB"]] as const;
  for (const [bytes, text] of cases) assert.equal(size(bytes), text);
  assert.deepEqual([size(5e15), size(undefined)], ["5.00e+3 TB", "unknown"]);
});

Deno.test("words - things are counted in the singular and the plural", () => {
  assert.deepEqual([counted(0, "key"), counted(1, "key"), counted(2, "entry", "entries")], [
    "0 keys",
    "1 key",
    "2 entries",
  ]);
});

Deno.test("words - who wrote something is told, also by a source of a later version", () => {
  assert.deepEqual(["bus", "ttl", "mdp:00ab", "http:::1", "moon", undefined].map(writer), [
    "an update on the bus",
    "its time to live",
    "Majordomo client 00ab",
    "HTTP from ::1",
    "moon",
    "",
  ]);
});

Deno.test("words - a reason of a later version is told as it is", () => {
  assert.match(reason("overflow"), /waited for the disk/);
  assert.equal(reason("solar_flare"), "solar_flare");
});

Deno.test("words - checks are sentences, and the worst of them is the verdict", () => {
  const well = { name: "store:revision", status: "pass" } as const;
  const warns = { name: "audit:file", status: "warn", output: "it is full" } as const;
  const fails = { name: "bus:subscriptions", status: "fail", output: "no bus" } as const;
  assert.deepEqual(checkWords(well), { title: "Store", sentence: "Writes reach the disk." });
  assert.deepEqual(checkWords(warns), { title: "Audit log", sentence: "It is full." });
  const { sentence } = checkWords({
    name: "store:damage",
    status: "warn",
    output: "1 key is lost.",
  });
  assert.equal(sentence, "1 key is lost.");
  assert.deepEqual(checkWords({ name: "moon", status: "fail" }), {
    title: "moon",
    sentence: "It is not well.",
  });
  assert.deepEqual([[well], [well, warns], [warns, fails]].map((checks) => verdict(checks)), [
    { level: "good", text: "All well" },
    { level: "warn", text: "Well, with a warning" },
    { level: "bad", text: "Trouble: bus" },
  ]);
});
