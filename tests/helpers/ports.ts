/** Ports that nobody listens on. */

import { until } from "./async.ts";

/** Below Linux's ephemeral ports, so that no outgoing connection takes one in the meantime. */
const FIRST = 20_000;
const COUNT = 12_000;

/** Different ports on 127.0.0.1 that are free now. */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (!ports.has(port) && isFree(port)) ports.add(port);
  }
  return [...ports];
}

/** A port on 127.0.0.1 that is free now. */
export function freePort(): number {
  return freePorts(1)[0]!;
}

/** What `start` makes, as soon as libzmq has let go of ports that it had before. */
export async function whenFree<T>(start: () => Promise<T>): Promise<T> {
  let started: { readonly it: T } | undefined;
  await until("the ports are free", async () => {
    try {
      started = { it: await start() };
    } catch (error) {
      if ((error as { code?: string }).code !== "endpoint_in_use") throw error;
    }
    return started !== undefined;
  });
  return started!.it;
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
