/**
 * Every setting there is: its key, what it may be, and its default. The tree below has the shape of
 * the file; the program gets the same tree in camelCase, see {@link StateConfig} and
 * {@link BrokerConfig}. How files of the original are read is in the aliases.
 *
 * @module
 */

import * as z from "zod";

import {
  BUS_HIGH_WATER_MARK,
  BUS_QUEUE_MAX,
  CHANGE_LOG_MAX,
  HISTORY_DEFAULT,
  HISTORY_MAX,
  MESSAGE_BYTES_MAX,
  REQUEST_ID_MS,
  SCOPE_MS_MAX,
  VALUE_BYTES_MAX,
} from "../limits.ts";
import { duration, endpoint, item, oneOf, path, textLike, wholeNumber, yesOrNo } from "./leaves.ts";
import { Setting } from "./setting.ts";

/** Room for the operation, the names and the JSON around a value within one message. */
const MESSAGE_SLACK_BYTES = 64 * 1024;

/** Buses one broker may run; each costs three sockets. */
const BUSES_MAX = 64;

/** Largest file of an audit log; what is larger nobody opens. */
const AUDIT_FILE_BYTES_MAX = 64 * 1024 * 1024 * 1024;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Majordomo service names: printable, without white space. */
const serviceName = () =>
  textLike(/^[^\s\p{C}]+$/u, "a service name such as org.plantd.State")
    .refine((text) => !text.startsWith("mmi."), "a name that does not begin with mmi. (RFC 8)");

