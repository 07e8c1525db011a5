/**
 * The rules of who may import whom and who may touch what, as pure functions over edges and texts.
 * CONTRIBUTING.md says why; tests/architecture_test.ts applies them to the tree.
 */

/** One import: `from` is a file of the project, `to` another one, or `npm:name`, `node:name`. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

/** Files that everybody may import and that import nothing of ours. */
const GROUND = [
  "errors",
  "limits",
  "clock",
  "log",
  "log_limit",
  "version",
  "paths",
  "is_there",
  "byte_pool",
  "same_bytes",
  "sync_directory",
]
  .map((name) => `src/${name}.ts`);

/** Files of `mdp` and `bus` that drive sockets. */
const SOCKET_DRIVERS = [
  ...["worker", "lane", "broker", "client"].map((name) => `src/mdp/${name}.ts`),
  "src/bus/subscriber.ts",
  "src/bus/capture.ts",
  "src/bus/intake.ts",
  "src/bus/feed.ts",
];

/** What the files of a room may import beside their own room and the ground floor. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ground: [],
  zmq: [],
  mdp: [],
  bus: [],
  state: [],
  audit: ["state"],
  telemetry: ["state"],
  backup: ["state"],
  store: ["state", "backup"],
  config: [],
  http: ["src/state/json.ts"],
  sd_notify: [],
  service: [
    "zmq",
    "mdp",
    "bus",
    "state",
    "store",
    "audit",
    "telemetry",
    "backup",
    "config",
    "http",
    "upkeep",
  ],
  upkeep: ["state", "store", "backup", "config", "http"],
  offline: ["state", "store", "backup", "config"],
  watch: ["zmq", "src/mdp/client.ts", "src/state/json.ts"],
  network: ["zmq", "mdp", "bus", "telemetry", "config"],
  cli: [
    "config",
    "service",
    "network",
    "offline",
    "backup",
    "watch",
    "sd_notify",
    "src/mdp/client.ts",
    "src/zmq/poller.ts",
    "src/state/json.ts",
  ],
  main: ["cli"],
};

/** Packages, and the only rooms each is for. */
const PACKAGE_ROOMS: Readonly<Record<string, readonly string[]>> = {
  "npm:zeromq": ["zmq"],
  "npm:zod": ["config", "http"],
  "npm:hono": ["http"],
  "npm:prom-client": ["http"],
  "npm:yaml": ["config"],
  "npm:smol-toml": ["config"],
  "npm:@opentelemetry/api": ["telemetry"],
  "npm:@optique/core": ["cli"],
  "npm:@optique/run": ["cli"],
  "npm:@logtape/logtape": ["ground"],
  "npm:@logtape/pretty": ["ground"],
};

/** Rooms that may use Node's built-in modules. */
const NODE_ROOMS = [
  "zmq",
  "store",
  "config",
  "cli",
  "http",
  "audit",
  "backup",
  "offline",
  "upkeep",
  "service",
];

/** Files over the limit, each with the reason why it is one idea all the same. */
const LONG_FILES: Readonly<Record<string, string>> = {
  "src/mdp/frames.ts": "three dialects side by side are checked against each other by eye",
  "src/mdp/session.ts": "one state machine, whose transitions are read as a whole",
  "src/mdp/registry.ts": "one state machine, whose transitions are read as a whole",
};

const LINES_MAX = 300;

/** The room of a file, or the package of an import. */
export function roomOf(path: string): string {
  if (path === "main.ts") return "main";
  if (GROUND.includes(path)) return "ground";
  return /^src\/([^/.]+)/.exec(path)?.[1] ?? path;
}

/** What is wrong with `edges`, one sentence each. */
export function importFaults(edges: readonly Edge[]): string[] {
  const faults = edges.flatMap((edge) => {
    const fault = importFault(edge);
    return fault === undefined ? [] : [`${edge.from} imports ${edge.to}: ${fault}`];
  });
  return [...faults, ...cycles(edges).map((cycle) => `imports go round: ${cycle.join(" > ")}`)];
}

