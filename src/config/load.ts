/**
 * Flags, environment, file and defaults become one frozen configuration, in this order of
 * precedence. This room is the only one that reads environment variables.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { collect, type Collected, type Collection, faultOf, leavesOf } from "./collect.ts";
import { type Endpoint, formatEndpoint } from "./endpoint.ts";
import { type ConfigFile, readConfigFile } from "./file.ts";
import {
  BROKER,
  type BrokerConfig,
  type BrokerPath,
  type ConfigKind,
  type ConfigOf,
  DEV,
  type PathOf,
  type SettingTree,
  STATE,
  type StateConfig,
  type StatePath,
} from "./schema.ts";
import type { Setting } from "./setting.ts";
import { assign, deepFreeze } from "./tree.ts";
import { quote } from "./words.ts";

/** Reads one environment variable; undefined if it is not set. */
export type ReadEnvironment = (name: string) => string | undefined;

/** A setting that the command line gives, and the flag that gave it, for messages. */
export interface FlagValue {
  /** Text as typed, or a value that the command line has parsed already. */
  readonly value: string | number | boolean;
  /** For example `--db`. */
  readonly flag: string;
}

/** What a configuration is loaded from. */
export interface LoadOptions<Path extends string> {
  /** Settings from the command line by dotted name. */
  readonly flags?: { readonly [P in Path]?: FlagValue | undefined } | undefined;
  /** `Deno.env.get` by default. */
  readonly env?: ReadEnvironment | undefined;
  /** What relative paths of configuration files start from; the process's directory by default. */
  readonly cwd?: string | undefined;
  /** The value of `--config`. */
  readonly configPath?: string | undefined;
}

/** Where a setting got its value. */
export interface SettingSource {
  /** The effective value as it could stand in a file; undefined if the setting is not set. */
  readonly value: unknown;
  /** `default`, `state.yml:12`, `environment PLANTD_STATE_DB` or `flag --db`. */
  readonly from: string;
}

/** A configuration and where it comes from. */
export interface Loaded<Config> {
  /** Deeply frozen. */
  readonly config: Config;
  /** By dotted name, in the order of the schema. */
  readonly sources: ReadonlyMap<string, SettingSource>;
  /** The file that was read, under the name it was asked for. */
  readonly file: string | undefined;
  /** Dotted names of keys in the file that only the original understood. */
  readonly ignored: readonly string[];
}

/**
 * Loads the configuration of the commands `serve` and `dev`, and of the client.
 *
 * The file is the one of `--config`, else of PLANTD_STATE_CONFIG, else `state.yml` in the current
 * directory, else /etc/plantd/state.yml. A file that was named must exist, the others need not.
 *
 * @throws {PlantdError} `config_invalid`, naming the file and line, the variable or the flag.
 *
 * @example
 * ```ts
 * const { config } = loadStateConfig({ flags: { "database.path": { value: "a.db", flag: "--db" } } });
 * config.database.path; // "a.db"
 * ```
 */
export function loadStateConfig(options: LoadOptions<StatePath> = {}): Loaded<StateConfig> {
  return load(STATE, options);
}

/**
 * Loads the configuration of the command `dev`, as {@link loadStateConfig} does, but only from a file
 * that was named, and with `.plantd/dev.db` as the default database.
 *
 * @throws {PlantdError} `config_invalid`, naming the file and line, the variable or the flag.
 */
export function loadDevConfig(options: LoadOptions<StatePath> = {}): Loaded<StateConfig> {
  return load(DEV, options);
}

/**
 * Loads the configuration of the command `broker`, as {@link loadStateConfig} does, from
 * PLANTD_BROKER_CONFIG, `broker.yml` or /etc/plantd/broker.yml.
 *
 * @throws {PlantdError} `config_invalid`, naming the file and line, the variable or the flag.
 *
 * @example
 * ```ts
 * loadBrokerConfig().config.endpoint; // { mode: "bind", address: "tcp://127.0.0.1:9797" }
 * ```
 */
export function loadBrokerConfig(options: LoadOptions<BrokerPath> = {}): Loaded<BrokerConfig> {
  return load(BROKER, options);
}

/**
 * Refuses an environment in which Deno KV would not write to disk, whatever path it is given.
 *
 * @throws {PlantdError} `database_unusable`
 *
 * @example
 * ```ts
 * refuseMemoryDatabase((name) => name === "DENO_KV_DB_MODE" ? "memory" : undefined); // throws
 * ```
 */