/** Scope names (PROTOCOL section 2), as far as a configuration needs to know them. */
const scopeName = () =>
  textLike(/^[^\s\p{Cc},"'`{/]+$/u, "a scope name such as org.plantd.Client")
    .refine((text) => new TextEncoder().encode(text).length <= 255, "a scope of 1 to 255 bytes");

/** Heartbeats faster than 50 ms cost more than they tell; slower than a minute tell too late. */
const heartbeatMs = () => wholeNumber(50, 60_000).prefault(2500);
const heartbeatLiveness = () => wholeNumber(1, 100).prefault(3);

const log = {
  // `warning` and `panic` are logrus's names, which the original took.
  level: oneOf(
    ["trace", "debug", "info", "warn", "error", "fatal"],
    { warning: "warn", panic: "fatal" },
  ).prefault("info"),
  // auto: pretty on a terminal, JSON lines otherwise. `text` is the original's name for pretty.
  format: oneOf(["auto", "pretty", "json"], { text: "pretty" }).prefault("auto"),
};

/** Settings of the commands `serve` and `dev`, and of the client. */
export const STATE_SETTINGS = {
  service: { id: serviceName().prefault("org.plantd.State") },
  broker: {
    endpoint: endpoint("connect", "only").prefault("tcp://127.0.0.1:9797"),
    dialect: oneOf(["auto", "mdp01", "mdp02", "plantd02"]).prefault("mdp01"),
    "heartbeat-ms": heartbeatMs(),
    "heartbeat-liveness": heartbeatLiveness(),
  },
  worker: { lanes: wholeNumber(1, 256).prefault(16) },
  bus: {
    endpoint: endpoint("connect").prefault(">tcp://127.0.0.1:11001"),
    frontend: endpoint("bind", "only").prefault("@tcp://127.0.0.1:11000"),
    "create-scopes": yesOrNo().prefault(false),
    "default-scope": scopeName().optional(),
    queue: wholeNumber(1, 10_000_000).prefault(BUS_QUEUE_MAX),
    coalesce: yesOrNo().prefault(true),
    pull: endpoint("bind", "only").optional(),
  },
  feed: {
    enabled: yesOrNo().prefault(true),
    endpoint: endpoint("bind", "only").prefault("@tcp://127.0.0.1:11002"),
    "retained-changes": wholeNumber(0, 10_000_000).prefault(CHANGE_LOG_MAX),
  },
  database: {
    path: path().prefault("plantd-state.db"),
    "on-damage": oneOf(["start", "refuse"]).prefault("start"),
  },
  backup: {
    directory: path().optional(),
    every: duration("1m", "365d").prefault("1h"),
    keep: wholeNumber(1, 10_000).prefault(24),
  },
  scopes: {
    history: wholeNumber(0, HISTORY_MAX).prefault(HISTORY_DEFAULT),
    "history-ms": wholeNumber(0, SCOPE_MS_MAX).prefault(0),
    "ttl-ms": wholeNumber(0, SCOPE_MS_MAX).prefault(0),
    "keys-max": wholeNumber(0, Number.MAX_SAFE_INTEGER).prefault(0),
    "bytes-max": wholeNumber(0, Number.MAX_SAFE_INTEGER).prefault(0),
  },
  limits: {
    "value-bytes": wholeNumber(1, MESSAGE_BYTES_MAX - MESSAGE_SLACK_BYTES)
      .prefault(VALUE_BYTES_MAX),
    "request-id-ms": wholeNumber(0, DAY_MS).prefault(REQUEST_ID_MS),
  },
  health: {
    host: textLike(/^[^\s\p{Cc}/]+$/u, "a host name or address").prefault("127.0.0.1"),
    port: wholeNumber(0, 65_535).prefault(8081),
  },
  http: {
    edit: yesOrNo().prefault(false),
    names: textLike(/^[^\s\p{Cc}/,]+( *, *[^\s\p{Cc}/,]+)*$/u, "host names, separated by commas")
      .optional(),
  },
  audit: {
    file: path().optional(),
    "file-bytes": wholeNumber(64 * 1024, AUDIT_FILE_BYTES_MAX).prefault(16 * 1024 * 1024),
    keep: wholeNumber(1, 1000).prefault(8),
    bus: yesOrNo().prefault(false),
    values: yesOrNo().prefault(false),
  },
  log,
} satisfies SettingTree;

const bus = item({
  name: textLike(/^[^\s\p{C}]+$/u, "a name of a bus such as state"),
  frontend: endpoint("bind"),
  backend: endpoint("bind"),
  // The original's files name an inproc pipe here, which nobody outside its process could read: the
  // broker says so, and leaves it out.
  capture: endpoint("bind").optional(),
});

/** The three buses of the original, and with its ports. */
const BUSES_DEFAULT = [["state", 11], ["event", 12], ["metric", 13]].map(([name, thousands]) => ({
  name: String(name),
  frontend: `@tcp://127.0.0.1:${thousands}000`,
  backend: `@tcp://127.0.0.1:${thousands}001`,
}));

/** Settings of the command `broker`, flat as in the original. */
export const BROKER_SETTINGS = {
  // The original listened on every interface; nobody should do that without having said so.
  endpoint: endpoint("bind", "only").prefault("tcp://127.0.0.1:9797"),
  "heartbeat-ms": heartbeatMs(),
  "heartbeat-liveness": heartbeatLiveness(),
  "request-expiry-ms": wholeNumber(100, DAY_MS).prefault(60_000),
  "high-water-mark": wholeNumber(1, 10_000_000).prefault(BUS_HIGH_WATER_MARK),
  buses: new Setting(() =>
    z.array(bus.schema, "a list of buses").max(BUSES_MAX, `a list of at most ${BUSES_MAX} buses`)
  ).refine(
    (list) => new Set(list.map(({ name }) => name)).size === list.length,
    "buses of different names",
  ).prefault(BUSES_DEFAULT),
  log,
} satisfies SettingTree;

/** Sections of settings, as deep as one likes. */
export interface SettingTree {
  readonly [key: string]: Setting<unknown> | SettingTree;
}

/** `heartbeat-ms` is `heartbeatMs` in the program. */
export type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

type DeepReadonly<T> = T extends readonly (infer E)[] ? readonly DeepReadonly<E>[]
  : T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
  : T;

/** What the program gets from a tree of settings. */
export type ConfigOf<T extends SettingTree> = {
  readonly [K in keyof T & string as CamelCase<K>]: T[K] extends Setting<infer Value>
    ? DeepReadonly<Value>
    : T[K] extends SettingTree ? ConfigOf<T[K]>
    : never;
};

/** The dotted names of a tree's settings, such as `broker.heartbeat-ms`. */
export type PathOf<T extends SettingTree> = {
  [K in keyof T & string]: T[K] extends Setting<unknown> ? K
    : T[K] extends SettingTree ? `${K}.${PathOf<T[K]>}`
    : never;
}[keyof T & string];

/**
 * Configuration of the commands `serve` and `dev`, and of the client; deeply frozen.
 *
 * @example
 * ```ts
 * const { config } = loadStateConfig();
 * config.broker.endpoint.address; // "tcp://127.0.0.1:9797"
 * config.broker.heartbeatMs; // 2500
 * ```
 */
export type StateConfig = ConfigOf<typeof STATE_SETTINGS>;

/** Configuration of the command `broker`; deeply frozen. */
export type BrokerConfig = ConfigOf<typeof BROKER_SETTINGS>;

/** Dotted name of a setting of {@link StateConfig}. */
export type StatePath = PathOf<typeof STATE_SETTINGS>;

/** Dotted name of a setting of {@link BrokerConfig}. */
export type BrokerPath = PathOf<typeof BROKER_SETTINGS>;

/** Another name of a setting, and how to read its value if that differs. */
export interface Alias {
  readonly path: string;
  readonly convert?: (value: unknown) => unknown;
}

/** What the keys of a file mean. */
export interface FileRules {
  readonly settings: SettingTree;
  /** Names that files of the original use. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** Names, with everything below, that the original had and that mean nothing here. */
  readonly ignored: ReadonlySet<string>;
}

/** A tree of settings with everything needed to fill it from a file and the environment. */
export interface ConfigKind<T extends SettingTree> extends FileRules {
  readonly settings: T;
  /** Variable to dotted name. */
  readonly environment: ReadonlyMap<string, PathOf<T>>;
  /** The variable that names the file. */
  readonly fileVariable: string;
  /** Where a file is looked for when none was named; the first one there is taken. */
  readonly files: readonly string[];
}

/** How {@link StateConfig} is filled. */
export const STATE: ConfigKind<typeof STATE_SETTINGS> = {
  settings: STATE_SETTINGS,
  aliases: new Map([
    ["broker-endpoint", { path: "broker.endpoint" }],
    ["state-endpoint", { path: "bus.endpoint" }],
    ["database.uri", { path: "database.path" }],
    ["log.formatter", { path: "log.format" }],
  ]),
  ignored: new Set(["version", "env", "database.adapter", "log.loki", "identity"]),
  environment: new Map([
    ["PLANTD_STATE_DB", "database.path"],
    ["PLANTD_STATE_BACKUP_DIRECTORY", "backup.directory"],
    ["PLANTD_STATE_BROKER_ENDPOINT", "broker.endpoint"],
    ["PLANTD_STATE_BUS_ENDPOINT", "bus.endpoint"],
    ["PLANTD_STATE_FEED_ENDPOINT", "feed.endpoint"],
    ["PLANTD_STATE_HEALTH_PORT", "health.port"],
    ["PLANTD_STATE_LOG_LEVEL", "log.level"],
    ["PLANTD_STATE_LOG_FORMAT", "log.format"],
    ["PLANTD_STATE_WORKER_LANES", "worker.lanes"],
    ["PLANTD_STATE_AUDIT_FILE", "audit.file"],
  ]),
  fileVariable: "PLANTD_STATE_CONFIG",
  files: ["state.yml", "/etc/plantd/state.yml"],
};

/** How it is filled for `dev`: no file of the host is picked up, and the data lies out of the way. */
export const DEV: ConfigKind<typeof STATE_SETTINGS> = {
  ...STATE,
  settings: {
    ...STATE_SETTINGS,
    database: { ...STATE_SETTINGS.database, path: path().prefault(".plantd/dev.db") },
  },
  files: [],
};

/** How {@link BrokerConfig} is filled. */
export const BROKER: ConfigKind<typeof BROKER_SETTINGS> = {
  settings: BROKER_SETTINGS,
  aliases: new Map<string, Alias>([
    // The original counted microseconds, as zmq_poll of old did.
    ["heartbeat-interval", { path: "heartbeat-ms", convert: microsecondsToMs }],
    ["network.bind", { path: "endpoint" }],
    ["log.formatter", { path: "log.format" }],
  ]),
  ignored: new Set([
    "version",
    "env",
    "client-endpoint",
    "service",
    "health.port",
    "log.loki",
    "identity",
  ]),
  environment: new Map([
    ["PLANTD_BROKER_ENDPOINT", "endpoint"],
    ["PLANTD_BROKER_LOG_LEVEL", "log.level"],
    ["PLANTD_BROKER_LOG_FORMAT", "log.format"],
  ]),
  fileVariable: "PLANTD_BROKER_CONFIG",
  files: ["broker.yml", "/etc/plantd/broker.yml"],
};

/** Anything but a number stays what it is, so that the error can say what was found. */
function microsecondsToMs(value: unknown): unknown {
  return typeof value === "number" ? Math.round(value / 1000) : value;
}
