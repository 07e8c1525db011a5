import assert from "node:assert/strict";
import { ROUTES } from "../../src/http/routes.ts";
import { OPERATION_NAMES } from "../../src/state/operations.ts";
import { keyPath, Web } from "./helpers.ts";

Deno.test("openapi - every route is in the document, with what it takes, and every reference leads somewhere", async () => {
  await using web = await Web.start();
  const { body } = await web.ask("/openapi.json");
  assert.equal(body.openapi, "3.1.0");
  for (const { path, method, operation } of ROUTES) {
    assert.equal(body.paths[path][method].operationId, operation);
  }
  const put = body.paths["/scopes/{scope}/keys/{key}"].put;
  const names = put.parameters.map(({ name }: { name: string }) => name);
  assert.deepEqual(names, ["scope", "key", "note", "request_id", "ttl_ms", "If-Match"]);
  const limit = body.paths["/scopes"].get.parameters
    .find(({ name }: { name: string }) => name === "limit");
  assert.deepEqual([limit.schema.type, limit.schema.maximum, limit.required], [
    "integer",
    10_000,
    false,
  ]);
  for (const [, name] of JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    assert.ok(body.components.schemas[name!], name);
  }
});

Deno.test("openapi - real replies are what the document says", async () => {
  await using web = await Web.start();
  const json: Record<string, string> = {
    "state-set": "1.5",
    "configure-scope": '{"history":3}',
    store: '{"entries":{"a":1}}',
    revert: '{"revision":2}',
    batch: '{"operations":[{"operation":"set","service":"s","key":"b","value":1}]}',
  };
  const query: Record<string, string> = { changes: "?since=0", "state-get": "?details=true" };
  // In the order of the table, but what takes something away comes last.
  const isLast = (operation: string) => operation.startsWith("delete");
  const routes = ROUTES.toSorted((a, b) =>
    Number(isLast(a.operation)) - Number(isLast(b.operation))
  );
  await web.set("k", "1");
  await web.set("k", "2");
  for (const { path, method, operation, reply } of routes) {
    // A new one, where there must not be one yet.
    const scope = operation === "create-scope" ? "new" : operation === "delete-scope" ? "new" : "s";
    const at = path.replace("{scope}", scope).replace("{key}", "k") + (query[operation] ?? "");
    const body = json[operation];
    const answer = await web.ask(at, {
      method: method.toUpperCase(),
      headers: { accept: "application/json" },
      ...(body === undefined ? {} : { json: body }),
    });
    if (!OPERATION_NAMES.includes(operation)) {
      assert.deepEqual([answer.status, answer.body.code], [501, "unknown_operation"], operation);
      continue;
    }
    assert.equal(answer.status, 200, `${operation}: ${answer.text}`);
    const { error } = reply.safeParse(answer.body.data);
    assert.equal(error, undefined, `${operation}: ${error?.message} ${answer.text}`);
  }
  assert.equal((await web.ask(keyPath("s", "k"))).status, 404);
});
