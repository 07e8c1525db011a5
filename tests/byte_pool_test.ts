import assert from "node:assert/strict";
import fc from "fast-check";
import { pooledUtf8 } from "../src/byte_pool.ts";

Deno.test("byte pool - texts of every kind and length are their UTF-8, and stay so while others come", () => {
  const encoder = new TextEncoder();
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    // Halves of surrogate pairs, too.
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 })
      .map((units) => String.fromCharCode(...units)),
    fc.nat(5000).map((length) => "€".repeat(length)),
  );
  fc.assert(fc.property(fc.array(text, { minLength: 1, maxLength: 50 }), (texts) => {
    const pooled = texts.map(pooledUtf8);
    assert.deepEqual(pooled, texts.map((text) => encoder.encode(text)));
  }));
});
