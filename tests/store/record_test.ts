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
  const place = fc.option(fc.tuple(fc.constant("e"), fc.nat(), anyText()), { nil: undefined });
  fc.assert(
    fc.property(header, anyText(), place, fc.nat(), fc.nat(255), (header, body, key, at, by) => {
      const record = encodeRecord(header, body, key);
      const decoded = decodeTexts<unknown>(key ?? ["e"], ...textsOf(record));
      assert.equal(JSON.stringify(decoded.header), JSON.stringify(header));
      assert.equal(decoded.bodyBytes, bytes(body).length);
      if (key) assert.throws(() => decodeTexts(["e"], ...textsOf(record)), DamagedRecord);
      if (by === 0) return;
      record[at % record.length]! ^= by;
      assert.throws(() => decodeTexts(key ?? ["e"], ...textsOf(record)), DamagedRecord);
    }),
    { numRuns: 1000 },
  );
  assert.throws(() => decodeTexts(["e"], ...textsOf(bytes("00000000 no\n"))), DamagedRecord);
  assert.throws(() => decodeTexts(["e"], "", ""), DamagedRecord);
});

Deno.test("record - it is text: checksum, header, new line, body", () => {
  assert.match(text(encodeRecord({ r: 12 }, '"oof"')), /^[0-9a-f]{8} \{"r":12\}\n"oof"$/);
  assert.match(text(encodeRecord(null)), /^[0-9a-f]{8} null\n$/);
  // The format on people's disks: crc32 of what follows the blank.
  assert.equal(text(encodeRecord({ id: 1 }, "x")), 'e0031e03 {"id":1}\nx');
});

Deno.test("record - one that was made for a key is read under that key alone", () => {
  const key = fc.tuple(fc.constantFrom("e", "s"), fc.nat(), anyText());
  fc.assert(
    fc.property(header, body, key, key, (header, body, key, other) => {
      const record = encodeRecord(header, body, key);
      assert.equal(record[8], ":".charCodeAt(0));
      assert.equal(JSON.stringify(decodeRecord(record, key).header), JSON.stringify(header));
      assert.throws(() => decodeRecord(record), DamagedRecord);
      if (JSON.stringify(key) === JSON.stringify(other)) return;
      assert.throws(() => decodeRecord(record, other), DamagedRecord);
      // What was made for none says nothing of where it lies.
      decodeRecord(encodeRecord(header, body), key);
    }),
    { numRuns: 1000 },
  );
  // The format on people's disks: crc32 of "e", "1", "foo", a NUL behind each, and what follows the colon.
  const sum = crc32(bytes('e\x001\x00foo\x00{"r":12}\n"oof"')).toString(16).padStart(8, "0");
  assert.equal(text(encodeRecord({ r: 12 }, '"oof"', ["e", 1, "foo"])), `${sum}:{"r":12}\n"oof"`);
  const long = "x".repeat(2000);
  const longSum = crc32(bytes(`v\x00id\x000\x00null\n${long}`)).toString(16).padStart(8, "0");
  assert.equal(text(encodeRecord(null, long, ["v", "id", 0])), `${longSum}:null\n${long}`);
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
