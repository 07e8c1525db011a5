/**
 * Runs `plantd-state state ...`: asks the service and prints what it says.
 *
 * @module
 */

import { loadStateConfig } from "../config/load.ts";
import type { StateConfig } from "../config/schema.ts";
import { messageOf, PlantdError, WIRE_CODES, type WireCode } from "../errors.ts";
import { VALUE_BYTES_STDIN_MAX } from "../limits.ts";
import { Client } from "../mdp/client.ts";
import { type JsonObject, JsonText, parseObject, stringify } from "../state/json.ts";
import { Poller } from "../zmq/poller.ts";
import { EXIT } from "./exit_codes.ts";
import { flag } from "./options.ts";
import { print } from "./output.ts";
import type { ConnectionValues, StateValues } from "./state.ts";

/** Attempts of an operation that may safely be done twice. */
const ATTEMPTS = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Runs the command. */
export async function state(values: StateValues): Promise<number> {
  const config = configOf(values);
  const fields = await fieldsOf(values);
  await using poller = new Poller();
  await using client = clientOf(poller, config, values);
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
      return showList(values.json, await listAll(ask, fields));
    case "list-scopes": {
      const reply = await ask("list-scopes", {});
      return values.json
        ? show(values, reply, () => "")
        : showList(false, (reply.members.data as { scopes: string[] }).scopes);
    }
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
  // Asked twice, these two would deny what the first asking did.
  const once = values.operation === "create-scope" || values.operation === "delete-scope";
  const attempts = once && broker.dialect !== "auto" ? 1 : ATTEMPTS;
  return new Client({
    poller,
    endpoint: broker.endpoint.address,
    dialect: broker.dialect,
    timeoutMs: Math.ceil(values.timeout / attempts),
    retries: attempts - 1,
  });
}

/** The fields of the request; a value of `-` is read from standard input. */
async function fieldsOf(values: StateValues): Promise<Readonly<Record<string, unknown>>> {
  switch (values.operation) {
    case "set": {
      const { service, key, jsonValue } = values;
      const text = values.value === "-" ? await readStandardInput() : values.value;
      return { service, key, value: jsonValue ? jsonText(text) : text };
    }
    case "get":
    case "delete":
      return { service: values.service, key: values.key };
    case "list":
      return { service: values.service, prefix: values.prefix };
    case "list-scopes":
      return {};
    default:
      return { service: values.service };
  }
}

/** All keys, page by page. */
async function listAll(
  ask: (operation: string, body: Readonly<Record<string, unknown>>) => Promise<JsonObject>,
  fields: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const reply = await ask("list-keys", { ...fields, after: all.at(-1) });
    const { keys, more } = reply.members.data as { keys: string[]; more?: boolean };
    all.push(...keys);
    if (more !== true || keys.length === 0) return all;
  }
}

/**
 * One request, one reply.
 *
 * @throws {PlantdError} What the service said, or `no_reply`.
 */
async function request(
  client: Client,
  service: string,
  operation: string,
  body: Readonly<Record<string, unknown>>,
): Promise<JsonObject> {
  const frames = [encoder.encode(operation), encoder.encode(stringify(body))];
  const [frame] = await client.request(service, frames);
  const reply = parseObject(frame ?? new Uint8Array());
  if (reply.members.success === false) {
    const { error, code } = reply.members;
    throw new PlantdError(wireCode(code), `${String(code)}: ${String(error)}`, {
      data: { reply: decoder.decode(frame) },
    });
  }
  return reply;
}

/** The code if it is of the contract; a service of another version may have others. */
function wireCode(code: unknown): WireCode {
  return WIRE_CODES.find((known) => known === code) ?? "internal";
}

/** Prints the reply as it came with `--json`, else what `plain` makes of it. */
function show({ json }: ConnectionValues, reply: JsonObject, plain: () => string): number {
  print(json ? reply.text : plain());
  return EXIT.done;
}

function showList(json: boolean, names: readonly string[]): number {
  if (json) print(stringify(names));
  else if (names.length > 0) print(names.join("\n"));
  return EXIT.done;
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

async function readStandardInput(): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of Deno.stdin.readable) {
    size += chunk.length;
    if (size > VALUE_BYTES_STDIN_MAX) {
      throw new PlantdError(
        "usage",
        `standard input: at most ${VALUE_BYTES_STDIN_MAX} bytes are taken`,
      );
    }
    chunks.push(chunk);
  }
  return decoder.decode(await new Blob(chunks).arrayBuffer());
}
