/**
 * Turns what a file holds into values by dotted name: aliases of the original become their setting,
 * what is unknown or of the wrong kind becomes a sentence with its line.
 *
 * @module
 */

import util from "node:util";

import { PlantdError } from "../errors.ts";
import { type ConfigFile, place } from "./file.ts";
import { unknownKey } from "./leaves.ts";
import type { Alias, FileRules, SettingTree } from "./schema.ts";
import { Setting } from "./setting.ts";
import { describe, quote } from "./words.ts";

/** Faults told at once; whoever has more mends these first. */
const FAULTS_TOLD_MAX = 10;

/** A setting as a file has it. */
export interface Collected {
  readonly value: unknown;
  /** For example `state.yml:12`. */
  readonly from: string;
}

/** What a file says about a configuration. */
export interface Collection {
  readonly values: ReadonlyMap<string, Collected>;
  /** Dotted names of keys that the original had and that mean nothing here. */
  readonly ignored: readonly string[];
}

/**
 * The settings of a tree by dotted name, in the order of the tree.
 *
 * @example
 * ```ts
 * [...leavesOf(STATE_SETTINGS).keys()][0]; // "service.id"
 * ```
 */
export function leavesOf(tree: SettingTree): ReadonlyMap<string, Setting<unknown>> {
  const leaves = new Map<string, Setting<unknown>>();
  for (const [key, node] of Object.entries(tree)) {
    if (node instanceof Setting) leaves.set(key, node);
    else for (const [path, leaf] of leavesOf(node)) leaves.set(`${key}.${path}`, leaf);
  }
  return leaves;
}

/**
 * Collects and checks every key of a file.
 *
 * @throws {PlantdError} `config_invalid`, with one line for each fault, in the order of the file.
 *
 * @example
 * ```ts
 * const file = readConfigFile("state.yml");
 * if (file !== undefined) collect(file, STATE).values.get("broker.endpoint");
 * ```
 */
export function collect(file: ConfigFile, rules: FileRules): Collection {
  return new Collector(file, rules).run();
}

/**
 * The sentence about a value that a setting does not accept, or undefined if it does.
 *
 * @param name How the setting is called where the value comes from.
 *
 * @example
 * ```ts
 * faultOf("health.port", wholeNumber(0, 65_535), "abc");
 * // "health.port" needs a whole number from 0 to 65535, found the text "abc"
 * ```
 */
export function faultOf(name: string, leaf: Setting<unknown>, value: unknown): Fault | undefined {
  const issue = leaf.schema.safeParse(value).error?.issues[0];
  if (issue === undefined) return undefined;
  const keys = issue.path as (string | number)[];
  const inside = keys.map((key) => typeof key === "number" ? `[${key}]` : `.${key}`).join("");
  const subject = quote(name + inside);
  if (issue.code === "unrecognized_keys") {
    return { keys: [...keys, issue.keys[0]!], sentence: `${issue.message} in ${subject}` };
  }
  if (issue.code === "custom" && issue.params?.["whole"] === true) {
    return { keys, sentence: `${subject}: ${issue.message}` };
  }
  const found = keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], value);
  return { keys, sentence: `${subject} needs ${issue.message}, found ${describe(found)}` };
}

/** What is wrong with a value, and where inside of it. */
interface Fault {
  readonly keys: readonly (string | number)[];
  readonly sentence: string;
}

interface Written extends Collected {
  readonly keys: readonly string[];
}

class Collector {
  readonly #file: ConfigFile;
  readonly #leaves: ReadonlyMap<string, Setting<unknown>>;
  readonly #aliases: ReadonlyMap<string, Alias>;
  readonly #ignorable: ReadonlySet<string>;
  /** Every name that leads to something, sections included. */
  readonly #known = new Set<string>();
  readonly #values = new Map<string, Written>();
  readonly #ignored: string[] = [];
  readonly #faults: { line: number | undefined; sentence: string }[] = [];

  constructor(file: ConfigFile, rules: FileRules) {
    this.#file = file;
    this.#leaves = leavesOf(rules.settings);
    this.#aliases = rules.aliases;
    this.#ignorable = rules.ignored;
    for (const path of [...this.#leaves.keys(), ...rules.aliases.keys(), ...rules.ignored]) {
      const keys = path.split(".");
      keys.forEach((_, index) => this.#known.add(keys.slice(0, index + 1).join(".")));
    }
  }

  run(): Collection {
    this.#section([], this.#file.content);
    for (const [path, written] of this.#values) {
      const name = written.keys.join(".");
      const subject = name === path || this.#aliases.get(name)?.convert === undefined
        ? name
        : `${name} (in other units: ${path})`;
      const fault = faultOf(subject, this.#leaves.get(path)!, written.value);
      if (fault !== undefined) this.#fault([...written.keys, ...fault.keys], fault.sentence);
    }
    if (this.#faults.length > 0) throw this.#error();
    return { values: this.#values, ignored: this.#ignored };
  }

  #section(keys: readonly string[], content: unknown): void {
    // A section whose keys are all commented out is there, and holds nothing.
    if (content === undefined || content === null) return;
    if (typeof content !== "object" || Array.isArray(content) || content instanceof Date) {
      const subject = keys.length === 0 ? "the file" : quote(keys.join("."));
      return this.#fault(keys, `${subject} needs a section of keys, found ${describe(content)}`);
    }
    for (const [key, value] of Object.entries(content)) this.#key([...keys, key], value);
  }

  #key(keys: readonly string[], value: unknown): void {
    const name = keys.join(".");
    // A dot inside of a key must not make it look like a path.
    if (keys.at(-1)!.includes(".") || !this.#known.has(name)) {
      return this.#fault(keys, unknownKey(name, this.#known));
    }
    if (this.#ignorable.has(name)) {
      this.#ignored.push(name);
      return;
    }
    const alias = this.#aliases.get(name);
    if (alias !== undefined) return this.#setting(alias.path, keys, alias, value);
    if (this.#leaves.has(name)) return this.#setting(name, keys, undefined, value);
    this.#section(keys, value);
  }

  #setting(path: string, keys: readonly string[], alias: Alias | undefined, raw: unknown): void {
    const value = alias?.convert === undefined ? raw : alias.convert(raw);
    const other = this.#values.get(path);
    if (other === undefined) {
      const from = place(this.#file.name, this.#file.lineOf(keys));
      this.#values.set(path, { value, keys, from });
    } else if (!util.isDeepStrictEqual(other.value, value)) {
      this.#fault(
        keys,
        `${quote(keys.join("."))} and ${quote(other.keys.join("."))} (${other.from}) ` +
          `are the same setting with different values: needed only one of them`,
      );
    }
  }

  #fault(keys: readonly (string | number)[], sentence: string): void {
    this.#faults.push({ line: this.#file.lineOf(keys), sentence });
  }

  #error(): PlantdError {
    const faults = this.#faults.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
    const told = faults.slice(0, FAULTS_TOLD_MAX)
      .map(({ line, sentence }) => `${place(this.#file.name, line)}: ${sentence}`);
    if (faults.length > told.length) {
      told.push(`${this.#file.name}: and ${faults.length - told.length} more`);
    }
    const line = faults[0]?.line;
    return new PlantdError("config_invalid", told.join("\n"), {
      data: { file: this.#file.name, ...(line === undefined ? {} : { line }) },
    });
  }
}
