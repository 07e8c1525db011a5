/**
 * `plantd-state state describe` and `configure`: a scope as a whole.
 *
 * @module
 */

import { type Ask } from "./asking.ts";
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { command, option } from "@optique/core/primitives";
import { choice, integer, type ValueParser } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import type { JsonObject } from "../state/json.ts";
import { duration } from "./options.ts";
import {
  connection,
  type ConnectionValues,
  noted,
  type NotedValues,
  operation,
  scope,
  stampFields,
} from "./state_options.ts";
import { show } from "./state_output.ts";
import { pairs } from "./table.ts";

/** What takes an option of a scope back. */
const DEFAULT = "default";

/** Parses what `parser` does, and `default`, which takes the option back: null. */
function orDefault(parser: ValueParser<"sync", number>): ValueParser<"sync", number | null> {
  return {
    mode: "sync",
    metavar: parser.metavar,
    placeholder: null,
    parse: (input) => input === DEFAULT ? { success: true, value: null } : parser.parse(input),
    format: (value) => value === null ? DEFAULT : parser.format(value),
  };
}

const count = () => orDefault(integer({ metavar: "NUMBER", min: 0 }));

export const describeCommand = command(
  "describe",
  merge(operation("describe"), scope, connection),
  {
    description: message`Print the numbers and options of a scope.`,
    footer: examples(
      "plantd-state state describe --service=org.plantd.Oven",
    ),
  },
);

export const configureCommand = command(
  "configure",
  merge(
    operation("configure"),
    object("Options of the scope; default takes one back", {
      history: optional(
        option("--history", count(), { description: message`Earlier values kept of each key.` }),
      ),
      historyAge: optional(
        option("--history-age", orDefault(duration()), {
          description: message`How old an earlier value becomes.`,
        }),
      ),
      ttl: optional(
        option("--ttl", orDefault(duration()), {
          description: message`How long a value lives whose writer does not say.`,
        }),
      ),
      keysMax: optional(
        option("--keys-max", count(), { description: message`Most keys; 0 for no bound.` }),
      ),
      bytesMax: optional(
        option("--bytes-max", count(), {
          description: message`Most bytes of keys and values; 0 for no bound.`,
        }),
      ),
      busCreate: optional(
        option("--bus-create", choice(["yes", "no", DEFAULT], { metavar: "YES" }), {
          description: message`Whether an update may create the scope: yes or no.`,
        }),
      ),
    }),
    noted,
    scope,
    connection,
  ),
  {
    description: message`Change the options of a scope, which need not exist.`,
    footer: examples(
      "plantd-state state configure --service=org.plantd.Oven --history=20 --ttl=default",
      "plantd-state state configure --service=org.plantd.Oven --keys-max=10000 --bus-create=yes",
    ),
  },
);

/** What the commands parse to. */
export type ScopeValues =
  | { operation: "describe"; service: string }
  | NotedValues & {
    operation: "configure";
    service: string;
    history?: number | null | undefined;
    historyAge?: number | null | undefined;
    ttl?: number | null | undefined;
    keysMax?: number | null | undefined;
    bytesMax?: number | null | undefined;
    busCreate?: "yes" | "no" | "default" | undefined;
  };

type Values<Operation extends ScopeValues["operation"]> =
  & ConnectionValues
  & Extract<ScopeValues, { operation: Operation }>;

/** Prints a scope's numbers and options, one a line. */
export async function describe(ask: Ask, values: Values<"describe">): Promise<number> {
  return showScope(values, await ask("describe-scope", { service: values.service }));
}

/** Changes a scope's options and prints what holds then. */
export async function configure(ask: Ask, values: Values<"configure">): Promise<number> {
  const { service, history, historyAge, ttl, keysMax, bytesMax, busCreate } = values;
  const reply = await ask("configure-scope", {
    service,
    history,
    history_ms: historyAge,
    ttl_ms: ttl,
    keys_max: keysMax,
    bytes_max: bytesMax,
    bus_create: busCreate === DEFAULT ? null : busCreate && busCreate === "yes",
    ...stampFields(values),
  });
  return showScope(values, reply);
}

function showScope(values: ConnectionValues, reply: JsonObject): number {
  return show(values, reply, () => {
    const { options, ...numbers } = reply.members.data as Record<string, Record<string, unknown>>;
    return pairs({ ...numbers, ...options });
  });
}
