/**
 * Runs `plantd-state state ...`: asks the service and prints what it says.
 *
 * @module
 */

import { loadStateConfig } from "../config/load.ts";
import type { StateConfig } from "../config/schema.ts";
import { messageOf, PlantdError } from "../errors.ts";
import { VALUE_BYTES_STDIN_MAX } from "../limits.ts";
import { Client } from "../mdp/client.ts";
import { type JsonObject, JsonText, stringify } from "../state/json.ts";
import { request } from "../watch/request.ts";
import { Poller } from "../zmq/poller.ts";
import { EXIT } from "./exit_codes.ts";
import { flag } from "./options.ts";
import { print } from "./output.ts";
import { watch } from "./state_watch.ts";
import type { ConnectionValues, StateValues } from "./state.ts";

/** Attempts of an operation; a write has a request_id, so that the service does it once. */
const ATTEMPTS = 3;

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Runs the command. */
export async function state(values: StateValues): Promise<number> {
  const config = configOf(values);
  const fields = await fieldsOf(values);
  await using poller = new Poller();
  await using client = clientOf(poller, config, values);
  if (values.operation === "watch") return await watch({ poller, client, config }, values);
  const ask = (operation: string, body: Readonly<Record<string, unknown>>) =>
    request(client, config.service.id, operation, body);
  switch (values.operation) {
    case "set": {
      const reply = await ask("set", fields);
      return show(values, reply, () => `revision ${reply.members.revision}`);
    }
    case "get": {
      const reply = await ask("get", fields);
      return show(values, reply, () => valueText(reply));
    }
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

/** The configuration of the service, for where the broker is; `--endpoint` goes before it. */
function configOf({ config, endpoint }: ConnectionValues): StateConfig {
  return loadStateConfig({
    configPath: config,
    flags: { "broker.endpoint": flag("--endpoint", endpoint) },
  }).config;
}

function clientOf(poller: Poller, { broker }: StateConfig, values: StateValues): Client {
  return new Client({
    poller,
    endpoint: broker.endpoint.address,
    dialect: broker.dialect,
    timeoutMs: Math.ceil(values.timeout / ATTEMPTS),
    retries: ATTEMPTS - 1,
  });
}

/** The fields of the request; a value of `-` is read from standard input. */
async function fieldsOf(values: StateValues): Promise<Readonly<Record<string, unknown>>> {
  switch (values.operation) {
    case "set": {
      const { service, key, jsonValue } = values;
      const text = values.value === "-" ? await readStandardInput() : values.value;
      return { service, key, value: jsonValue ? jsonText(text) : text, ...newRequestId() };
    }
    case "get":
      return { service: values.service, key: values.key };
    case "delete":
      return { service: values.service, key: values.key, ...newRequestId() };
    case "list":
      return { service: values.service, prefix: values.prefix };
    case "list-scopes":
      return {};
    default:
      return { service: values.service, ...newRequestId() };
  }
}

function newRequestId() {
  return { request_id: crypto.randomUUID() };
}

/** All names under `member` of the replies, page by page. */
async function listAll(
  ask: (operation: string, body: Readonly<Record<string, unknown>>) => Promise<JsonObject>,
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

/** Prints the reply as it came with `--json`, else what `plain` makes of it. */
function show({ json }: ConnectionValues, reply: JsonObject, plain: () => string): number {
  print(json ? reply.text : plain());
  return EXIT.done;
}

function showList({ json }: ConnectionValues, names: readonly string[]): number {
  if (json) print(stringify(names));
  else if (names.length > 0) print(names.map(harmless).join("\n"));
  return EXIT.done;
}

/** A name from who knows where must not give orders to a terminal; scripts get it as it is. */
function harmless(name: string): string {
  if (!Deno.stdout.isTerminal()) return name;
  return name.replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Text as it is, anything else as JSON. */
function valueText(reply: JsonObject): string {
  const { value } = reply.members;
  return typeof value === "string" ? value : reply.textOf("value")?.text ?? "";
}

function jsonText(text: string): JsonText {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new PlantdError("usage", `--json-value: the value is not JSON: ${messageOf(error)}`, {
      hint: "quote it for the shell, for example '{\"on\":true}'",
    });
  }
  return new JsonText(text);
}

/** The text on standard input, to the letter. */
async function readStandardInput(): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for await (const chunk of Deno.stdin.readable) {
      size += chunk.length;
      if (size > VALUE_BYTES_STDIN_MAX) {
        throw new Error(`at most ${VALUE_BYTES_STDIN_MAX} bytes are taken`);
      }
      chunks.push(chunk);
    }
    const bytes = await new Blob(chunks).arrayBuffer();
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const why = error instanceof TypeError ? "UTF-8 text is needed" : messageOf(error);
    throw new PlantdError("usage", `standard input: ${why}`, { cause: error });
  }
}
