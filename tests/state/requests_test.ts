import assert from "node:assert/strict";
import { PlantdError } from "../../src/errors.ts";
import { LIST_KEYS_MAX, REQUEST_FRAMES_MAX } from "../../src/limits.ts";
import { JsonText } from "../../src/state/json.ts";
import {
  checkValue,
  readBody,
  readKey,
  readListQuery,
  readRequest,
  readScope,
  readValue,
  unknownOperation,
} from "../../src/state/requests.ts";
import { bytes, text } from "../helpers/async.ts";

function body(json: string) {
  return readBody(bytes(json));
}

/** A check for assert.throws: an invalid_request that names `field`. */
function names(field: string, sentence = /./): (error: PlantdError) => boolean {
  return (error) => {
    assert.equal(error.code, "invalid_request", error.message);
    assert.deepEqual(error.data, { field });
    assert.match(error.message, new RegExp(`^field "${field}": `));
    assert.match(error.message, sentence);
    return true;
  };
}

Deno.test("request - the first frame is the operation, the others its bodies in order", () => {
  const frames = ["get", "one", "", "three"].map(bytes);
  assert.deepEqual(readRequest(frames), { operation: "get", bodies: frames.slice(1) });
});

Deno.test("request - without a JSON frame it counts as one with {}", () => {
  const { operation, bodies } = readRequest([bytes("list-scopes")]);
  assert.equal(operation, "list-scopes");
  assert.deepEqual(bodies.map(text), ["{}"]);
});

Deno.test("request - without any frame it is invalid, with an empty operation it is not", () => {
  assert.throws(() => readRequest([]), { code: "invalid_request", message: /without frames/ });
  assert.equal(readRequest([bytes("")]).operation, "");
});

Deno.test("request - 1024 JSON frames are taken, 1025 are not", () => {
  const frames = (
    count: number,
  ) => [bytes("get"), ...Array.from({ length: count }, () => bytes(""))];
  assert.equal(readRequest(frames(REQUEST_FRAMES_MAX)).bodies.length, 1024);
  assert.throws(() => readRequest(frames(1025)), {
    code: "invalid_request",
    message: /at most 1024 JSON frames, found 1025/,
  });
});

Deno.test("request - an operation that is no UTF-8 is a name that no operation has", () => {
  assert.equal(readRequest([new Uint8Array([0xff, 0x67])]).operation, "\ufffdg");
});

Deno.test("request - an unknown operation is repeated shortened and quoted, beside those there are", () => {
  const { code, message } = unknownOperation("gte", ["get", "set"]);
  assert.equal(code, "unknown_operation");
  assert.equal(message, 'there is no operation "gte"; there are get, set');
  const long = unknownOperation('a"\n\0'.repeat(100_000), ["get"]).message;
  assert.ok(long.length < 600, `${long.length}`);
  assert.match(long, /^there is no operation "a\\"\\n\\u0000a/);
});

Deno.test("body - an empty frame is {}, white space is not", () => {
  assert.deepEqual(readBody(new Uint8Array()).members, {});
  assert.throws(() => body(" "), { code: "invalid_json" });
});

Deno.test("body - scope and key are named when they are missing or of the wrong type", () => {
  assert.equal(readScope(body('{"service":"org.plantd.Test"}')), "org.plantd.Test");
  assert.equal(readKey(body('{"key":"k"}')), "k");
  for (const json of ["{}", '{"service":1,"key":1}', '{"service":null,"key":null}']) {
    assert.throws(() => readScope(body(json)), names("service"));
    assert.throws(() => readKey(body(json)), names("key"));
  }
  assert.throws(() => readScope(body('{"service":""}')), names("service", /empty string/));
});

Deno.test("value - null, false and the empty string are values, nothing is not", () => {
  for (const value of ["null", "false", '""', "0", "[]", "{}"]) {
    assert.equal(readValue(body(`{"value":${value}}`), 10).text, value);
  }
  assert.throws(() => readValue(body("{}"), 10), names("value", /found nothing/));
  assert.throws(() => readValue(body('{"Value":1}'), 10), names("value"));
});

Deno.test("value - the limit is one of bytes of compact JSON text", () => {
  const tooLarge = (size: number) => ({
    code: "value_too_large",
    message: `field "value": a value has at most 10 bytes of JSON, found ${size}`,
    data: { bytes: size, bytesMax: 10 },
  });
  assert.equal(readValue(body('{"value":"12345678"}'), 10).text, '"12345678"');
  assert.equal(readValue(body('{"value": [ 1 ,\n2 , 3 , 4 ] }'), 10).text, "[1,2,3,4]");
  assert.throws(() => readValue(body('{"value":"123456789"}'), 10), tooLarge(11));
  assert.equal(readValue(body('{"value":"éééé"}'), 10).text, '"éééé"');
  assert.throws(() => readValue(body('{"value":"ééééa"}'), 10), tooLarge(11));
  assert.throws(() => checkValue(new JsonText("12345678901"), 10), tooLarge(11));
});

Deno.test("key query - prefix, after and limit are optional and null counts as absent", () => {
  assert.deepEqual(readListQuery(body("{}")), { limit: LIST_KEYS_MAX });
  assert.deepEqual(readListQuery(body('{"prefix":null,"after":null,"limit":null}')), {
    limit: LIST_KEYS_MAX,
  });
  assert.deepEqual(readListQuery(body('{"prefix":"","after":"a","limit":1}')), {
    prefix: "",
    after: "a",
    limit: 1,
  });
  assert.deepEqual(readListQuery(body('{"limit":10000}')), { limit: 10_000 });
});

Deno.test("key query - what is none is named with its field", () => {
  for (const limit of ["0", "-1", "1.5", "10001", "1e400", '"5"', "[]", "true", "{}"]) {
    assert.throws(
      () => readListQuery(body(`{"limit":${limit}}`)),
      names("limit", /a whole number from 1 to 10000 is needed, found /),
    );
  }
  for (const field of ["prefix", "after"]) {
    for (const value of ["1", "[]", "{}", "false"]) {
      assert.throws(() => readListQuery(body(`{"${field}":${value}}`)), names(field, /a string/));
    }
  }
});
