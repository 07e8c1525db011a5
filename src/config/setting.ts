/**
 * A setting: what it may be, and what it is where nobody says so. What it may be is a schema that is made
 * when there is a value to look at: a start with few settings would wait for all the others otherwise.
 *
 * @module
 */

import type * as z from "zod";

/** How a default is written, and whether it is taken as it stands. */
interface Default {
  readonly written: unknown;
}

/**
 * One setting of a tree.
 *
 * @example
 * ```ts
 * const lanes = new Setting(() => z.int().min(1)).prefault(16);
 * lanes.fallback(); // 16
 * lanes.schema.safeParse(0).success; // false
 * ```
 */
export class Setting<Value> {
  readonly #make: () => z.ZodType<Value>;
  readonly #read: ((written: unknown) => Value) | undefined;
  readonly #default: Default | undefined;
  #schema: z.ZodType<Value> | undefined;

  /**
   * @param read What a default that is as it should be comes to, without the schema; by default the
   * schema is asked.
   */
  constructor(
    make: () => z.ZodType<Value>,
    read?: (written: unknown) => Value,
    byDefault?: Default,
  ) {
    this.#make = make;
    this.#read = read;
    this.#default = byDefault;
  }

  /** What it may be. */
  get schema(): z.ZodType<Value> {
    return this.#schema ??= this.#make();
  }

  /** What it is where nothing is given. */
  fallback(): Value {
    if (this.#default === undefined) return this.schema.parse(undefined);
    return this.#read ? this.#read(this.#default.written) : this.schema.parse(undefined);
  }

  /** The same, and `holds` must hold for it, too. */
  refine(holds: (value: Value) => boolean, needed: string): Setting<Value> {
    return new Setting(() => this.#make().refine(holds, needed), this.#read, this.#default);
  }

  /** The same with a default, as it could stand in a file. */
  prefault(written: unknown): Setting<Value> {
    return new Setting<Value>(() => this.#make().prefault(written as Value), this.#read, {
      written,
    });
  }

  /** The same, and it may be left out. */
  optional(): Setting<Value | undefined> {
    return new Setting(() => this.#make().optional(), () => undefined, { written: undefined });
  }
}
