/**
 * `plantd-state state ...`: loads and stores state through the broker, as the original's `plant`
 * client did.
 *
 * @module
 */

import { merge, object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, option } from "@optique/core/primitives";
import type { UsageTerm } from "@optique/core/usage";
import { integer, string } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { duration } from "./options.ts";
import { type BulkValues, loadCommand, storeCommand } from "./state_bulk.ts";
import {
  connection,
  type ConnectionValues,
  key,
  keyArgument,
  noted,
  type NotedValues,
  operation,
  prefixOption,
  scope,
  stamp,
  type StampValues,
} from "./state_options.ts";
import { historyCommand, type PastValues, revertCommand } from "./state_past.ts";
import { configureCommand, describeCommand, type ScopeValues } from "./state_scopes.ts";

const set = command(
  "set",
  merge(
    operation("set"),
    object({
      key: keyArgument,
      value: argument(string({ metavar: "VALUE" }), {
        description: message`Text to store; - reads it from standard input.`,
      }),
      jsonValue: option("--json-value", { description: message`VALUE is JSON, not text.` }),
      ttl: optional(
        option("--ttl", duration(), { description: message`How long the value lives: 30s, 5m.` }),
      ),
    }),
    stamp,
    scope,
    connection,
  ),
  {
    description: message`Store a value. The scope is created if need be.`,
    footer: examples(
      "plantd-state state set --service=org.plantd.Oven mode hold",
      'plantd-state state set --service=org.plantd.Oven setpoint 21.5 --json-value --note="second shift"',
      "plantd-state state set --service=org.plantd.Oven report -",
    ),
  },
);

const get = command(
  "get",
  merge(
    operation("get"),
    object({
      key: keyArgument,
      revision: optional(
        option("--revision", integer({ metavar: "REVISION", min: 0 }), {
          description: message`What it was when the store had this revision.`,
        }),
      ),
    }),
    scope,
    connection,
  ),
  {
    description: message`Print a value: text as it is, anything else as JSON.`,
    footer: examples(
      "plantd-state state get --service=org.plantd.Oven setpoint",
      "plantd-state state get --service=org.plantd.Oven setpoint --revision=42",
    ),
  },
);

const remove = command("delete", merge(operation("delete"), key, stamp, scope, connection), {
  description: message`Delete a key. A key that does not exist is no failure.`,
  footer: examples(
    "plantd-state state delete --service=org.plantd.Oven mode",
    'plantd-state state delete --service=org.plantd.Oven mode --if-revision=42 --note="not in use"',
  ),
});

const list = command(
  "list",
  merge(
    operation("list"),
    object({
      prefix: prefixOption,
    }),
    scope,
    connection,
  ),
  {
    description: message`List the keys of a scope, one a line.`,
    footer: examples(
      "plantd-state state list --service=org.plantd.Oven --prefix=alarm.",
    ),
  },
);

const createScope = command(
  "create-scope",
  merge(operation("create-scope"), noted, scope, connection),
  {
    description: message`Create a scope.`,
    footer: examples(
      "plantd-state state create-scope --service=org.plantd.Oven",
    ),
  },
);

const deleteScope = command(
  "delete-scope",
  merge(operation("delete-scope"), noted, scope, connection),
  {
    description: message`Delete a scope and all its keys.`,
    footer: examples(
      "plantd-state state delete-scope --service=org.plantd.Oven",
    ),
  },
);

const listScopes = command("list-scopes", merge(operation("list-scopes"), connection), {
  description: message`List the scopes, one a line.`,
  footer: examples(
    "plantd-state state list-scopes",
    "plantd-state state list-scopes --endpoint=tcp://controller:9797 --json",
  ),
});

/** What the parser does not see, see `commandBehind`. */
const BEHIND: UsageTerm = {
  type: "optional",
  terms: [{ type: "argument", metavar: "-- COMMAND..." }],
};

const watchCommand = command(
  "watch",
  merge(
    operation("watch"),
    object({
      key: optional(keyArgument),
      prefix: prefixOption,
    }),
    scope,
    connection,
  ),
  {
    brief: message`Print a scope, and each change as it happens.`,
    description:
      message`Print what there is in a scope, then "synced", then each change as it happens, until SIGINT or SIGTERM. When something was missed it catches up; when that cannot be done, "reset" says that all of it comes anew. With a command behind -- nothing is printed; the command is run for each change from then on, one after the other, with PLANTD_OPERATION (set or delete), PLANTD_SCOPE, PLANTD_KEY, PLANTD_REVISION, PLANTD_VALUE and PLANTD_VALUE_JSON in its environment and the change as JSON on its standard input.`,
    footer: examples(
      "plantd-state state watch --service=org.plantd.Oven",
      "plantd-state state watch --service=org.plantd.Oven --prefix=alarm. --json",
      "plantd-state state watch --service=org.plantd.Oven --prefix=alarm. -- sh -c 'logger \"$PLANTD_KEY $PLANTD_VALUE\"'",
    ),
    usageLine: (usage) => [...usage, BEHIND],
  },
);

/** Parser of the command. */
export const stateCommand = command(
  "state",
  or(
    or(set, get, remove, list, watchCommand),
    or(historyCommand, revertCommand, loadCommand, storeCommand),
    or(createScope, deleteScope, listScopes, describeCommand, configureCommand),
  ),
  {
    description: message`Load and store state.`,
    footer: examples(
      "plantd-state state set --service=org.plantd.Oven mode hold",
      "plantd-state state get --service=org.plantd.Oven mode",
      "plantd-state state watch --service=org.plantd.Oven",
    ),
  },
);

/** What the whole command parses to. */
export type StateValues =
  & ConnectionValues
  & { readonly command: "state" }
  & (
    | PastValues
    | BulkValues
    | ScopeValues
    | (StampValues & {
      operation: "set";
      service: string;
      key: string;
      value: string;
      jsonValue: boolean;
      ttl?: number | undefined;
    })
    | { operation: "get"; service: string; key: string; revision?: number | undefined }
    | (StampValues & { operation: "delete"; service: string; key: string })
    | { operation: "list"; service: string; prefix?: string | undefined }
    | {
      operation: "watch";
      service: string;
      key?: string | undefined;
      prefix?: string | undefined;
    }
    | (NotedValues & { operation: "create-scope" | "delete-scope"; service: string })
    | { operation: "list-scopes" }
  );
