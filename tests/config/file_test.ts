import assert from "node:assert/strict";
import fc from "fast-check";

import { collect } from "../../src/config/collect.ts";
import { CONFIG_BYTES_MAX, readConfigFile } from "../../src/config/file.ts";
import { BROKER, STATE } from "../../src/config/schema.ts";
import { PlantdError } from "../../src/errors.ts";
import { complaint, errorOf, withFiles } from "./helpers.ts";

Deno.test("file - an unknown key is named with its line, and with what was meant", () => {
  const meant = 'unknown key "databse" (did you mean "database"?)';
  assert.equal(
    complaint("s.yml", "log:\n  level: info\ndatabse:\n  path: a\n"),
    `s.yml:3: ${meant}`,
  );
  assert.equal(complaint("s.yaml", "\ndatabse: {}\n"), `s.yaml:2: ${meant}`);
  assert.equal(
    complaint("s.toml", "[log]\nlevel = 'info'\n[databse]\npath = 'a'\n"),
    `s.toml:3: ${meant}`,
  );
  assert.equal(complaint("s.json", '{\n"log": {},\n"databse": {}\n}'), `s.json:3: ${meant}`);
});

Deno.test("file - an unknown key inside of a section is named with its path", () => {
  assert.equal(
    complaint("s.yml", "broker:\n  endpont: tcp://a:1\n"),
    's.yml:2: unknown key "broker.endpont" (did you mean "broker.endpoint"?)',
  );
  assert.equal(
    complaint("s.toml", '[broker]\n# so\n"heartbeat_ms" = 1\n'),
    's.toml:3: unknown key "broker.heartbeat_ms" (did you mean "broker.heartbeat-ms"?)',
  );
  assert.equal(
    complaint("s.json", '{"broker": {\n"nothing-like-it": 1}}'),
    's.json:2: unknown key "broker.nothing-like-it"',
  );
});

Deno.test("file - a key in the wrong section finds its section", () => {
  assert.equal(
    complaint("s.yml", "lanes: 4\n"),
    's.yml:1: unknown key "lanes" (did you mean "worker.lanes"?)',
  );
});

Deno.test("file - what other programs read into a key is only an unknown key here", () => {
  assert.match(complaint("s.json", '{"__proto__": {"a": 1}}'), /unknown key "__proto__"/);
  assert.match(complaint("s.yml", "constructor: 1\n"), /unknown key "constructor"/);
  assert.match(complaint("s.yml", "log.level: info\n"), /unknown key "log.level"/);
});

Deno.test("file - an unknown key of a bus is named with its line", () => {
  const bus = "- name: state\n  frontend: tcp://*:1\n  backend: tcp://*:2\n  captur: inproc://a\n";
  assert.equal(
    complaint("broker.yml", `buses:\n${bus}`),
    'broker.yml:5: unknown key "captur" (did you mean "capture"?) in "buses[0]"',
  );
  assert.equal(
    complaint("broker.toml", "[[buses]]\nname = 'a'\nfrontend = 'tcp://*:1'\nbackend = 'x'\n"),
    'broker.toml:4: "buses[0].backend": endpoint "x" has no transport: ' +
      "needed something like tcp://127.0.0.1:9797",
  );
});

Deno.test("file - a wrong value is told with path, need and find", () => {
  const cases: [string, string][] = [
    [
      "health:\n  port: abc",
      '2: "health.port" needs a whole number from 0 to 65535, found the text "abc"',
    ],
    [
      "health:\n  port: '8081'",
      '2: "health.port" needs a whole number from 0 to 65535, found the text "8081"',
    ],
    ["health:\n  port: 1.5", '2: "health.port" needs a whole number from 0 to 65535, found 1.5'],
    ["health:\n  port:", '2: "health.port" needs a whole number from 0 to 65535, found nothing'],
    ["worker: 5", '1: "worker" needs a section of keys, found 5'],
    ["worker: [1]", '1: "worker" needs a section of keys, found a list'],
    ["worker:\n  lanes: 257", '2: "worker.lanes" needs a whole number from 1 to 256, found 257'],
    [
      "bus:\n  create-scopes: yes",
      '2: "bus.create-scopes" needs true or false, found the text "yes"',
    ],
    [
      "log:\n  level: [a]",
      '2: "log.level" needs one of trace, debug, info, warn, error, fatal, found a list',
    ],
    [
      "log:\n  level: loud",
      '2: "log.level" needs one of trace, debug, info, warn, error, fatal, found the text "loud"',
    ],
    [
      "service:\n  id: 'a b'",
      '2: "service.id" needs a service name such as org.plantd.State, found the text "a b"',
    ],
    ["service:\n  name: a", '2: unknown key "service.name"'],
    [
      "bus:\n  default-scope: a/b",
      '2: "bus.default-scope" needs a scope name such as org.plantd.Client, found the text "a/b"',
    ],
    ["database:\n  path: ''", '2: "database.path" needs the path of a file, found the text ""'],
    [
      "database:\n  path: {}",
      '2: "database.path" needs the path of a file, found a section of keys',
    ],
    [
      "limits:\n  value-bytes: 16777216",
      '2: "limits.value-bytes" needs a whole number from 1 to 16711680, found 16777216',
    ],
    [
      "bus:\n  endpoint: tcp://a",
      '2: "bus.endpoint": endpoint "tcp://a" has no port: needed tcp://host:port',
    ],
    [
      "broker:\n  endpoint: '@tcp://*:1'",
      '2: "broker.endpoint": endpoint "@tcp://*:1" binds (@): needed one to connect',
    ],
    [
      "broker-endpoint: 1",
      '1: "broker-endpoint" needs an endpoint such as tcp://127.0.0.1:9797, found 1',
    ],
  ];
  for (const [content, expected] of cases) {
    assert.equal(complaint("s.yml", content), `s.yml:${expected}`);
  }
  assert.equal(complaint("s.yml", "- a"), "s.yml: the file needs a section of keys, found a list");
  assert.equal(complaint("s.json", "5"), "s.json: the file needs a section of keys, found 5");
  assert.match(
    complaint("s.toml", "[health]\nport = 1979-05-27\n"),
    /^s.toml:2: "health.port" needs .* found a date$/,
  );
});

