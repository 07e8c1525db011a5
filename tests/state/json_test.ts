import assert from "node:assert/strict";
import fc from "fast-check";
import { PlantdError } from "../../src/errors.ts";
import { JSON_DEPTH_MAX } from "../../src/limits.ts";
import { JsonText, kindOf, parseObject, stringify } from "../../src/state/json.ts";
import { bytes } from "../helpers/async.ts";
import { anyText } from "./arbitraries.ts";

/** The text of member `value` of the object that `json` is. */
function valueText(json: string): string | undefined {
  return parseObject(bytes(json)).textOf("value")?.text;
}

/** The sentence that `input` is refused with, as `invalid_json`. */
function refusal(input: string | Uint8Array): string {
  try {
    parseObject(typeof input === "string" ? bytes(input) : input);
  } catch (error) {
    assert.ok(error instanceof PlantdError, String(error));
    assert.equal(error.code, "invalid_json");
    assert.deepEqual(error.data, {});
    assert.equal(error.cause, undefined);
    return error.message;
  }
  return assert.fail(`taken: ${input}`);
}

/** `{` or `[` so many deep, around nothing. */
function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

/** Hands out the items of `some`, over and over. */
function cycle<T>(some: readonly T[]): () => T {
  let i = 0;
  return () => some[i++ % some.length]!;
}

/** A JSON string for `text`; where `escaped` says so a character is written as `\uXXXX`. */
function stringToken(text: string, escaped: () => boolean): string {
  const characters = Array.from({ length: text.length }, (_, i) => {
    const hex = text.charCodeAt(i).toString(16).padStart(4, "0");
    const plain = JSON.stringify(text[i]).slice(1, -1);
    const half = /^[\ud800-\udfff]$/.test(text[i]!);
    if (!escaped()) return half ? text[i] : plain;
    // Both halves of a pair, or none: one half alone cannot be sent as UTF-8.
    return half ? text[i] : `\\u${hex}`;
  });
  return `"${characters.join("")}"`;
}

/** The tokens of `value` as JSON, between which white space may stand. */
function tokensOf(value: unknown, escaped: () => boolean): string[] {
  if (typeof value === "string") return [stringToken(value, escaped)];
  if (typeof value !== "object" || value === null) return [JSON.stringify(value)];
  const list = Array.isArray(value);
  const items = list
    ? value.map((item) => tokensOf(item, escaped))
    : Object.entries(value).map(([name, item]) => [
      stringToken(name, escaped),
      ":",
      ...tokensOf(item, escaped),
    ]);
  const inner = items.flatMap((item, i) => i === 0 ? item : [",", ...item]);
  return [list ? "[" : "{", ...inner, list ? "]" : "}"];
}

const blanks = fc.array(fc.constantFrom("", "", " ", "\n", "\t", "\r\n  "), {
  minLength: 1,
  maxLength: 12,
});
const escapes = fc.array(fc.boolean(), { minLength: 1, maxLength: 9 });
const names = fc.oneof(
  fc.constantFrom("value", "key", "__proto__", "constructor", "", "a b"),
  anyText({ maxLength: 5 }),
);

