import assert from "node:assert/strict";
import fc from "fast-check";
import { compareNames, inOrder } from "../../src/backup/order.ts";
import {
  type BackupRecord,
  decodeHeader,
  decodeRecordLine,
  encodeHeader,
  encodeRecordLine,
} from "../../src/backup/format.ts";
import { bytes } from "../helpers/async.ts";
import { arbitraryRecords, entry, HEADER, scope } from "./helpers.ts";

Deno.test("backup format - lines are what the README shows", () => {
  assert.equal(
    encodeHeader(HEADER),
    '{"format":"plantd-state-backup","version":1,"epoch":"5f0c6a1e-0000-4000-8000-000000000000",' +
      '"revision":42,"time":"2026-11-24T09:00:00.000Z","program":"0.1.0"}',
  );
  assert.equal(
    encodeRecordLine(scope("org.plantd.Test")),
    '{"scope":"org.plantd.Test","revision":7}',
  );
  assert.equal(
    encodeRecordLine(entry("org.plantd.Test", "foo", 1.5)),
    '{"scope":"org.plantd.Test","key":"foo","value":1.5,"revision":7,' +
      '"time":"2026-11-24T09:00:00.000Z","source":"bus"}',
  );
});

Deno.test("backup format - what is written is read again, values to the letter", () => {
  fc.assert(fc.property(arbitraryRecords, (records) => {
    for (const record of records) {
      const line = encodeRecordLine(record);
      assert.ok(!line.includes("\n"));
      assert.deepEqual(decodeRecordLine(line), record);
    }
  }));
  const precise = entry("a", "k", 0);
  for (const value of ["1.0", "12345678901234567890", '"\\u00e9"', '{"a":1,"a":2}', "-0", "1e5"]) {
    const record = { ...precise, entry: { ...(precise as { entry: object }).entry, value } };
    assert.deepEqual(decodeRecordLine(encodeRecordLine(record as BackupRecord)), record);
  }
});

Deno.test("backup format - a record can be written in one way only", () => {
  const good = encodeRecordLine(entry("a", "k", { t: 1 }));
  const bad = [
    good.replace('"revision":7', '"revision": 7'),
    good.replace('"key":"k"', '"key":"\\u006b"'),
    good.replace('{"t":1}', '1,"value":2'),
    good.replace('{"t":1}', " 1"),
    good.replace('{"t":1}', ""),
    good.replace('"revision":7', '"revision":7,"created":7'),
    good.replace('"revision":7', '"revision":-7'),
    good.replace('"revision":7', '"revision":7,"more":true'),
    good.replace("T09:00:00.000Z", "T09:00:00Z"),
    good.replace('"source":"bus"', '"source":1'),
    good.replace('"scope":"a"', '"scope":"a b"'),
    good.replace('"key":"k"', '"key":""'),
    `${good} `,
    "[]",
    "",
  ];
  for (const line of bad) {
    assert.throws(() => decodeRecordLine(line), { code: "backup_invalid" }, line);
  }
  assert.equal(encodeRecordLine(decodeRecordLine(good)), good);
});

Deno.test("backup format - a later version is refused in words", () => {
  const later = encodeHeader(HEADER).replace('"version":1', '"version":9');
  assert.throws(() => decodeHeader(later), /version 9, this program knows up to 1/);
});

Deno.test("backup format - the order is that of UTF-8 bytes", () => {
  const order = (a: string, b: string) => Math.sign(compareNames(a, b));
  fc.assert(fc.property(
    fc.string({ unit: "binary", maxLength: 4 }),
    fc.string({ unit: "binary", maxLength: 4 }),
    (a, b) => {
      const [left, right] = [bytes(a), bytes(b)];
      let i = 0;
      while (i < left.length && left[i] === right[i]) i += 1;
      assert.equal(order(a, b), Math.sign((left[i] ?? -1) - (right[i] ?? -1)));
    },
  ));
  assert.deepEqual(inOrder(["a", "\u{1f525}", "\uff01"]), ["a", "\uff01", "\u{1f525}"]);
});
