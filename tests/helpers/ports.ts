/** Ports that nobody listens on. */

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

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
