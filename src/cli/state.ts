/**
 * `plantd-state state ...`: loads and stores state through the broker, as the original's `plant`
 * client did.
 *
 * @module
 */

import { merge, object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { configOption, duration } from "./options.ts";

/** Time a command waits for its answer unless told otherwise, in milliseconds. */
const TIMEOUT_MS = 5_000;

const connection = object("Connection", {
  config: configOption,
  endpoint: optional(
    option("--endpoint", string({ metavar: "ENDPOINT" }), {
      description: message`Majordomo broker; else as configured for the service.`,
    }),
  ),
  timeout: withDefault(
    option("--timeout", duration(), {
      description: message`How long to wait for an answer: 500ms, 5s, 1m.`,
    }),
    TIMEOUT_MS,
  ),
  json: option("--json", { description: message`Print the service's reply as JSON.` }),
});

const scope = object({
  service: withDefault(
    option("--service", string({ metavar: "SCOPE" }), {
      description: message`Scope, named after the service that owns it.`,
    }),
    "org.plantd.Client",
  ),
});

const keyArgument = argument(string({ metavar: "KEY" }), {
  description: message`Name of the entry.`,
});

const key = object({ key: keyArgument });

function operation<const Name extends string>(name: Name) {
  return object({ command: constant("state"), operation: constant(name) });
}

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
    }),
    scope,
    connection,
  ),
  { description: message`Store a value. The scope is created if need be.` },
);

const get = command("get", merge(operation("get"), key, scope, connection), {
  description: message`Print a value: text as it is, anything else as JSON.`,
});

const remove = command("delete", merge(operation("delete"), key, scope, connection), {
  description: message`Delete a key. A key that does not exist is no failure.`,
});

const list = command(
  "list",
  merge(
    operation("list"),
    object({
      prefix: optional(
        option("--prefix", string({ metavar: "TEXT" }), {
          description: message`Only keys that begin with this.`,
        }),
      ),
    }),
    scope,
    connection,
  ),
  { description: message`List the keys of a scope, one a line.` },
);

const createScope = command("create-scope", merge(operation("create-scope"), scope, connection), {
  description: message`Create a scope.`,
});

const deleteScope = command("delete-scope", merge(operation("delete-scope"), scope, connection), {
  description: message`Delete a scope and all its keys.`,
});

const listScopes = command("list-scopes", merge(operation("list-scopes"), connection), {
  description: message`List the scopes, one a line.`,
});

const watchCommand = command(
  "watch",
  merge(
    operation("watch"),
    object({
      key: optional(keyArgument),
      prefix: optional(
        option("--prefix", string({ metavar: "TEXT" }), {
          description: message`Only keys that begin with this.`,
        }),
      ),
    }),
    scope,
    connection,
  ),
  {
    brief: message`Print a scope, and each change as it happens.`,
    description:
      message`Print what there is in a scope, then "synced", then each change as it happens, until SIGINT or SIGTERM. When something was missed it catches up; when that cannot be done, "reset" says that all of it comes anew.`,
  },
);

/** Parser of the command. */
export const stateCommand = command(
  "state",
  or(set, get, remove, list, createScope, deleteScope, listScopes, watchCommand),
  { description: message`Load and store state.` },
);

/** What the connection options parse to. */
export interface ConnectionValues {
  readonly config?: string | undefined;
  readonly endpoint?: string | undefined;
  /** In milliseconds. */
  readonly timeout: number;
  readonly json: boolean;
}

/** What the whole command parses to. */
export type StateValues =
  & ConnectionValues
  & { readonly command: "state" }
  & (
    | { operation: "set"; service: string; key: string; value: string; jsonValue: boolean }
    | { operation: "get" | "delete"; service: string; key: string }
    | { operation: "list"; service: string; prefix?: string | undefined }
    | {
      operation: "watch";
      service: string;
      key?: string | undefined;
      prefix?: string | undefined;
    }
    | { operation: "create-scope" | "delete-scope"; service: string }
    | { operation: "list-scopes" }
  );