Deno.test("file - buses must differ in name and be few", () => {
  const bus = "  - {name: a, frontend: tcp://*:1, backend: tcp://*:2}\n";
  assert.equal(
    complaint("broker.yml", `buses:\n${bus}${bus}`),
    'broker.yml:1: "buses" needs buses of different names, found a list',
  );
  assert.match(complaint("broker.yml", `buses:\n${bus.repeat(65)}`), /a list of at most 64 buses/);
  assert.match(complaint("broker.yml", "buses: [1]\n"), /"buses\[0\]" needs a section of name, /);
  assert.match(
    complaint("broker.yml", "buses:\n  - name: a\n"),
    /:2: "buses\[0\].frontend" needs an/,
  );
});

Deno.test("file - several faults are told at once, in the order of the file, up to a bound", () => {
  assert.equal(
    complaint("s.yml", "log:\n  level: loud\nworker:\n  lanes: 0\nfoo: 1\n").split("\n").length,
    3,
  );
  const many = Array.from({ length: 500 }, (_, index) => `unknown${index}: 1\n`).join("");
  const told = complaint("s.yml", many).split("\n");
  assert.equal(told.length, 11);
  assert.equal(told[0], 's.yml:1: unknown key "unknown0"');
  assert.equal(told[10], "s.yml: and 490 more");
});

Deno.test("file - another ending is refused with the known ones", () => {
  for (const name of ["s.ini", "state", "s.yml.bak"]) {
    const message = complaint(name, "");
    assert.equal(message, `${name}: the ending must be one of .yml, .yaml, .toml, .json`);
  }
});

Deno.test("file - too large, and not text, is refused", () => {
  assert.match(complaint("s.yml", "#".repeat(CONFIG_BYTES_MAX + 1)), /larger than 65536 bytes$/);
  assert.match(complaint("s.yml", new Uint8Array([0xff, 0xfe, 0x00])), /not UTF-8 text$/);
});

Deno.test("file - what cannot be read is told", () => {
  withFiles({}, (cwd) => {
    Deno.mkdirSync(`${cwd}/dir.yml`);
    const error = errorOf(() => readConfigFile("dir.yml", cwd));
    assert.match(error.message, /^dir.yml: cannot be read: /);
    assert.match(error.hint!, /may read$/);
  });
});

Deno.test("file - a pipe is refused at once, although nobody writes into it", () => {
  withFiles({}, (cwd) => {
    const { success } = new Deno.Command("mkfifo", { args: [`${cwd}/s.yml`] }).outputSync();
    assert.ok(success);
    const error = errorOf(() => readConfigFile("s.yml", cwd));
    assert.match(error.message, /^s.yml: cannot be read: it is not a file$/);
  });
});

Deno.test("file - one that this user may not read is told", () => {
  withFiles({ "s.yml": "" }, (cwd) => {
    Deno.chmodSync(`${cwd}/s.yml`, 0o000);
    if (isReadable(`${cwd}/s.yml`)) return; // root may read everything
    assert.match(errorOf(() => readConfigFile("s.yml", cwd)).message, /^s.yml: cannot be read: /);
  });
});

function isReadable(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("file - one that is not there is undefined", () => {
  withFiles({ "file": "" }, (cwd) => {
    assert.equal(readConfigFile("s.yml", cwd), undefined);
    assert.equal(readConfigFile("file/s.yml", cwd), undefined);
  });
});

Deno.test("file - a byte order mark and Windows line ends are no fault", () => {
  withFiles({ "s.yml": "\ufefflog:\r\n  level: warn\r\n", "s.json": "\ufeff{}" }, (cwd) => {
    const file = readConfigFile("s.yml", cwd)!;
    assert.equal(collect(file, STATE).values.get("log.level")?.value, "warn");
    assert.equal(file.lineOf(["log", "level"]), 2);
    assert.deepEqual(readConfigFile("s.json", cwd)!.content, {});
  });
});

/** Text made of what the syntaxes are made of, so that it often parses. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.array(
    fc.oneof(
      fc.constantFrom("log", "level", "buses", "broker", "endpoint", "name", "__proto__", "info"),
      fc.constantFrom(":", ": ", "=", "\n", "\n  ", "- ", "[", "]", "{", "}", "[[", "]]", ",", '"'),
      fc.constantFrom(
        "'",
        '"""',
        "&a ",
        "*a",
        "#",
        "---\n",
        ".",
        "1",
        "null",
        "tcp://*:1",
        "<<",
        "!!",
      ),
    ),
    { maxLength: 30 },
  ).map((parts) => parts.join("")),
);

Deno.test("file - no text at all throws anything but PlantdError", () => {
  withFiles({}, (cwd) => {
    fc.assert(
      fc.property(text, fc.constantFrom("yml", "toml", "json"), (text, ending) => {
        const name = `any.${ending}`;
        Deno.writeTextFileSync(`${cwd}/${name}`, text);
        for (const kind of [STATE, BROKER]) {
          try {
            collect(readConfigFile(name, cwd)!, kind);
          } catch (thrown) {
            if (!(thrown instanceof PlantdError)) throw thrown;
            assert.ok(thrown.message.startsWith(name));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