Deno.test("json - arbitrary bytes are an object or a PlantdError, never anything else", () => {
  const some = fc.uint8Array({ maxLength: 60 });
  fc.assert(
    fc.property(fc.oneof(some, some.map((tail) => new Uint8Array([0x7b, ...tail]))), (input) => {
      try {
        const { members } = parseObject(input);
        assert.equal(typeof members, "object");
      } catch (error) {
        assert.ok(error instanceof PlantdError, String(error));
        assert.equal(error.code, "invalid_json");
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("json - arbitrary text is taken exactly when JSON.parse makes an object of it", () => {
  const fragment = fc.constantFrom(
    ...['{"', '":', '"a"', '"value"', "{", "}", "[", "]", ",", ":", " ", "\n", "\\", '"', "1", "-"],
    ...["1.0", "1e9", "null", "true", "\\u00e9", "\\ud800", "é", "🔥", "__proto__", "\u00a0", "\0"],
  );
  const text = fc.oneof(
    anyText(),
    fc.array(fragment, { maxLength: 14 }).map((parts) => parts.join("")),
    fc.array(fragment, { maxLength: 8 }).map((parts) => `{"a":${parts.join("")}}`),
  );
  fc.assert(
    fc.property(text, (input) => {
      let expected: unknown;
      try {
        expected = JSON.parse(new TextDecoder().decode(bytes(input)));
      } catch {
        // Broken: expected stays undefined.
      }
      if (typeof expected !== "object" || expected === null || Array.isArray(expected)) {
        refusal(input);
        return;
      }
      const object = parseObject(bytes(input));
      assert.deepEqual(object.members, expected);
      for (const [name, member] of Object.entries(expected)) {
        const { text } = object.textOf(name)!;
        assert.deepEqual(JSON.parse(text), member);
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("json - a member's text is the last one's of that name, compact, whatever stands around it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(names, fc.jsonValue({ maxDepth: 4 })), { maxLength: 6 }),
      blanks,
      escapes,
      (members, blanks, escapes) => {
        const escaped = cycle(escapes);
        const blank = cycle(blanks);
        const tokens = members.map(([name, value]) => ({
          name: stringToken(name, escaped),
          value: tokensOf(value, escaped),
        }));
        const all = tokens.flatMap(({ name, value }, i) => [
          ...(i === 0 ? [] : [","]),
          name,
          ":",
          ...value,
        ]);
        const sent = ["{", ...all, "}"].map((token) => blank() + token).join("") + blank();
        const object = parseObject(bytes(sent));
        const last = new Map(members.map(([name], i) => [name, i]));
        for (const [name, i] of last) {
          const { text } = object.textOf(name)!;
          assert.equal(text, tokens[i]!.value.join(""), sent);
        }
        assert.equal(object.textOf("not there"), undefined);
      },
    ),
    { numRuns: 1500 },
  );
});

Deno.test("json - the texts of a member's own members follow the same rules", () => {
  const record = fc.array(fc.tuple(names, fc.jsonValue()), { maxLength: 6 });
  fc.assert(
    fc.property(record, blanks, escapes, (members, blanks, escapes) => {
      const escaped = cycle(escapes);
      const blank = cycle(blanks);
      const tokens = members.map(([name, value]) => [
        stringToken(name, escaped),
        ":",
        ...tokensOf(value, escaped),
      ]);
      const inner = tokens.flatMap((item, i) => i === 0 ? item : [",", ...item]);
      const sent = ["{", '"entries"', ":", "{", ...inner, "}", "}"].join(blank());
      const texts = parseObject(bytes(sent)).textsOf("entries");
      const expected = new Map(members.map(([name], i) => [name, tokens[i]!.slice(2).join("")]));
      assert.deepEqual(
        [...texts].map(([name, { text }]) => [name, text]),
        [...expected],
      );
    }),
  );
});

Deno.test("json - what a double would change survives byte for byte", () => {
  const texts = [
    "12345678901234567890",
    "-9223372036854775808",
    "0.10000000000000000000001",
    "1.0",
    "1e400",
    "-1E+400",
    "5e-324",
    "1e-999",
    "-0",
    "-0.0",
    "100E-2",
    '"\\ud800"',
    '"\\uDC00\\ud83d"',
    '"\\u0000"',
    '"\\u0041\\/\\b"',
    '"  kept \\n white \\t space  "',
    '"\u2028\u00a0"',
    '"},{\\"value\\":1"',
    "[]",
    "{}",
    '{"b":1,"a":2,"b":3}',
    '{"10":1,"9":2}',
    "[[],{},[[]]]",
    nested(JSON_DEPTH_MAX - 1),
    "null",
    "true",
    "false",
    '""',
    '"\\\\"',
    '"\\\\\\""',
  ];
  for (const text of texts) {
    assert.equal(valueText(`{"value":${text}}`), text);
    assert.equal(valueText(` {"a":{"value":0},"value" :\r\n\t ${text} \n} `), text);
    assert.equal(stringify({ value: new JsonText(text) }), `{"value":${text}}`);
  }
});

Deno.test("json - of duplicate names the last wins, also when it is spelled with escapes", () => {
  assert.equal(valueText('{"value":1,"value":2.0}'), "2.0");
  assert.equal(valueText('{"value":1,"v\\u0061lue":2.0}'), "2.0");
  assert.equal(valueText('{"\\u0076alue":1.0,"value":2,"k":"value"}'), "2");
  assert.equal(parseObject(bytes('{"key":1,"k\\u0065y":"b"}')).members.key, "b");
  assert.equal(valueText('{"value":1,"Value":2,"value ":3}'), "1");
});

Deno.test("json - a name inside a string or inside another member is not a member", () => {
  assert.equal(valueText('{"a":"\\"value\\":1","b":{"value":2},"c":[{"value":3}]}'), undefined);
  assert.equal(valueText('{"a":"\\\\","value":4}'), "4");
  assert.equal(valueText("{}"), undefined);
  assert.equal(valueText(" \n{ \t} "), undefined);
});

Deno.test("json - __proto__ and its like are members like any other and reach no prototype", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const sent = `{"${name}":{"key":"stolen","value":1},"value":{"${name}":[2]}}`;
    const body = parseObject(bytes(sent));
    assert.equal(body.members.key, undefined);
    assert.ok(Object.hasOwn(body.members, name));
    assert.equal(body.textOf(name)!.text, '{"key":"stolen","value":1}');
    assert.equal(body.textOf("value")!.text, `{"${name}":[2]}`);
    assert.deepEqual([...body.textsOf("value")], [[name, new JsonText("[2]")]]);
    assert.equal(stringify(body.members), sent);
  }
  assert.equal(({} as Record<string, unknown>).key, undefined);
});

Deno.test("json - a name with a quote in it is itself, whatever objects were read before", () => {
  // JSON.parse of V8 15.0 gives the second one the name of the first.
  for (const name of ["a\\", 'a"', "a"]) {
    const sent = `{"entries":${JSON.stringify({ x: 1, [name]: 2 })}}`;
    assert.deepEqual([...parseObject(bytes(sent)).textsOf("entries").keys()], ["x", name]);
  }
});

Deno.test("json - nesting is allowed to its limit and refused one level deeper", () => {
  for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
    const at = (depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;
    assert.equal(valueText(`{"value":${at(JSON_DEPTH_MAX - 1)}}`), at(JSON_DEPTH_MAX - 1));
    assert.match(refusal(`{"value":${at(JSON_DEPTH_MAX)}}`), /nested deeper than the 64 levels/);
  }
});

Deno.test("json - nesting is refused before it is parsed: that takes seconds for millions of brackets", () => {
  assert.match(refusal(`{"value":${nested(1_000_000)}}`), /nested deeper/);
  // Broken as well, which only the parser would find out.
  assert.match(refusal('{"a":['.repeat(1000)), /nested deeper/);
  assert.match(refusal(`{"value":${"]".repeat(1000)}`), /broken/);
  assert.match(refusal(`{"value":"${"[".repeat(1000)}\\`), /broken/);
});

Deno.test("json - brackets in strings, and siblings, are not nesting", () => {
  const text = `["${"[{".repeat(500)}","\\"${"[".repeat(500)}"${",[]".repeat(500)}]`;
  assert.equal(valueText(`{"value":${text}}`), text);
});

Deno.test("json - what is no UTF-8 is refused, wherever it stands", () => {
  const sequences = [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80]];
  for (const sequence of sequences) {
    const [head, tail] = [bytes('{"value":"'), bytes('"}')];
    assert.match(refusal(new Uint8Array([...head, ...sequence, ...tail])), /not valid UTF-8/);
    assert.match(refusal(new Uint8Array([...bytes("{}"), ...sequence])), /not valid UTF-8/);
    // The decoder is shared: what it choked on must not stick to it.
    assert.equal(valueText('{"value":"ü"}'), '"ü"');
  }
});

Deno.test("json - arrays and scalars are refused by their kind", () => {
  const kinds: [json: string, kind: string][] = [
    ["[]", "an array"],
    ['[{"value":1}]', "an array"],
    ["1", "a number"],
    ['"x"', "a string"],
    ["true", "a boolean"],
    ["null", "null"],
  ];
  for (const [json, kind] of kinds) {
    assert.equal(refusal(json), `a JSON object is needed, found ${kind}`);
    assert.equal(kindOf(JSON.parse(json)), kind);
  }
  assert.equal(kindOf(undefined), "nothing");
  assert.equal(kindOf({}), "an object");
});

Deno.test("json - what JSON does not know is refused, and the next good one taken", () => {
  const broken = ["", " ", "{", "}", '{"a"}', '{"a":}', '{"a":1,}', "{a:1}", "{'a':1}", '{"a":01}'];
  broken.push('{"a":+1}', '{"a":.5}', '{"a":1.}', '{"a":NaN}', '{"a":Infinity}', '{"a":undefined}');
  broken.push('{"a":1}{"a":1}', '{"a":1} x', '{"a":"\n"}', '{"a":"\\x41"}', '{"a":1/**/}', "\0{}");
  broken.push('{"a":1}\0', "\u00a0{}", '{"a":\u20281}', "derp");
  for (const json of broken) {
    assert.match(refusal(json), /^the JSON is broken: /);
    assert.equal(valueText('{"value":1}'), "1");
  }
});

Deno.test("json - an error says where it broke and never repeats what was sent", () => {
  assert.equal(
    refusal('{"key":"a" "value":1}'),
    "the JSON is broken: unexpected character at position 11",
  );
  const secret = fc.stringMatching(/^[a-z]{9}[0-9]{6}$/);
  const around = fc.constantFrom<(secret: string) => string>(
    (secret) => secret,
    (secret) => `{"${secret}"`,
    (secret) => `{"key":"${secret}`,
    (secret) => `{"key":"${secret}",}`,
    (secret) => `{"key":${secret}}`,
    (secret) => `{"key":"\\x${secret}"}`,
    (secret) => `{"key":${secret.slice(9)}x}`,
    (secret) => `["${secret}"]`,
    (secret) => `"${secret}"`,
    (secret) => secret.slice(9),
    // Sentences of the parser, sent by the peer.
    (secret) => `x position ${secret.slice(9)}`,
    (secret) => `x at position ${secret.slice(9)}`,
    (secret) => `x at position ${secret.slice(9)} (line 1 column 1)`,
    (secret) => `{"a":x in JSON at position ${secret.slice(9)}`,
    (secret) => `{"a":1} position ${secret.slice(9)}`,
  );
  fc.assert(
    fc.property(secret, around, (secret, around) => {
      const sentence = refusal(around(secret));
      assert.ok(!sentence.includes(secret.slice(0, 9)), sentence);
      assert.ok(!sentence.includes(secret.slice(9)), sentence);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("json - stringify agrees with JSON.stringify on plain JSON values", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      assert.equal(stringify(value), JSON.stringify(value));
    }),
    { numRuns: 1000 },
  );
  assert.equal(stringify("\ud800 \u2028 \0"), JSON.stringify("\ud800 \u2028 \0"));
  assert.equal(stringify(-0), "0");
  assert.equal(stringify({ a: undefined, b: null }), '{"b":null}');
});

Deno.test("json - stringify passes JSON text on at any depth", () => {
  const huge = new JsonText("12345678901234567890");
  assert.equal(
    stringify({ a: [huge, { b: huge }], c: new JsonText('{"x":1.0}') }),
    '{"a":[12345678901234567890,{"b":12345678901234567890}],"c":{"x":1.0}}',
  );
});

Deno.test("json - parse and stringify of members' texts is the object again, compact", () => {
  fc.assert(
    fc.property(fc.dictionary(names, fc.jsonValue()), blanks, (record, blanks) => {
      const blank = cycle(blanks);
      const sent = tokensOf(record, () => false).map((token) => token + blank()).join("");
      const object = parseObject(bytes(sent));
      const texts = Object.keys(record).map((name) => [name, object.textOf(name)!] as const);
      assert.equal(
        `{${texts.map(([name, text]) => `${JSON.stringify(name)}:${text.text}`).join(",")}}`,
        JSON.stringify(record),
      );
    }),
  );
});
