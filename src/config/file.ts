/**
 * Reads a configuration file and knows on which line everything stands.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { absolute } from "../paths.ts";
import { quote } from "./words.ts";
import { parseJson, parseToml, parseYaml, SyntaxFault } from "./syntax.ts";

/** Largest configuration file: ten times the longest sensible one, and what YAML parses in a moment. */
export const CONFIG_BYTES_MAX = 64 * 1024;

/** A parsed configuration file. */
export interface ConfigFile {
  /** The name under which it was asked for, for messages. */
  readonly name: string;
  /** What the file holds; undefined when it is empty. */
  readonly content: unknown;
  /**
   * The line, counted from 1, of the key or list element at the end of `keys`. Where it cannot be
   * told, the line of the section around it; undefined when there is none either.
   */
  lineOf(keys: readonly (string | number)[]): number | undefined;
}

/** How a file is read, by its ending. */
const PARSERS = new Map([
  [".yml", parseYaml],
  [".yaml", parseYaml],
  [".toml", parseToml],
  [".json", parseJson],
]);

/**
 * Reads and parses a file, by its ending as YAML, TOML or JSON.
 *
 * @param name Path as given by a person; messages repeat it.
 * @param cwd What a relative path starts from; the current directory of the process by default.
 * @returns Undefined if there is no such file.
 * @throws {PlantdError} `config_invalid`, with a sentence that begins with file and line.
 *
 * @example
 * ```ts
 * const file = readConfigFile("configs/state.yml");
 * file?.lineOf(["broker", "endpoint"]); // 12
 * ```
 */
export function readConfigFile(name: string, cwd?: string): ConfigFile | undefined {
  const bytes = readBounded(name, absolute(name, cwd));
  if (bytes === undefined) return undefined;
  const parse = PARSERS.get(/\.[^./]+$/.exec(name)?.[0].toLowerCase() ?? "");
  if (parse === undefined) {
    throw fault(name, undefined, `the ending must be one of ${[...PARSERS.keys()].join(", ")}`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw fault(name, undefined, "the file is not UTF-8 text");
  }
  try {
    return { name, ...parse(text) };
  } catch (thrown) {
    // A missing permission of the process is no fault of the file.
    if (thrown instanceof Deno.errors.NotCapable) throw thrown;
    throw fault(name, thrown instanceof SyntaxFault ? thrown.line : undefined, messageOf(thrown));
  }
}

/**
 * Where in a file something stands, as editors and terminals understand it.
 *
 * @example
 * ```ts
 * place("state.yml", 7); // "state.yml:7"
 * ```
 */
export function place(name: string, line: number | undefined): string {
  return line === undefined ? name : `${name}:${line}`;
}

function fault(name: string, line: number | undefined, why: string): PlantdError {
  return new PlantdError("config_invalid", `${place(name, line)}: ${why}`, {
    data: line === undefined ? { file: name } : { file: name, line },
  });
}

/** The bytes of a file; one byte too many is read, never more, whatever the file claims to be. */
function readBounded(name: string, path: string): Uint8Array<ArrayBuffer> | undefined {
  let bytes: Uint8Array<ArrayBuffer>;
  let length = 0;
  try {
    // Opening a pipe would wait until somebody writes into it.
    if (!Deno.statSync(path).isFile) throw new Error("it is not a file");
    using file = Deno.openSync(path, { read: true });
    bytes = new Uint8Array(CONFIG_BYTES_MAX + 1);
    while (length < bytes.length) {
      const count = file.readSync(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return undefined;
    if (thrown instanceof Deno.errors.NotADirectory) return undefined;
    throw new PlantdError("config_invalid", `${name}: cannot be read: ${messageOf(thrown)}`, {
      data: { file: name },
      cause: thrown,
      hint: `check that ${quote(path)} is a file this user may read`,
    });
  }
  if (length > CONFIG_BYTES_MAX) {
    throw fault(name, undefined, `the file is larger than ${CONFIG_BYTES_MAX} bytes`);
  }
  return bytes.subarray(0, length);
}
