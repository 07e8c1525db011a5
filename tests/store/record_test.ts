import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import {
  crc32 as checksumOf,
  DamagedRecord,
  decodeRecord,
  decodeTexts,
  encodeRecord,
} from "../../src/store/record.ts";
import { bytes, text } from "../helpers/async.ts";
import { anyText } from "../state/arbitraries.ts";

const header = fc.jsonValue();
const body = fc.oneof(anyText(), fc.uint8Array({ maxLength: 300 }));

Deno.test("record - what was encoded is decoded again", () => {
  fc.assert(
    fc.property(header, body, (header, body) => {
      const decoded = decodeRecord<unknown>(encodeRecord(header, body));
      assert.equal(JSON.stringify(decoded.header), JSON.stringify(header));
      assert.deepEqual(
        Uint8Array.from(decoded.body),
        typeof body === "string" ? bytes(body) : body,
      );
    }),
    { numRuns: 1000 },
  );
});

/** A record as two texts, as SQLite gives them: whatever is no UTF-8 is replaced. */
function textsOf(record: Uint8Array): [head: string, body: string] {
  const end = record.indexOf(0x0a) + 1;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return [decoder.decode(record.subarray(0, end)), decoder.decode(record.subarray(end))];
}

Deno.test("record - read as two texts it says the same, and a change is noticed as well", () => {
  fc.assert(
    fc.property(header, anyText(), fc.nat(), fc.nat(255), (header, body, at, by) => {
      const record = encodeRecord(header, body);
      const decoded = decodeTexts<unknown>(...textsOf(record));
      assert.equal(JSON.stringify(decoded.header), JSON.stringify(header));
      assert.equal(decoded.bodyBytes, bytes(body).length);
      if (by === 0) return;
      record[at % record.length]! ^= by;
      assert.throws(() => decodeTexts(...textsOf(record)), DamagedRecord);
    }),
    { numRuns: 1000 },
  );
  assert.throws(() => decodeTexts(...textsOf(bytes("00000000 no\n"))), DamagedRecord);
  assert.throws(() => decodeTexts("", ""), DamagedRecord);
});

Deno.test("record - it is text: checksum, header, new line, body", () => {
  assert.match(text(encodeRecord({ r: 12 }, '"oof"')), /^[0-9a-f]{8} \{"r":12\}\n"oof"$/);
  assert.match(text(encodeRecord(null)), /^[0-9a-f]{8} null\n$/);
  // The format on people's disks: crc32 of what follows the blank.
  assert.equal(text(encodeRecord({ id: 1 }, "x")), 'e0031e03 {"id":1}\nx');
});

Deno.test("record - a body may hold new lines, and be a part of a longer buffer", () => {
  const some = bytes("__a\nb\n__").subarray(2, 6);
  assert.equal(text(decodeRecord(encodeRecord({ a: "\n" }, some)).body), "a\nb\n");
  const inside = new Uint8Array(100);
  const record = encodeRecord([1], "body");
  inside.set(record, 7);
  const { header, body } = decodeRecord(inside.subarray(7, 7 + record.length));
  assert.deepEqual(header, [1]);
  assert.equal(text(body), "body");
});

Deno.test("record - any one byte changed is noticed, wherever it stands", () => {
  fc.assert(
    fc.property(
      header,
      body,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (header, body, at, by) => {
        const record = encodeRecord(header, body);
        record[at % record.length]! ^= by;
        assert.throws(() => decodeRecord(record), DamagedRecord);
      },
    ),
    { numRuns: 2000 },
  );
  const record = encodeRecord({ r: 1 }, "v");
  for (let at = 0; at < record.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const flipped = Uint8Array.from(record);
      flipped[at]! ^= 1 << bit;
      assert.throws(() => decodeRecord(flipped), DamagedRecord, `bit ${bit} of byte ${at}`);
    }
  }
});

Deno.test("record - one cut short or grown is noticed", () => {
  const record = encodeRecord({ r: 1 }, "some value");
  for (let length = 0; length < record.length; length += 1) {
    assert.throws(() => decodeRecord(record.subarray(0, length)), DamagedRecord);
  }
  for (const byte of [0, 0x0a, 0x20]) {
    assert.throws(() => decodeRecord(new Uint8Array([...record, byte])), DamagedRecord);
  }
});

Deno.test("record - what is none is damaged, never anything else", () => {
  for (const value of [null, undefined, "00000000 {}\n", 1, {}, [1, 2], new ArrayBuffer(20)]) {
    assert.throws(() => decodeRecord(value), DamagedRecord);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (record) => {
    assert.throws(() => decodeRecord(record), DamagedRecord);
  }));
});

Deno.test("record - with a good checksum over a bad header it is damaged", () => {
  for (const content of ["no new line", "{broken\nbody", "\nbody", "\xff"]) {
    const sum = crc32(bytes(content)).toString(16).padStart(8, "0");
    assert.throws(() => decodeRecord(bytes(`${sum} ${content}`)), DamagedRecord);
  }
  const content = new Uint8Array([0xff, 0x0a]);
  const sum = bytes(`${crc32(content).toString(16).padStart(8, "0")} `);
  assert.throws(() => decodeRecord(new Uint8Array([...sum, ...content])), DamagedRecord);
});

Deno.test("record - the checksum is that of zlib, for bytes of any number", () => {
  const someBytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ minLength: 1000, maxLength: 1050 }),
  );
  fc.assert(fc.property(someBytes, (bytes) => assert.equal(checksumOf(bytes), crc32(bytes))));
});
