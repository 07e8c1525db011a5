import assert from "node:assert/strict";
import fc from "fast-check";

import {
  type EndpointMode,
  formatEndpoint,
  parseEndpoint,
  portOf,
} from "../../src/config/endpoint.ts";
import { PlantdError } from "../../src/errors.ts";

function refusal(text: string, mode: EndpointMode): string {
  try {
    parseEndpoint(text, mode);
  } catch (thrown) {
    assert.ok(thrown instanceof PlantdError);
    assert.equal(thrown.code, "endpoint_invalid");
    return thrown.message;
  }
  return assert.fail(`${text} was accepted`);
}

Deno.test("endpoint - the sign decides the mode, else the default does", () => {
  const address = "tcp://127.0.0.1:11001";
  assert.deepEqual(parseEndpoint(`>${address}`, "bind"), { mode: "connect", address });
  assert.deepEqual(parseEndpoint(`@${address}`, "connect"), { mode: "bind", address });
  assert.deepEqual(parseEndpoint(address, "bind"), { mode: "bind", address });
  assert.deepEqual(parseEndpoint(address, "connect"), { mode: "connect", address });
});

Deno.test("endpoint - what libzmq accepts is accepted", () => {
  const connect = [
    "tcp://plant-7.example.org:1",
    "tcp://localhost:9797",
    "tcp://[::1]:65535",
    "tcp://[fe80::1%eth0]:9797",
    "ipc:///run/plantd/bus",
    "ipc://@abstract",
    "inproc://broker.state.pipe",
  ];
  for (const address of connect) assert.equal(parseEndpoint(address, "connect").address, address);
  const bind = [
    "tcp://*:9797",
    "tcp://*:*",
    "tcp://0.0.0.0:0",
    "tcp://eth0:9797",
    "tcp://[::]:1",
    "ipc://*",
  ];
  for (const address of bind) assert.equal(parseEndpoint(address, "bind").address, address);
});

Deno.test("endpoint - localhost becomes an address when binding, and only then", () => {
  assert.equal(parseEndpoint("@tcp://localhost:9797", "connect").address, "tcp://127.0.0.1:9797");
  assert.equal(parseEndpoint("tcp://localhost:9797", "connect").address, "tcp://localhost:9797");
});

Deno.test("endpoint - a port is written the way libzmq reads it", () => {
  assert.equal(parseEndpoint("tcp://a:09797", "connect").address, "tcp://a:9797");
});

Deno.test("endpoint - a refusal says what is wrong and what is needed", () => {
  const cases: [string, EndpointMode, RegExp][] = [
    ["", "connect", /no transport: needed something like tcp:/],
    ["9797", "connect", /no transport/],
    ["udp://127.0.0.1:1", "connect", /transport "udp": needed tcp, ipc or inproc/],
    ["tcp://127.0.0.1", "connect", /no port: needed tcp:\/\/host:port/],
    ["tcp://[::1]", "connect", /no port/],
    ["tcp://:9797", "bind", /no host/],
    ["tcp://127.0.0.1:", "bind", /port "": needed 1 to 65535/],
    ["tcp://127.0.0.1:65536", "connect", /port "65536": needed 1 to 65535/],
    ["tcp://127.0.0.1:97x", "connect", /port "97x"/],
    ["tcp://127.0.0.1:-1", "connect", /port "-1"/],
    ["tcp://127.0.0.1:0", "connect", /port 0, which only binding understands/],
    ["tcp://127.0.0.1:*", "connect", /port \*, which only binding understands/],
    ["tcp://*:9797", "connect", /host \*, which only binding understands/],
    ["tcp://127.0.0.256:1", "connect", /host "127.0.0.256", which is neither/],
    ["tcp://1.2.3:1", "connect", /neither/],
    ["tcp://-a:1", "connect", /neither/],
    ["tcp://a/b:1", "connect", /neither/],
    ["tcp://::1:9797", "connect", /IPv6 address needs brackets/],
    ["tcp://[::g]:9797", "connect", /no IPv6 address/],
    ["tcp://[1:2]:9797", "connect", /no IPv6 address/],
    ["tcp://a b:1", "connect", /white space/],
    ["tcp://a\u0000:1", "connect", /control character/],
    ["ipc://", "bind", /no path/],
    ["ipc://*", "connect", /wildcard/],
    [`ipc:///${"a".repeat(107)}`, "bind", /path of 108 bytes: needed at most 107/],
    ["inproc://", "bind", /no name/],
    [">>tcp://127.0.0.1:1", "connect", /transport ">tcp"/],
  ];
  for (const [text, mode, expected] of cases) assert.match(refusal(text, mode), expected);
});

Deno.test("endpoint - a long wrong text is cut in the message", () => {
  assert.ok(refusal("x".repeat(100_000), "connect").length < 300);
});

Deno.test("endpoint - portOf tells the port where there is one", () => {
  assert.equal(portOf("tcp://127.0.0.1:9797"), 9797);
  assert.equal(portOf("tcp://[::1]:9797"), 9797);
  assert.equal(portOf(">tcp://127.0.0.1:11001"), 11001);
  assert.equal(portOf("tcp://*:*"), undefined);
  assert.equal(portOf("tcp://*:0"), undefined);
  assert.equal(portOf("ipc:///tmp/a:1"), undefined);
  assert.equal(portOf("nonsense"), undefined);
});

const mode = fc.constantFrom<EndpointMode>("connect", "bind");

/** Text that looks like an endpoint in places, so that the deeper branches are reached. */
const almost = fc.array(
  fc.oneof(
    fc.constantFrom(
      ">",
      "@",
      "tcp",
      "ipc",
      "inproc",
      "://",
      "*",
      "[",
      "]",
      ":",
      "::1",
      "127.0.0.1",
    ),
    fc.constantFrom("localhost", "0", "9797", "65536", "%eth0", "/", ".", " ", "\0"),
    fc.string({ maxLength: 4, unit: "binary" }),
  ),
  { maxLength: 10 },
).map((parts) => parts.join(""));

Deno.test("endpoint - no text at all throws anything but PlantdError", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), almost), mode, (text, mode) => {
      try {
        const endpoint = parseEndpoint(text, mode);
        assert.deepEqual(parseEndpoint(formatEndpoint(endpoint), mode), endpoint);
      } catch (thrown) {
        if (!(thrown instanceof PlantdError)) throw thrown;
        assert.equal(thrown.code, "endpoint_invalid");
      }
      portOf(text);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("endpoint - a good endpoint survives the round trip, whatever the default", () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((address) => `[${address}]`),
    fc.domain().filter((name) => name.length < 250),
  );
  const tcp = fc.tuple(host, fc.integer({ min: 1, max: 65_535 }))
    .map(([host, port]) => `tcp://${host}:${port}`);
  fc.assert(fc.property(tcp, mode, mode, (address, mode, otherMode) => {
    const endpoint = parseEndpoint(address, mode);
    assert.equal(endpoint.mode, mode);
    assert.deepEqual(parseEndpoint(formatEndpoint(endpoint), otherMode), endpoint);
    assert.equal(portOf(endpoint.address), Number(address.slice(address.lastIndexOf(":") + 1)));
  }));
});
