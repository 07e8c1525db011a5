/** Sends itself messages over TCP while it is sent SIGUSR2, and prints what came. */

import { Poller } from "../../src/zmq/poller.ts";
import { Socket } from "../../src/zmq/socket.ts";
import { bytes, until } from "../helpers/async.ts";
import { untilCaught } from "./caught.ts";

const print = (line: string) => Deno.stdout.write(bytes(`${line}\n`));
/** Number of the signal on Linux. */
const SIGUSR2 = 12;
const MESSAGES = Number(Deno.args[0]);
const frames = ["", "MDPW02", "client", "", "get", "body"].map(bytes);

let signals = 0;
Deno.addSignalListener("SIGUSR2", () => signals += 1);
await untilCaught(SIGUSR2);
await print("ready");
await until("the first signal", () => signals > 0);
await print("heard");

const poller = new Poller();
let whole = 0;
let torn = 0;
const router = Socket.open(poller, "router", {
  onMessage: ({ length }) => length === frames.length + 1 ? whole += 1 : torn += 1,
  receiveHighWaterMark: 0,
});
const dealer = Socket.open(poller, "dealer", { onMessage() {}, sendHighWaterMark: 0 });
dealer.connect(router.bind("tcp://127.0.0.1:*"));
for (let sent = 0; sent < MESSAGES; sent += 1) {
  const said = dealer.send(frames);
  if (said !== "sent") throw new Error(`message ${sent} was ${said}`);
  if (sent % 10 === 0) await new Promise((done) => setImmediate(done));
}
await until("all of them are there", () => whole + torn >= MESSAGES);
await print(JSON.stringify({ whole, torn }));
// Until nobody sends signals any more.
await Deno.stdin.read(new Uint8Array(1));
Deno.exit();
