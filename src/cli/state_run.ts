/**
 * Runs `plantd-state state ...`: asks the service and prints what it says.
 *
 * @module
 */

import { type Ask, asking, configOf } from "./asking.ts";
import type { StateValues } from "./state.ts";
import { load, store } from "./state_bulk.ts";
import { stampFields } from "./state_options.ts";
import { jsonText, readStandardInput, show, showList, valueText } from "./state_output.ts";
import { revert, showHistory } from "./state_past.ts";
import { configure, describe } from "./state_scopes.ts";
import { watch } from "./state_watch.ts";

/**
 * Runs the command.
 *
 * @param command What stood behind `--`: what `watch` runs for each change.
 */
export async function state(
  values: StateValues,
  command: readonly string[] = [],
): Promise<number> {
  const config = configOf(values);
  const fields = await fieldsOf(values);
  await using service = asking(values, config);
  if (values.operation === "watch") return await watch(service, values, command);
  const { ask } = service;
  switch (values.operation) {
    case "set": {
      const reply = await ask("set", fields);
      return show(values, reply, () => `revision ${reply.members.revision}`);
    }
    case "get": {
      const reply = await ask("get", fields);
      return show(values, reply, () => valueText(reply));
    }
    case "history":
      return await showHistory(ask, values);
    case "revert":
      return await revert(ask, values);
    case "load":
      return await load(ask, values);
    case "store":
      return await store(ask, values);
    case "describe":
      return await describe(ask, values);
    case "configure":
      return await configure(ask, values);
    case "list":
      return showList(values, await listAll(ask, "list-keys", "keys", fields));
    case "list-scopes":
      return showList(values, await listAll(ask, "list-scopes", "scopes", fields));
    default: {
      const reply = await ask(values.operation, fields);
      return show(values, reply, () => (reply.members.data as { status: string }).status);
    }
  }
}

/** The fields of the request; a value of `-` is read from standard input. */
async function fieldsOf(values: StateValues): Promise<Readonly<Record<string, unknown>>> {
  switch (values.operation) {
    case "set": {
      const { service, key, jsonValue } = values;
      const text = values.value === "-" ? await readStandardInput() : values.value;
      const value = jsonValue ? jsonText(text) : text;
      return { service, key, value, ttl_ms: values.ttl, ...stampFields(values) };
    }
    case "get":
      return { service: values.service, key: values.key, revision: values.revision };
    case "delete":
      return { service: values.service, key: values.key, ...stampFields(values) };
    case "list":
      return { service: values.service, prefix: values.prefix };
    case "list-scopes":
      return {};
    case "create-scope":
    case "delete-scope":
      return { service: values.service, ...stampFields(values) };
    default:
      return {};
  }
}

/** All names under `member` of the replies, page by page. */
async function listAll(
  ask: Ask,
  operation: string,
  member: "keys" | "scopes",
  fields: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const { members } = await ask(operation, { ...fields, after: all.at(-1) });
    const data = members.data as { keys?: string[]; scopes?: string[]; more?: boolean };
    const names = data[member] ?? [];
    all.push(...names);
    if (data.more !== true || names.length === 0) return all;
  }
}
