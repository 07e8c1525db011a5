/** Takes the foreign function interface away, then asks a ROUTER something; run by socket_test.ts. */

Deno.dlopen = () => {
  throw new Deno.errors.NotCapable("refused by the test");
};
const { Poller } = await import("../../src/zmq/poller.ts");
const { Socket } = await import("../../src/zmq/socket.ts");

await using poller = new Poller();
await using router = Socket.open(poller, "router", {
  onMessage: (frames) => void router.send(frames),
});
const address = await router.bind("tcp://127.0.0.1:*");
const answer = Promise.withResolvers<void>();
await using dealer = Socket.open(poller, "dealer", { onMessage: () => answer.resolve() });
dealer.connect(address);
await dealer.send([new Uint8Array(1)]);
await answer.promise;
await Deno.stdout.write(new TextEncoder().encode(`${poller.kind}: answered`));
