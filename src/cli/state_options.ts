/**
 * Options that the commands of `plantd-state state` share.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, constant, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { outputOptions, type OutputValues } from "./format.ts";
import type { ServiceValues } from "./asking.ts";
import { nameParser } from "./names.ts";
import { SCOPE_DEFAULT } from "./names_wanted.ts";
import { configOption, duration } from "./options.ts";

/** Time a command waits for its answer unless told otherwise, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** Where the service is. */
export const serviceOptions = object("Connection", {
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
});

/** Where the service is, and how to print its answer. */
export const connection = merge(serviceOptions, outputOptions);

/** `--service SCOPE`. */
export const scope = object({
  service: withDefault(
    option("--service", nameParser("scope", "SCOPE"), {
      description: message`Scope, named after the service that owns it.`,
    }),
    SCOPE_DEFAULT,
  ),
});

/** `KEY`. */
export const keyArgument = argument(nameParser("key", "KEY"), {
  description: message`Name of the entry.`,
});

/** `KEY` alone. */
export const key = object({ key: keyArgument });

/** Names the operation. */
export function operation<const Name extends string>(name: Name) {
  return object({ command: constant("state"), operation: constant(name) });
}

/** `--prefix TEXT`. */
export const prefixOption = optional(
  option("--prefix", nameParser("key", "TEXT"), {
    description: message`Only keys that begin with this.`,
  }),
);

const note = optional(
  option("--note", string({ metavar: "TEXT" }), {
    description: message`Why, for whoever reads the history.`,
  }),
);

/** What a write to a scope as a whole may say of itself. */
export const noted = object({ note });

/** What a write may say of itself. */
export const stamp = object({
  note,
  ifRevision: optional(
    option("--if-revision", integer({ metavar: "REVISION", min: 0 }), {
      description: message`Only if that is the present revision; 0 if there is none.`,
    }),
  ),
});

/** What {@link noted} parses to. */
export interface NotedValues {
  readonly note?: string | undefined;
}

/** What {@link stamp} parses to. */
export interface StampValues extends NotedValues {
  readonly ifRevision?: number | undefined;
}

/** The fields of a request that {@link stamp} or {@link noted} makes. */
export function stampFields({ note, ifRevision }: StampValues): Readonly<Record<string, unknown>> {
  return { note, if_revision: ifRevision, request_id: crypto.randomUUID() };
}

/** What {@link connection} parses to. */
export interface ConnectionValues extends ServiceValues, OutputValues {}
