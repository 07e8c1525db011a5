/**
 * Addresses of sockets, as far as connecting to one's own or another's goes.
 *
 * @module
 */

/** The loopback address for each way to say "every interface". */
const LOOPBACK = new Map([["0.0.0.0", "127.0.0.1"], ["[::]", "[::1]"]]);

/**
 * An address that was bound, as one to connect to: none can connect to "every interface".
 *
 * @param host Where it was bound; this host by default.
 *
 * @example
 * ```ts
 * connectable("tcp://0.0.0.0:11002"); // "tcp://127.0.0.1:11002"
 * connectable("tcp://0.0.0.0:11002", "plant.local"); // "tcp://plant.local:11002"
 * ```
 */
export function connectable(address: string, host?: string): string {
  return address.replace(
    /^tcp:\/\/(0\.0\.0\.0|\[::\]):/,
    (_, every: string) => `tcp://${host ?? LOOPBACK.get(every)}:`,
  );
}
