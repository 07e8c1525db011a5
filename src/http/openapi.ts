/**
 * The API's OpenAPI 3.1 document, made of the table and the schemas that check the requests.
 *
 * @module
 */

import * as z from "zod";
import { WIRE_CODES } from "../errors.ts";
import { STATUS_OF } from "./answers.ts";
import { type Route, ROUTES } from "./routes.ts";

/** The document, as JSON. */
export function openApi(version: string): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {
    "/scopes/{scope}/changes": { get: STREAM },
  };
  for (const route of ROUTES) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "plantd-state",
      version,
      license: { name: "MIT" },
      description:
        "State of a plant. Every path is one operation of the Majordomo service, with its " +
        "replies. Writing needs the setting http.edit. The names `.` and `..` cannot stand in a path.",
    },
    servers: [{ url: "/api/v1" }],
    paths,
    components: { schemas: { Failure: jsonSchema(failure) } },
  };
}

const failure = z.looseObject({
  success: z.literal(false),
  error: z.string().describe("A sentence."),
  code: z.enum(WIRE_CODES),
});

/** The stream's path has no operation; its parameters are read as they stand. */
const STREAM = {
  operationId: "stream",
  summary: "Changes of a scope as server-sent events: begin, change, reset.",
  parameters: [
    pathParameter("scope"),
    parameter("query", "since", { type: "integer", minimum: 0 }, "Only later revisions."),
    parameter("query", "epoch", { type: "string" }, "The history that `since` is of."),
    parameter("header", "Last-Event-ID", { type: "integer" }, "As since, and before it."),
  ],
  responses: { 200: { description: "The stream.", content: { "text/event-stream": {} } } },
};

function operationOf(route: Route): Readonly<Record<string, unknown>> {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  const revision = { type: "string", examples: ['"42"'] };
  const conditions = !route.tagged || route.method === "get"
    ? []
    : [parameter("header", "If-Match", revision, "The ETag that must be in force.")];
  return {
    operationId: route.operation,
    summary: route.summary,
    parameters: [...names.map(pathParameter), ...queryParameters(route), ...conditions],
    ...bodyOf(route),
    responses: { ...responsesOf(route), ...failures() },
  };
}

function queryParameters({ query }: Route): unknown[] {
  const { properties = {}, required = [] } = jsonSchema(query, "output");
  return Object.entries(properties).map(([name, schema]) => ({
    ...parameter("query", name, schema, undefined),
    required: required.includes(name),
  }));
}

function bodyOf({ body }: Route): Readonly<Record<string, unknown>> {
  if (body === "none") return {};
  const schema = body === "value" ? { description: "Any JSON value." } : jsonSchema(body);
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

function responsesOf({ reply, tagged, method }: Route): Readonly<Record<string, unknown>> {
  const schema = jsonSchema(z.object({ success: z.literal(true), data: reply }), "output");
  const hasTag = tagged && method !== "delete";
  const headers = hasTag
    ? { ETag: { description: "The revision.", schema: { type: "string" } } }
    : {};
  const good = { description: "Done.", headers, content: { "application/json": { schema } } };
  const same = { description: "If-None-Match is the ETag." };
  return hasTag && method === "get" ? { 200: good, 304: same } : { 200: good };
}

/** The same for all: any operation may fail in any of these ways. */
function failures(): Readonly<Record<string, unknown>> {
  const statuses = new Set(Object.values(STATUS_OF));
  return Object.fromEntries([...statuses].map((status) => {
    const codes = WIRE_CODES.filter((code) => STATUS_OF[code] === status);
    const schema = { $ref: "#/components/schemas/Failure" };
    return [status, {
      description: codes.join(", "),
      content: { "application/json": { schema } },
    }];
  }));
}

function pathParameter(name: string) {
  return { name, in: "path", required: true, schema: { type: "string" } };
}

function parameter(where: string, name: string, schema: unknown, description: string | undefined) {
  return { name, in: where, schema, ...(description === undefined ? {} : { description }) };
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

function jsonSchema(schema: z.ZodType, io: "input" | "output" = "input"): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest as JsonSchema;
}
