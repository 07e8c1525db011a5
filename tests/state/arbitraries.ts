/** What properties are tried with. */

import fc from "fast-check";

/** First and last code points of each length in UTF-8, without the surrogates. */
const RANGES = [[0, 0x7f], [0x80, 0x7ff], [0x800, 0xd7ff], [0xe000, 0xffff], [0x10000, 0x10ffff]];

const character = fc.oneof(
  ...RANGES.map(([min, max]) =>
    fc.integer({ min: min!, max: max! }).map((code) => String.fromCodePoint(code))
  ),
);

/** Any well-formed text; fast-check's own unit for that ("binary") takes seconds to build. */
export function anyText(
  { minLength = 0, maxLength = 20 }: { minLength?: number; maxLength?: number } = {},
): fc.Arbitrary<string> {
  return fc.string({ minLength, maxLength, unit: character });
}
