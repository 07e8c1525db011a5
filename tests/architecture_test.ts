import assert from "node:assert/strict";
import { type Edge, importFaults, roomOf, textFaults } from "./helpers/architecture.ts";

const ROOT = new URL("../", import.meta.url);

Deno.test("architecture - every import in the tree is one the design allows, and none goes round", async () => {
  const edges = await importsOf(await sourceFiles());
  assert.ok(edges.some(({ to }) => to === "npm:zeromq"), "the packages are among the imports");
  assert.deepEqual(importFaults(edges), []);
});

Deno.test("architecture - no file touches what is not its own, or is too long", async () => {
  const faults = (await sourceFiles()).map(async (file) =>
    textFaults(file, await Deno.readTextFile(new URL(file, ROOT)))
  );
  assert.deepEqual((await Promise.all(faults)).flat(), []);
});

/** One planted import for each rule, and what the rule says. */
const PLANTED: readonly [from: string, to: string, fault: RegExp][] = [
  ["src/errors.ts", "src/limits.ts", /ground floor imports nothing/],
  ["src/log.ts", "src/config/load.ts", /ground floor imports nothing/],
  ["src/mdp/session.ts", "src/zmq/socket.ts", /mdp may import/],
  ["src/mdp/frames.ts", "src/state/json.ts", /mdp may import/],
  ["src/mdp/worker.ts", "src/bus/envelope.ts", /mdp may import/],
  ["src/bus/envelope.ts", "src/zmq/socket.ts", /bus may import/],
  ["src/bus/subscriber.ts", "src/state/ingest.ts", /bus may import/],
  ["src/zmq/socket.ts", "src/mdp/frames.ts", /zmq may import/],
  ["src/state/operations.ts", "src/store/deno_kv.ts", /state may import/],
  ["src/state/operations.ts", "src/zmq/socket.ts", /state may import/],
  ["src/state/json.ts", "node:fs", /nothing of Node's/],
  ["src/state/json.ts", "npm:zeromq", /for zmq alone/],
  ["src/store/draft.ts", "src/config/schema.ts", /store may import/],
  ["src/config/load.ts", "src/state/names.ts", /config may import/],
  ["src/http/health.ts", "src/state/store.ts", /http may import/],
  ["src/network.ts", "src/service.ts", /network may import/],
  ["src/service.ts", "src/network.ts", /service may import/],
  ["src/service.ts", "src/cli/main.ts", /service may import/],
  ["src/cli/state_run.ts", "src/store/deno_kv.ts", /cli may import/],
  ["src/cli/state_run.ts", "src/mdp/broker.ts", /cli may import/],
  ["main.ts", "src/service.ts", /main may import/],
  ["src/service.ts", "npm:zeromq", /for zmq alone/],
  ["src/zmq/socket.ts", "npm:left-pad", /not listed/],
  ["src/attic/old.ts", "src/errors.ts", /attic has no rules/],
  ["src/cli/main.ts", "deno.json", /only version.ts/],
];

for (const [from, to, fault] of PLANTED) {
  Deno.test(`architecture - a planted import of ${to} by ${from} is found`, () => {
    const [found, ...more] = importFaults([{ from, to }]);
    assert.match(found ?? "", fault);
    assert.deepEqual(more, []);
  });
}

Deno.test("architecture - what the rules allow by name is allowed", () => {
  const edges: Edge[] = [
    { from: "src/mdp/client.ts", to: "src/zmq/socket.ts" },
    { from: "src/bus/subscriber.ts", to: "src/zmq/poller.ts" },
    { from: "src/cli/state_run.ts", to: "src/mdp/client.ts" },
    { from: "src/store/record.ts", to: "src/state/store.ts" },
    { from: "src/version.ts", to: "deno.json" },
    { from: "main.ts", to: "src/cli/main.ts" },
  ];
  assert.deepEqual(importFaults(edges), []);
});

Deno.test("architecture - a planted circle of imports is found", () => {
  const file = (name: string) => `src/state/${name}.ts`;
  const edges = [["a", "b"], ["b", "c"], ["c", "b"], ["a", "c"]].map(([from, to]) => ({
    from: file(from!),
    to: file(to!),
  }));
  assert.deepEqual(importFaults(edges), [
    `imports go round: ${["b", "c", "b"].map(file).join(" > ")}`,
  ]);
});

Deno.test("architecture - planted words are found in code and not in comments", () => {
  const planted: readonly [file: string, code: string, fault: RegExp | undefined][] = [
    ["src/state/names.ts", "await Deno.readTextFile(path);", /mentions Deno: the domain/],
    ["src/store/draft.ts", "const kv: Deno.Kv = x;", /mentions Deno.Kv/],
    ["src/store/draft.ts", "await Deno.openKv(path);", /mentions Deno.openKv/],
    ["src/service.ts", "Deno.env.get(name);", /mentions Deno.env/],
    ["src/cli/serve.ts", "Deno.exit(1);", /mentions Deno.exit/],
    ["src/cli/serve.ts", "process.exit(1);", /mentions process.exit/],
    ["src/cli/output.ts", "console.log(text);", /mentions console/],
    ["src/cli/output.ts", "// TODO: more", /has a TODO/],
    ["src/cli/output.ts", "x\n".repeat(301), /has 301 lines/],
    ["src/store/deno_kv_load.ts", "const kv: Deno.Kv = x;", undefined],
    ["src/config/load.ts", "Deno.env.get(name);", undefined],
    ["src/state/names.ts", " * await Deno.readTextFile(path);\nx(); // not Deno.env", undefined],
    ["src/cli/output.ts", "x\n".repeat(300), undefined],
  ];
  for (const [file, code, fault] of planted) {
    const faults = textFaults(file, code);
    if (fault === undefined) assert.deepEqual(faults, []);
    else assert.match(faults.join("\n"), fault);
  }
});

Deno.test("architecture - a file belongs to the room of its folder", () => {
  assert.deepEqual(
    ["main.ts", "src/errors.ts", "src/service.ts", "src/mdp/frames.ts", "npm:zod"].map(roomOf),
    ["main", "ground", "service", "mdp", "npm:zod"],
  );
});

/** All source files, whether or not the program reaches them, relative to the root. */
async function sourceFiles(): Promise<string[]> {
  const files = ["main.ts"];
  const walk = async (dir: string) => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(dir, ROOT))) {
      if (isDirectory) await walk(`${dir}${name}/`);
      else if (name.endsWith(".ts")) files.push(`${dir}${name}`);
    }
  };
  await walk("src/");
  return files.sort();
}

