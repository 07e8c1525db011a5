import assert from "node:assert/strict";
import { bytes, until } from "../helpers/async.ts";
import { type DevSettings, devSettings, type Program, startProgram } from "../helpers/program.ts";
import { interopTest, type PeerFrame } from "../helpers/python.ts";
import { tempDir } from "../helpers/temp.ts";
import { PythonClient, PythonPublisher, STATE } from "./helpers.ts";

const MIB = 1024 * 1024;
const SCOPE = "org.plantd.Test";

/** A `dev` with well-behaved peers, through which every case must end in an answer. */
class Site implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  #rounds = 0;
  settings!: DevSettings;
  dev!: Program;
  client!: PythonClient;
  publisher!: PythonPublisher;

  static async start(): Promise<Site> {
    const site = new Site();
    const { path } = site.#stack.use(await tempDir());
    site.settings = await devSettings(path);
    const { args, broker, frontend } = site.settings;
    site.dev = site.#stack.use(await startProgram(["dev", ...args], { cwd: path }));
    site.client = site.#stack.use(await PythonClient.start(broker));
    site.publisher = site.#stack.use(await PythonPublisher.start(frontend));
    await site.client.state("create-scope", { service: SCOPE });
    await site.publisher.untilSubscribed(SCOPE);
    return site;
  }

  /** A request, an update and a look at the health of the same process. */
  async assertWell(): Promise<void> {
    this.#rounds += 1;
    const value = `round ${this.#rounds}`;
    await this.publisher.publish(`${SCOPE}{"key":"well","value":"${value}"}`);
    await until("a good update arrives, a good request is answered", async () => {
      return (await this.client.state("get", { service: SCOPE, key: "well" })).value === value;
    });
    assert.equal((await this.dev.health())?.httpStatus, 200);
    assert.equal(this.dev.child.exit, undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A ZMTP 3.0 peer that shook hands: greeting and READY (rfc.zeromq.org/spec/23). */
function handshake(socketType: string): number[] {
  const greeting = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, ...bytes("NULL")];
  while (greeting.length < 64) greeting.push(0);
  const value = bytes(socketType);
  const name = bytes("Socket-Type");
  const ready = [5, ...bytes("READY"), name.length, ...name, 0, 0, 0, value.length, ...value];
  return [...greeting, 4, ready.length, ...ready];
}

const HUGE_FRAME = [2, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3];

/** What comes in over a bare TCP connection. */
const RAW: readonly [name: string, bytes: readonly number[]][] = [
  ["nothing", []],
  ["an HTTP request", [...bytes("GET / HTTP/1.1\r\nHost: plant\r\n\r\n")]],
  ["half a greeting", [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3]],
  ["a message of ZMTP 1.0", [1, 0, 2, 0, 0x78]],
  ["300 bytes of 0xff", Array(300).fill(0xff)],
  ["zeros", Array(300).fill(0)],
  ["a mechanism nobody has", handshake("DEALER").with(12, 0x43)],
  ["a command that is none", [...handshake("DEALER"), 4, 3, 2, 0x78, 0x78]],
  ["a frame announcing 2^62 bytes, as DEALER", [...handshake("DEALER"), ...HUGE_FRAME]],
  ["a frame announcing 2^62 bytes, as PUB", [...handshake("PUB"), ...HUGE_FRAME]],
  ["a frame announcing 2^62 bytes, as SUB", [...handshake("SUB"), ...HUGE_FRAME]],
  ["half a message", [...handshake("DEALER"), 1, 0, 1, 6, ...bytes("MDPC01")]],
];

interopTest("dev - raw garbage on any of its ports costs nobody an answer", async (t) => {
  await using site = await Site.start();
  const { broker, frontend, backend, healthPort } = site.settings;
  const ports = [broker, frontend, backend].map((address) => Number(address.split(":").at(-1)));
  for (const [name, data] of RAW) {
    await t.step(name, async () => {
      using stack = new DisposableStack();
      for (const port of [...ports, healthPort]) {
        const connection = stack.use(await Deno.connect({ hostname: "127.0.0.1", port }));
        await connection.write(Uint8Array.from(data));
      }
      await site.assertWell(); // While the connections are open,
      stack.dispose();
      await site.assertWell(); // and when they have gone.
    });
  }
});

/** Messages a Majordomo broker has no answer to. */
const MESSAGES: readonly [name: string, frames: readonly PeerFrame[]][] = [
  ["one frame", ["x"]],
  ["one empty frame", [""]],
  ["a header alone", ["MDPC01"]],
  ["no service", ["", "MDPC01"]],
  ["no body", ["", "MDPC01", STATE]],
  ["no command", ["", "MDPW01"]],
  ["READY without a service", ["", "MDPW01", "\x01"]],
  ["a reply nobody asked for", ["", "MDPW01", "\x03", "client", "", '{"success":true}']],
  ["a heartbeat before READY", ["", "MDPW01", "\x04"]],
  ["another version", ["", "MDPC99", STATE, "get", "{}"]],
  ["a service that is no text", ["", "MDPC01", { hex: "ff00" }, "get", "{}"]],
  ["a service of 10 MiB", ["", "MDPC01", { fill: "s", count: 10 * MIB }, "get"]],
  ["a service nobody has", ["", "MDPC01", "org.plantd.Nobody", "get", "{}"]],
  ["3000 frames", ["", "MDPC01", STATE, ...Array(3000).fill("{}")]],
  ["a message of 17 MiB", ["", "MDPC01", STATE, "set", { fill: "x", count: 17 * MIB }]],
];

interopTest(
  "dev - messages that are no request are dropped, and the next good one answered",
  async (t) => {
    await using site = await Site.start();
    for (const [name, frames] of MESSAGES) {
      await t.step(name, async () => {
        await using stranger = await PythonClient.start(site.settings.broker);
        await stranger.raw(frames);
        await site.assertWell();
        await stranger.raw(frames);
      });
    }
    await site.assertWell();
  },
);

const set = (fields: Record<string, unknown>) => JSON.stringify({ service: "hostile", ...fields });

/** Requests that are answered with a failure. */
const REQUESTS: readonly [name: string, body: readonly PeerFrame[], code: string][] = [
  ["an operation that is no UTF-8", [{ hex: "fffe" }, "{}"], "unknown_operation"],
  ["an empty operation", [""], "unknown_operation"],
  ["an operation of 10 MiB", [{ fill: "o", count: 10 * MIB }], "unknown_operation"],
  ["JSON that is no UTF-8", ["set", { hex: "7b22ff227d" }], "invalid_json"],
  ["JSON that is broken", ["set", '{"service":"a",'], "invalid_json"],
  ["JSON that is no object", ["set", "[]"], "invalid_json"],
  ["10 MiB of brackets", ["set", { fill: "[", count: 10 * MIB }], "invalid_json"],
  ["10 MiB of objects in objects", ["set", { fill: '{"a":', count: 2 * MIB }], "invalid_json"],
  ["JSON 100 deep", ["set", `{"v":${"[".repeat(100)}${"]".repeat(100)}}`], "invalid_json"],
  ["a value of 10 MiB", ["set", set({ key: "k", value: "v".repeat(10 * MIB) })], "value_too_large"],
  ["a key of 0 bytes", ["set", set({ key: "", value: 1 })], "invalid_request"],
  ["a key of 5000 bytes", ["set", set({ key: "k".repeat(5000), value: 1 })], "key_too_large"],
  ["a key with NUL", ["set", set({ key: "a\0b", value: 1 })], "invalid_request"],
  ["a key that is a number", ["set", set({ key: 5, value: 1 })], "invalid_request"],
  ["a scope that is an object", ["set", set({ service: {}, key: "k" })], "invalid_request"],
  ["a scope with a brace", ["create-scope", set({ service: "a{b" })], "invalid_request"],
  [
    "a scope of 5000 bytes",
    ["create-scope", set({ service: "s".repeat(5000) })],
    "invalid_request",
  ],
  ["the constructor as operation", ["constructor", "{}"], "unknown_operation"],
];

interopTest(
  "dev - requests that cannot be served get one failure each, and leave nothing behind",
  async (t) => {
    await using site = await Site.start();
    for (const [name, body, code] of REQUESTS) {
      await t.step(name, async () => {
        const replies = await site.client.body(STATE, body);
        assert.equal(replies.length, 1);
        const reply = JSON.parse(replies[0] as string);
        assert.deepEqual([reply.success, reply.code], [false, code]);
        assert.ok(reply.error.length < 500, "a failure does not repeat what was sent");
        await site.assertWell();
      });
    }
    assert.deepEqual((await site.client.state("list-scopes")).data.scopes, [SCOPE]);
  },
);

interopTest("dev - __proto__ and its like are names as any other", async () => {
  await using site = await Site.start();
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  for (const name of names) {
    // Written out: in an object literal, __proto__ is no member.
    const value = '{"__proto__":{"polluted":true}}';
    const body = `{"service":"${name}","key":"${name}","value":${value}}`;
    const [reply] = await site.client.body(STATE, ["set", body]);
    assert.ok((reply as string).startsWith(`{"key":"${name}","value":${value},`), String(reply));
    assert.deepEqual(await site.client.body(STATE, ["get", body]), [reply!]);
  }
  const { scopes } = (await site.client.state("list-scopes")).data;
  assert.deepEqual(scopes, [...names, SCOPE].sort());
  await site.assertWell();
});

/** Messages on the bus that are no update; each begins with a scope that is listened for. */
const UPDATES: readonly [name: string, frames: readonly PeerFrame[]][] = [
  ["no JSON", [`${SCOPE} derp`]],
  ["the scope alone", [SCOPE]],
  ["a scope that is no UTF-8", [{ hex: "6f72672e706c616e74642e54657374ff" }, "{}"]],
  ["JSON that is no UTF-8", [SCOPE, { hex: "7b22ff227d" }]],
  ["an empty body", [SCOPE, ""]],
  ["10 MiB of brackets", [SCOPE, { fill: "{", count: 10 * MIB }]],
  ["a value of 2 MiB", [SCOPE, `{"key":"k","value":"${"v".repeat(2 * MIB)}"}`]],
  ["a key of 0 bytes", [SCOPE, '{"key":"","value":1}']],
  ["a key of 5000 bytes", [SCOPE, `{"key":"${"k".repeat(5000)}","value":1}`]],
  ["a key that is a number", [`${SCOPE}{"key":1,"value":1}`]],
  ["bare JSON for __proto__", ['{"service":"__proto__","key":"k","value":1}']],
  ["1000 empty bodies", [SCOPE, ...Array(1000).fill("{}")]],
];

interopTest("dev - messages on the bus that are no update are rejected and counted", async (t) => {
  await using site = await Site.start();
  const counts = async () => (await site.client.state("health")).data.bus;
  for (const [name, frames] of UPDATES) {
    await t.step(name, async () => {
      const before = await counts();
      await site.publisher.publish(...frames);
      await site.assertWell();
      const after = await counts();
      const updates = Math.max(frames.length - 1, 1);
      assert.deepEqual(
        [after.received - before.received, after.stored - before.stored],
        [updates + 1, 1],
      );
      const rejected = Object.values(after.rejected as Record<string, number>);
      const sum = rejected.reduce((a, b) => a + b, 0);
      assert.equal(after.received, after.stored + after.pending + sum);
    });
  }
  assert.deepEqual((await site.client.state("list-keys", { service: SCOPE })).data.keys, ["well"]);
});

interopTest(
  "dev - a publisher whose message is too large is heard again afterwards, and the others all the time",
  async () => {
    await using site = await Site.start();
    await using stranger = await PythonPublisher.start(site.settings.frontend);
    await stranger.untilSubscribed(SCOPE);
    await stranger.publish(SCOPE, { fill: "x", count: 17 * MIB });
    await site.assertWell();
    // It was cut off; what it says before it is back goes nowhere.
    await until("its next update", async () => {
      await stranger.publish(SCOPE, '{"key":"stranger","value":"behaves again"}');
      const { value } = await site.client.state("get", { service: SCOPE, key: "stranger" });
      return value === "behaves again";
    });
  },
);
