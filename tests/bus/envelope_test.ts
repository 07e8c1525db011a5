import assert from "node:assert/strict";
import fc from "fast-check";
import { type Envelope, openEnvelope } from "../../src/bus/envelope.ts";
import { scopeName } from "../../src/state/names.ts";
import { bytes, text } from "../helpers/async.ts";
import { anyText } from "../state/arbitraries.ts";

/** An envelope with its bytes as text, or the reason why it is none. */
function open(...frames: (string | Uint8Array)[]): unknown {
  const envelope = openEnvelope(
    frames.map((frame) => typeof frame === "string" ? bytes(frame) : frame),
  );
  if (typeof envelope === "string") return envelope;
  return { scope: envelope.scope, bodies: envelope.bodies.map(text) };
}

const BODY = '{"key":"foo","value":"1"}';

Deno.test("envelope - two or more frames are a scope and bodies", () => {
  assert.deepEqual(open("org.plantd.Test", BODY), { scope: "org.plantd.Test", bodies: [BODY] });
  assert.deepEqual(open("a", BODY, "{}", BODY), { scope: "a", bodies: [BODY, "{}", BODY] });
});

Deno.test("envelope - one frame is a scope immediately followed by a JSON object", () => {
  assert.deepEqual(open(`org.plantd.Test${BODY}`), { scope: "org.plantd.Test", bodies: [BODY] });
});

Deno.test("envelope - the scope is compared whole: Test2 is not Test", () => {
  assert.deepEqual(open(`org.plantd.Test2${BODY}`), { scope: "org.plantd.Test2", bodies: [BODY] });
  assert.deepEqual(open("org.plantd.Test2", BODY), { scope: "org.plantd.Test2", bodies: [BODY] });
});

Deno.test("envelope - scopes that look alike at a glance are told apart", () => {
  for (const scope of ["org.plantd.Test", "org.plantd.Rest", "örg.plantd.Tes", "org.plantd.Test"]) {
    assert.deepEqual(open(scope, BODY), { scope, bodies: [BODY] });
  }
});

Deno.test("envelope - one frame of bare JSON has no scope yet", () => {
  assert.deepEqual(open(BODY), { scope: undefined, bodies: [BODY] });
  assert.deepEqual(open("{"), { scope: undefined, bodies: ["{"] });
});

Deno.test("envelope - the form is recognized in order: by frames, then by the first brace", () => {
  // Two frames: the first is the scope as it stands, even if it looks like another form.
  assert.deepEqual(open(`a${BODY}`, BODY), { scope: `a${BODY}`, bodies: [BODY] });
  assert.deepEqual(open(BODY, BODY), { scope: BODY, bodies: [BODY] });
  assert.deepEqual(open("", BODY), { scope: "", bodies: [BODY] });
  // One frame: everything before the first brace, white space included, is the scope.
  assert.deepEqual(open(`a {"b":{}}`), { scope: "a ", bodies: ['{"b":{}}'] });
  assert.deepEqual(open(` ${BODY}`), { scope: " ", bodies: [BODY] });
  assert.deepEqual(open('["a",{}]'), { scope: '["a",', bodies: ["{}]"] });
  // What the body says is not the envelope's business.
  assert.deepEqual(open("a", "derp", ""), { scope: "a", bodies: ["derp", ""] });
  assert.deepEqual(open("a{derp"), { scope: "a", bodies: ["{derp"] });
});

Deno.test("envelope - a message without a brace or without frames is no update", () => {
  for (const message of [[], ["derp"], [""], ["org.plantd.Test"], ["[1]"], ["1"], ["}"]]) {
    assert.equal(open(...message), "not_an_update");
  }
  assert.equal(open(new Uint8Array([0xff, 0x00])), "not_an_update");
});

Deno.test("envelope - a scope that is no UTF-8 is invalid, and the next good one is recognized", () => {
  for (const scope of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0x61, 0x80]]) {
    assert.equal(open(new Uint8Array(scope), BODY), "invalid_scope");
    assert.equal(open(new Uint8Array([...scope, ...bytes(BODY)])), "invalid_scope");
    assert.deepEqual(open(`ü${BODY}`), { scope: "ü", bodies: [BODY] });
  }
});

Deno.test("envelope - a byte order mark stays a part of the scope: it is another one", () => {
  assert.deepEqual(open(`\ufeffa${BODY}`), { scope: "\ufeffa", bodies: [BODY] });
  assert.deepEqual(open("\ufeffa", BODY), { scope: "\ufeffa", bodies: [BODY] });
});

Deno.test("envelope - whatever arrives is recognized or refused with a reason, never thrown over", () => {
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    anyText({ maxLength: 20 }).map(bytes),
    fc.constantFrom("{", "a{", "{}", "", "\ufeff{").map(bytes),
  );
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
      const envelope = openEnvelope(frames);
      if (typeof envelope === "string") {
        assert.ok(["not_an_update", "invalid_scope"].includes(envelope));
        return;
      }
      assert.equal(envelope.bodies.length, Math.max(1, frames.length - 1));
      // Nothing is lost and nothing is made up.
      const parts = [bytes(envelope.scope ?? ""), ...envelope.bodies];
      const together = (some: readonly Uint8Array[]) => some.flatMap((part) => [...part]);
      assert.deepEqual(together(parts), together(frames));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("envelope - any scope name and any JSON objects are recognized exactly, in both framings", () => {
  const isName = (name: string) => {
    try {
      return scopeName(name) === name;
    } catch {
      return false;
    }
  };
  const scope = fc.oneof(
    anyText({ minLength: 1, maxLength: 60 }).filter(isName),
    fc.constantFrom("org.plantd.Test", "__proto__", "}", "[", "ü".repeat(127), "x".repeat(255)),
  );
  const object = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value));
  fc.assert(
    fc.property(
      scope,
      fc.array(object, { minLength: 1, maxLength: 4 }),
      (scope, objects) => {
        const bodies = objects.map(bytes);
        assert.deepEqual(openEnvelope([bytes(scope), ...bodies]), { scope, bodies });
        const { scope: found, bodies: [body, ...more] } = openEnvelope([
          bytes(scope + objects[0]),
        ]) as Envelope;
        assert.equal(found, scope);
        assert.equal(text(body!), objects[0]);
        assert.deepEqual(more, []);
        assert.deepEqual(openEnvelope([bodies[0]!]), { scope: undefined, bodies: [bodies[0]] });
      },
    ),
    { numRuns: 1000 },
  );
});