export function refuseMemoryDatabase(env: ReadEnvironment = readDenoEnvironment): void {
  const mode = env("DENO_KV_DB_MODE") ?? "";
  if (mode === "" || mode === "disk") return;
  throw new PlantdError(
    "database_unusable",
    `DENO_KV_DB_MODE must be "disk" or unset, found ${quote(mode)}: ` +
      `persistence would be off and every write lost at the end of the process`,
    { data: { variable: "DENO_KV_DB_MODE" }, hint: "unset DENO_KV_DB_MODE and start again" },
  );
}

function readDenoEnvironment(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new PlantdError("config_invalid", `environment ${name}: the value is not UTF-8 text`, {
      data: { variable: name },
      cause: error,
    });
  }
}

function load<T extends SettingTree>(
  kind: ConfigKind<T>,
  options: LoadOptions<PathOf<T>>,
): Loaded<ConfigOf<T>> {
  const env = options.env ?? readDenoEnvironment;
  const file = findFile(kind, env, options);
  const collection = file === undefined ? NOTHING : collect(file, kind);
  const flags = (options.flags ?? {}) as Readonly<Record<string, FlagValue | undefined>>;
  const variables = new Map([...kind.environment].map(([name, path]) => [path as string, name]));
  const config: Record<string, unknown> = {};
  const sources = new Map<string, SettingSource>();
  for (const [path, leaf] of leavesOf(kind.settings)) {
    const given = fromFlag(leaf, flags[path]) ??
      fromEnvironment(leaf, variables.get(path), env) ??
      collection.values.get(path);
    const effective = given === undefined ? leaf.fallback() : leaf.schema.parse(given.value);
    assign(config, path, effective);
    sources.set(path, { value: asWritten(effective), from: given?.from ?? "default" });
  }
  return {
    config: deepFreeze(config) as ConfigOf<T>,
    sources,
    file: file?.name,
    ignored: collection.ignored,
  };
}

const NOTHING: Collection = { values: new Map(), ignored: [] };

function findFile<T extends SettingTree>(
  kind: ConfigKind<T>,
  env: ReadEnvironment,
  { configPath, cwd }: LoadOptions<PathOf<T>>,
): ConfigFile | undefined {
  const named = configPath ?? (env(kind.fileVariable) || undefined);
  if (named !== undefined) {
    const file = readConfigFile(named, cwd);
    if (file !== undefined) return file;
    const by = configPath === undefined ? `environment ${kind.fileVariable}` : "flag --config";
    throw new PlantdError("config_invalid", `${by}: there is no file ${quote(named)}`, {
      data: { file: named },
    });
  }
  for (const name of kind.files) {
    const file = readConfigFile(name, cwd);
    if (file !== undefined) return file;
  }
  return undefined;
}

function fromFlag(leaf: Setting<unknown>, given: FlagValue | undefined): Collected | undefined {
  return given === undefined ? undefined : fromText(leaf, given.value, "flag", given.flag);
}

function fromEnvironment(
  leaf: Setting<unknown>,
  variable: string | undefined,
  env: ReadEnvironment,
): Collected | undefined {
  const text = variable === undefined ? undefined : env(variable);
  // Service managers and compose files set variables to nothing to unset them.
  return text === undefined || text === ""
    ? undefined
    : fromText(leaf, text, "environment", variable!);
}

/** A value from where everything is text; what looks like a number may be meant as one. */
function fromText(leaf: Setting<unknown>, value: unknown, origin: string, name: string): Collected {
  let meant = value;
  if (typeof value === "string" && !leaf.schema.safeParse(value).success) {
    if (/^-?\d{1,15}$/.test(value)) meant = Number(value);
    if (value === "true" || value === "false") meant = value === "true";
  }
  const fault = faultOf(name, leaf, meant);
  if (fault === undefined) return { value: meant, from: `${origin} ${name}` };
  throw new PlantdError("config_invalid", `${origin} ${fault.sentence}`, {
    data: { [origin === "flag" ? "flag" : "variable"]: name },
  });
}

/** A value with its endpoints as text again. */
function asWritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asWritten);
  if (typeof value !== "object" || value === null) return value;
  if ("mode" in value && "address" in value) return formatEndpoint(value as Endpoint);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, asWritten(inner)]),
  );
}