function importFault({ from, to }: Edge): string | undefined {
  const room = roomOf(from);
  if (to.startsWith("npm:")) {
    const homes = PACKAGE_ROOMS[to];
    if (homes === undefined) return "the package is not listed in tests/helpers/architecture.ts";
    return homes.includes(room) ? undefined : `that package is for ${homes.join(" and ")} alone`;
  }
  if (to.startsWith("node:")) {
    return NODE_ROOMS.includes(room) ? undefined : `${room} uses nothing of Node's`;
  }
  // The version of the program is written there.
  if (to === "deno.json") return from === "src/version.ts" ? undefined : "only version.ts reads it";
  const target = roomOf(to);
  const allowed = MAY_IMPORT[room];
  if (allowed === undefined) {
    return `the room ${room} has no rules in tests/helpers/architecture.ts`;
  }
  if (room === "ground") return "the ground floor imports nothing of ours";
  if (target === "ground" || target === room) return undefined;
  if (allowed.includes(target) || allowed.includes(to)) return undefined;
  if (target === "zmq" && SOCKET_DRIVERS.includes(from)) return undefined;
  return `${room} may import ${["the ground floor", ...allowed].join(", ")}`;
}

/** Circles of imports, each beginning with the file that comes first in the alphabet. */
function cycles(edges: readonly Edge[]): string[][] {
  const imports = new Map<string, string[]>();
  for (const { from, to } of edges) imports.set(from, [...imports.get(from) ?? [], to]);
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) return void found.push([...path.slice(at), file]);
    if (done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of [...imports.keys()].sort()) visit(file, []);
  return found;
}

/** Words in the code (comments do not count), the only files that may use them, and why. */
const WORDS: readonly { word: RegExp; where: RegExp; why: string }[] = [
  {
    word: /\bDeno\.(Kv\w*|openKv|AtomicOperation)\b/,
    where: /^src\/store\/deno_kv\w*\.ts$/,
    why: "only the adapter knows Deno KV",
  },
  { word: /\bDeno\b/, where: /^(main\.ts|src\/(?!state\/).*)$/, why: "the domain does no I/O" },
  {
    word: /\bDeno\.env\b/,
    where: /^src\/config\//,
    why: "the environment is read in config alone",
  },
  {
    word: /\bDeno\.exit\b/,
    where: /^(main|src\/cli\/run_until_stopped)\.ts$/,
    why: "who ends the process skips everybody's clean-up",
  },
  { word: /\bprocess\.(env|exit)\b/, where: /^$/, why: "Deno's are used, where they may be" },
  {
    word: /\bconsole\./,
    where: /^src\/log\.ts$/,
    why: "the log and cli/output.ts are there for that",
  },
];

/** What is wrong with the text of one file, one sentence each. */
export function textFaults(file: string, text: string): string[] {
  const code = withoutComments(text);
  const faults = WORDS.flatMap(({ word, where, why }) => {
    const found = word.exec(code)?.[0];
    return found === undefined || where.test(file) ? [] : [`${file} mentions ${found}: ${why}`];
  });
  const mark = /\b(TODO|FIXME)\b/.exec(text)?.[0];
  if (mark !== undefined) faults.push(`${file} has a ${mark}: do it, or write it down as an issue`);
  const lines = text.trimEnd().split("\n").length;
  if (lines > LINES_MAX && LONG_FILES[file] === undefined) {
    faults.push(`${file} has ${lines} lines: at most ${LINES_MAX} without a reason`);
  }
  return faults;
}

/** `text` without lines of comment, and without comments at the ends of lines. */
function withoutComments(text: string): string {
  const code = text.split("\n").filter((line) => !/^\s*(\/\*|\*|\/\/)/.test(line));
  return code.map((line) => line.replace(/\s\/\/ .*$/, "")).join("\n");
}
