import assert from "node:assert/strict";
import fc from "fast-check";
import { type ErrorData, PlantdError } from "../../src/errors.ts";
import { KEY_BYTES_MAX, SCOPE_BYTES_MAX } from "../../src/limits.ts";
import { keyName, scopeName } from "../../src/state/names.ts";
import { utf8Bytes } from "../../src/state/utf8.ts";
import { bytes } from "../helpers/async.ts";
import { anyText } from "./arbitraries.ts";

/** The error `read` refuses `name` with. */
function refusal(read: (name: unknown) => string, name: unknown): PlantdError {
  try {
    read(name);
  } catch (error) {
    assert.ok(error instanceof PlantdError, String(error));
    return error;
  }
  return assert.fail(`taken: ${JSON.stringify(name)?.slice(0, 80)}`);
}

function assertRefused(
  read: (name: unknown) => string,
  name: unknown,
  expected: { code?: string; data?: ErrorData; sentence: RegExp },
): void {
  const error = refusal(read, name);
  const field = read === keyName ? "key" : "service";
  assert.equal(error.code, expected.code ?? "invalid_request");
  assert.deepEqual(error.data, expected.data ?? { field });
  assert.match(error.message, new RegExp(`^field "${field}": `));
  assert.match(error.message, expected.sentence);
}

const NOT_STRINGS = [undefined, null, 0, 1, true, {}, [], ["a"], { toString: () => "a" }];

/** One character of each length in UTF-8. */
const CHARACTERS = ["a", "é", "€", "🔥"];

/** A text of exactly `size` bytes made mostly of `character`. */
function textOfBytes(character: string, size: number): string {
  const width = bytes(character).length;
  return character.repeat(Math.floor(size / width)) + "x".repeat(size % width);
}

Deno.test("names - the length in UTF-8 is counted as the encoder does", () => {
  fc.assert(fc.property(anyText(), (text) => {
    assert.equal(utf8Bytes(text), bytes(text).length);
  }));
  assert.equal(utf8Bytes(""), 0);
  assert.equal(utf8Bytes("\ud800"), 3);
});

Deno.test("scope name - 1 to 255 bytes are taken, 0 and 256 are not, whatever the characters", () => {
  assertRefused(scopeName, "", { sentence: /found an empty string/ });
  for (const character of CHARACTERS) {
    for (const size of [1, 2, 254, SCOPE_BYTES_MAX]) {
      const name = textOfBytes(character, size);
      assert.equal(bytes(name).length, size);
      assert.equal(scopeName(name), name);
    }
    for (const size of [SCOPE_BYTES_MAX + 1, 1024, 5000]) {
      assertRefused(scopeName, textOfBytes(character, size), {
        sentence: new RegExp(`at most 255 bytes, found ${size}$`),
      });
    }
  }
  // 128 characters, 256 bytes: the limit is one of bytes.
  assertRefused(scopeName, "é".repeat(128), { sentence: /found 256$/ });
});

Deno.test("scope name - every forbidden character is refused at the start, inside and at the end", () => {
  const forbidden: string[] = [
    ",",
    "'",
    '"',
    "`",
    "{",
    "/",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\u3000",
  ];
  for (let code = 0; code <= 0x20; code += 1) forbidden.push(String.fromCharCode(code));
  for (let code = 0x7f; code <= 0xa0; code += 1) forbidden.push(String.fromCharCode(code));
  for (const character of forbidden) {
    for (const name of [character, `${character}a`, `a${character}b`, `a${character}`]) {
      const error = refusal(scopeName, name);
      assert.equal(error.code, "invalid_request", JSON.stringify(name));
      assert.match(error.message, /no control characters, white space, comma, quotes, \{ or \/$/);
    }
  }
});

Deno.test("scope name - all other printable ASCII and other scripts are taken", () => {
  for (let code = 0x21; code < 0x7f; code += 1) {
    const character = String.fromCharCode(code);
    if (",'\"`{/".includes(character)) continue;
    assert.equal(scopeName(`a${character}b`), `a${character}b`);
    assert.equal(scopeName(character), character);
  }
  for (
    const name of ["org.plantd.Jupyter", "печь-1", "炉", "🔥", "__proto__", "constructor", "}"]
  ) {
    assert.equal(scopeName(name), name);
  }
});

Deno.test("scope name - half a surrogate pair is refused", () => {
  for (const name of ["\ud800", "a\udc00", "\udc00\ud800", "a\ud83d.b"]) {
    assert.equal(refusal(scopeName, name).code, "invalid_request");
  }
});

Deno.test("scope name - what is no string is refused by its kind", () => {
  for (const name of NOT_STRINGS) {
    assertRefused(scopeName, name, {
      sentence: /a scope name is needed, found (a|an|nothing|null)/,
    });
  }
});

Deno.test("key - 1 to 1024 bytes are taken, more is key_too_large with its size", () => {
  assertRefused(keyName, "", { sentence: /found an empty string/ });
  for (const character of CHARACTERS) {
    for (const size of [1, 255, 256, 1023, KEY_BYTES_MAX]) {
      const name = textOfBytes(character, size);
      assert.equal(bytes(name).length, size);
      assert.equal(keyName(name), name);
    }
    for (const size of [KEY_BYTES_MAX + 1, 5000]) {
      assertRefused(keyName, textOfBytes(character, size), {
        code: "key_too_large",
        data: { bytes: size, bytesMax: 1024 },
        sentence: new RegExp(`at most 1024 bytes, found ${size}$`),
      });
    }
  }
});

Deno.test("key - any text without NUL is taken", () => {
  const names = [
    " ",
    "a b",
    "\n",
    "\t\r",
    "{",
    "/",
    "a/b,c",
    '"',
    "'",
    "\u007f",
    "\ufeff",
    "🔥 ключ",
  ];
  for (const name of [...names, "__proto__", "constructor"]) assert.equal(keyName(name), name);
  fc.assert(fc.property(anyText({ minLength: 1, maxLength: 200 }), (name) => {
    fc.pre(!name.includes("\0"));
    assert.equal(keyName(name), name);
  }));
});

Deno.test("key - NUL, half a surrogate pair and what is no string are refused", () => {
  for (const name of ["\0", "a\0", "a\0b"]) assertRefused(keyName, name, { sentence: /no NUL/ });
  for (const name of ["\ud800", "a\udc00", "\udc00\ud800"]) {
    assertRefused(keyName, name, { sentence: /well-formed/ });
  }
  for (const name of NOT_STRINGS) {
    assertRefused(keyName, name, { sentence: /a string is needed, found (a|an|nothing|null)/ });
  }
});

Deno.test("names - a refusal never repeats the name", () => {
  const secret = "secret-of-the-furnace";
  for (const name of [`${secret} `, `${secret}\0`, secret.repeat(100), `${secret}\ud800`]) {
    for (const read of [scopeName, keyName]) {
      if (read === keyName && name === `${secret} `) continue;
      assert.ok(!refusal(read, name).message.includes(secret));
    }
  }
});
