/**
 * `plantd-state state load` and `store`: a whole scope at once, as JSON or YAML.
 *
 * @module
 */

import { type Ask } from "./asking.ts";
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { argument, command, option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { jsonOfYaml } from "../config/yaml.ts";
import { messageOf, PlantdError } from "../errors.ts";
import { JsonText, parseObject } from "../state/json.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, printAs } from "./format.ts";
import { Progress } from "./progress.ts";
import {
  connection,
  type ConnectionValues,
  operation,
  prefixOption,
  scope,
  stamp,
  stampFields,
  type StampValues,
} from "./state_options.ts";
import { readStandardInput, show } from "./state_output.ts";
import { columns } from "./table.ts";

const encoder = new TextEncoder();

export const loadCommand = command(
  "load",
  merge(
    operation("load"),
    object({ prefix: prefixOption }),
    scope,
    connection,
  ),
  {
    description:
      message`Print a scope as of one moment: an object of its keys and values, as JSON unless told otherwise; --output table prints a key and its value a line.`,
    footer: examples(
      "plantd-state state load --service=org.plantd.Oven",
      "plantd-state state load --service=org.plantd.Oven --output=yaml",
    ),
  },
);

export const storeCommand = command(
  "store",
  merge(
    operation("store"),
    object({
      file: argument(string({ metavar: "FILE" }), {
        description: message`JSON or YAML: an object of keys and values; - is standard input.`,
      }),
      mode: withDefault(
        option("--mode", choice(["merge", "replace"], { metavar: "MODE" }), {
          description: message`merge, or replace: the scope has no other keys afterwards.`,
        }),
        "merge" as const,
      ),
    }),
    stamp,
    scope,
    connection,
  ),
  {
    description: message`Store many keys at once, all of them or none.`,
    footer: examples(
      "plantd-state state store --service=org.plantd.Oven oven.yml",
      "plantd-state state store --service=org.plantd.Oven --mode=replace -",
    ),
  },
);

/** What the commands parse to. */
export type BulkValues =
  | {
    operation: "load";
    service: string;
    prefix?: string | undefined;
  }
  | StampValues & {
    operation: "store";
    service: string;
    file: string;
    mode: "merge" | "replace";
  };

type Values<Operation extends BulkValues["operation"]> =
  & ConnectionValues
  & Extract<BulkValues, { operation: Operation }>;

/** Prints the keys and values of a scope. */
export async function load(ask: Ask, values: Values<"load">): Promise<number> {
  const { service, prefix } = values;
  const format = formatOf(values, "json");
  const entries: [key: string, value: JsonText][] = [];
  using progress = new Progress("loading");
  let revision: number | undefined;
  for (let more = true; more;) {
    const after = entries.at(-1)?.[0];
    const reply = await ask("load", { service, prefix, after, revision });
    const data = parseObject(encoder.encode(reply.textOf("data")!.text));
    entries.push(...data.textsOf("entries"));
    revision = data.members.revision as number;
    more = data.members.more === true;
    progress.count(entries.length, "keys");
  }
  progress.clear();
  const lines = entries.map(([key, { text }]) => `  ${JSON.stringify(key)}: ${text}`);
  const json = lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n}`;
  printAs(
    format,
    json,
    () =>
      columns(["KEY", "VALUE"], entries.map(([key, { text }]) => [key, text]), {
        isTerminal: Deno.stdout.isTerminal(),
      }),
  );
  return EXIT.done;
}

/** Stores keys and values from a file. */
export async function store(ask: Ask, values: Values<"store">): Promise<number> {
  const { service, file, mode } = values;
  const entries = entriesOf(file, file === "-" ? await readStandardInput() : await read(file));
  const reply = await ask("store", { service, mode, entries, ...stampFields(values) });
  return show(values, reply, () => {
    const { count, revision } = reply.members.data as { count: number; revision: number };
    return `${count} keys, revision ${revision}`;
  });
}

async function read(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new PlantdError("usage", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** An object of keys and values, to the letter; what is no JSON is taken for YAML. */
function entriesOf(file: string, text: string): JsonText {
  try {
    parseObject(encoder.encode(text));
    return new JsonText(text);
  } catch {
    // Not JSON; YAML then.
  }
  const json = jsonOfYaml(file, text);
  if (json.startsWith("{")) return new JsonText(json);
  throw new PlantdError("usage", `${file}: an object of keys and values is needed`);
}
