/**
 * Under which address a client is known to workers.
 *
 * libzmq makes addresses up by counting from a random start, and version 4.3.5 ends the process when a
 * peer claims the one that is next (router.cpp asserts that it is free). So nobody may see how far it
 * has counted: what the broker hands out is enciphered with a key of its own. That needs no memory, and
 * a client has one alias for as long as its connection lasts, which no other has meanwhile.
 *
 * @module
 */

/** Bytes of an address of libzmq's: a zero, and 32 bits that count. */
const ADDRESS_BYTES = 5;

/** Rounds of Speck with a block of 32 and a key of 64 bits. */
const ROUNDS = 22;

/**
 * Aliases under one key.
 *
 * @example
 * ```ts
 * const aliases = new Aliases();
 * aliases.of(Uint8Array.of(0, 1, 2, 3, 4)); // five bytes that begin with 0, the same ones each time
 * aliases.of(utf8("pump-1")); // as it is: the peer chose it itself
 * ```
 */
export class Aliases {
  readonly #keys = new Uint16Array(ROUNDS);

  /** @param key Four words of 16 bits, the least significant one first; drawn at random by default. */
  constructor(key: Uint16Array = crypto.getRandomValues(new Uint16Array(4))) {
    const [first, ...others] = key as unknown as [number, ...number[]];
    this.#keys[0] = first;
    for (let i = 0; i < ROUNDS - 1; i += 1) {
      const [x, y] = round(others[i]!, this.#keys[i]!, i);
      others.push(x);
      this.#keys[i + 1] = y;
    }
  }

  /** The alias of the peer at `address`. */
  of(address: Uint8Array): Uint8Array {
    if (address.length !== ADDRESS_BYTES || address[0] !== 0) return address;
    let x = address[1]! << 8 | address[2]!;
    let y = address[3]! << 8 | address[4]!;
    for (const key of this.#keys) [x, y] = round(x, y, key);
    return Uint8Array.of(0, x >> 8, x & 0xff, y >> 8, y & 0xff);
  }
}

/** One round of Speck on words of 16 bits (Beaulieu et al., "The Simon and Speck families", 2013). */
function round(x: number, y: number, key: number): [number, number] {
  const left = ((((x >>> 7 | x << 9) & 0xffff) + y) & 0xffff) ^ key;
  return [left, ((y << 2 | y >>> 14) & 0xffff) ^ left];
}
