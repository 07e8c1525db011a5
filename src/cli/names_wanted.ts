/**
 * Which names a command line that is being typed could go on with. Pure.
 *
 * @module
 */

/** What to ask the service for. */
export interface NamesWanted {
  readonly kind: "scope" | "key";
  /** How the names must begin. */
  readonly prefix: string;
  /** The scope whose keys are wanted. */
  readonly service: string;
  readonly endpoint: string | undefined;
  readonly config: string | undefined;
}

/** Commands of `state` whose first argument is a key. */
const WITH_KEY = ["get", "set", "delete", "history", "revert", "watch"];

/** Options with a value that these commands have; their values are not arguments. */
const WITH_VALUE = [
  "--service",
  "--endpoint",
  "--config",
  "-c",
  "--timeout",
  "--prefix",
  "--output",
  "-o",
  "--revision",
  "--limit",
  "--note",
  "--if-revision",
  "--ttl",
];

/** The scope where none is named. */
export const SCOPE_DEFAULT = "org.plantd.Client";

/**
 * What the last of `words` may become; undefined where it is no name.
 *
 * @example
 * ```ts
 * namesWanted(["state", "get", "--service=a", "k"]); // { kind: "key", prefix: "k", service: "a", ... }
 * ```
 */
export function namesWanted(words: readonly string[]): NamesWanted | undefined {
  const [group, operation = "", ...rest] = words;
  const last = rest.pop();
  if (group !== "state" || last === undefined || rest.includes("--")) return undefined;
  const options = new Map<string, string>();
  let argumentCount = 0;
  let pending: string | undefined;
  for (const word of rest) {
    const [, name, value] = /^(--?[a-z-]+)=(.*)$/s.exec(word) ?? [];
    if (pending !== undefined) options.set(pending, word);
    else if (name !== undefined) options.set(name, value!);
    else if (!word.startsWith("-")) argumentCount += 1;
    pending = pending === undefined && WITH_VALUE.includes(word) ? word : undefined;
  }
  const [, joined, after] = /^(--?[a-z-]+)=(.*)$/s.exec(last) ?? [];
  const option = pending ?? joined;
  const prefix = pending === undefined && joined !== undefined ? after! : last;
  const kind = kindOf(option, operation, argumentCount, prefix);
  if (kind === undefined) return undefined;
  return {
    kind,
    prefix,
    service: options.get("--service") ?? SCOPE_DEFAULT,
    endpoint: options.get("--endpoint"),
    config: options.get("--config") ?? options.get("-c"),
  };
}

function kindOf(
  option: string | undefined,
  operation: string,
  argumentCount: number,
  prefix: string,
): NamesWanted["kind"] | undefined {
  if (option === "--service") return "scope";
  if (option === "--prefix") return "key";
  if (option !== undefined || prefix.startsWith("-")) return undefined;
  return WITH_KEY.includes(operation) && argumentCount === 0 ? "key" : undefined;
}
