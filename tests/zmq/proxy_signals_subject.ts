/**
 * Forwards a message, sends each of its own threads SIGUSR2, and forwards another one; prints "forwarded".
 * A process of its own: no other is allowed to read /proc/self/task.
 */

import { Poller } from "../../src/zmq/poller.ts";
import { Proxy } from "../../src/zmq/proxy.ts";
import { Socket } from "../../src/zmq/socket.ts";
import { bytes, text, until } from "../helpers/async.ts";
import { untilCaught } from "./caught.ts";

/** Number of the signal on Linux. */
const SIGUSR2 = 12;

const libc = Deno.dlopen("libc.so.6", {
  tgkill: { parameters: ["i32", "i32", "i32"], result: "i32" },
});
let signals = 0;
Deno.addSignalListener("SIGUSR2", () => signals += 1);
await untilCaught(SIGUSR2);

const poller = new Poller();
const tcp = { mode: "bind", address: "tcp://127.0.0.1:*" } as const;
const proxy = Proxy.start({ frontend: tcp, backend: tcp, highWaterMark: 1000 });
const heard = new Set<string>();
const publisher = Socket.open(poller, "pub");
const subscriber = Socket.open(poller, "sub", { onMessage: ([frame]) => heard.add(text(frame!)) });
subscriber.subscribe("");
subscriber.connect(proxy.backend);
publisher.connect(proxy.frontend);

async function forward(what: string): Promise<void> {
  await until(`${what} is forwarded`, () => {
    publisher.send([bytes(what)]);
    return heard.has(what);
  });
}

await forward("a first message");
for (const { name } of Deno.readDirSync("/proc/self/task")) {
  libc.symbols.tgkill(Deno.pid, Number(name), SIGUSR2);
}
await until("a signal is here", () => signals > 0);
await forward("a message after the signals");
for (const part of [publisher, subscriber, proxy, poller]) await part[Symbol.asyncDispose]();
await Deno.stdout.write(bytes("forwarded"));
Deno.exit();