/** The imports of `files`: the program's at once, then of those it does not reach. */
async function importsOf(files: readonly string[]): Promise<Edge[]> {
  const edges = new Map<string, Edge[]>();
  for (const file of ["main.ts", ...files]) {
    if (edges.has(file)) continue;
    for (const module of await denoInfo(file)) edges.set(module.file, module.edges);
  }
  return [...edges.values()].flat();
}

interface Module {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/** What Deno itself says that `file` and everything below it import. */
async function denoInfo(file: string): Promise<{ file: string; edges: Edge[] }[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", file],
    cwd: ROOT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  return modules.filter(({ specifier }) => specifier.startsWith(ROOT.href)).map((module) => {
    const from = nameOf(module.specifier);
    assert.equal(module.error, undefined, `${from}: ${module.error}`);
    const edges = (module.dependencies ?? []).map(({ specifier, code, type }) => {
      const target = code?.specifier ?? type?.specifier;
      assert.ok(target !== undefined, `${from}: ${specifier} is not found`);
      return { from, to: nameOf(target) };
    });
    return { file: from, edges };
  });
}

/** `src/mdp/frames.ts`, `npm:zeromq`, `node:path`. */
function nameOf(specifier: string): string {
  if (specifier.startsWith(ROOT.href)) return specifier.slice(ROOT.href.length);
  const npm = /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(specifier);
  return npm ? `npm:${npm[1]}` : specifier;
}
