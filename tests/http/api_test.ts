import assert from "node:assert/strict";
import fc from "fast-check";
import { keyPath, Web } from "./helpers.ts";

Deno.test("api - a key is set, read with its ETag, changed on condition and deleted", async () => {
  await using web = await Web.start();
  const set = await web.set("t", " 1.0 ");
  assert.equal(set.status, 200);
  assert.match(set.text, /"value":1\.0,"revision":1,/);
  assert.equal(set.etag, '"1"');
  const got = await web.ask(keyPath("s", "t"));
  assert.equal(got.etag, '"1"');
  assert.match(got.text, /"value":1\.0,/);
  const same = await web.ask(keyPath("s", "t"), { headers: { "if-none-match": '"1"' } });
  assert.deepEqual([same.status, same.text], [304, ""]);

  assert.equal((await web.set("t", "2", { "if-match": '"1"' })).etag, '"2"');
  const conflict = await web.set("t", "3", { "if-match": '"1"' });
  assert.deepEqual([conflict.status, conflict.body.code, conflict.body.revision], [
    412,
    "revision_conflict",
    2,
  ]);
  assert.equal((await web.set("t", "3", { "if-none-match": "*" })).status, 412);
  assert.equal((await web.set("new", "3", { "if-none-match": "*" })).status, 200);
  const path = keyPath("s", "t");
  const drop = (match: string) =>
    web.ask(path, { method: "DELETE", headers: { "if-match": match } });
  assert.equal((await drop('"1"')).status, 412);
  assert.equal((await drop('"2"')).status, 200);
  assert.equal((await web.ask(path)).status, 404);
});

Deno.test("api - a condition that cannot be kept is refused, not passed over", async () => {
  await using web = await Web.start();
  await web.set("k", "1");
  const refused: [string, string, Record<string, string>, string?][] = [
    ["DELETE", "/scopes/s", { "if-match": '"7"' }],
    ["POST", "/scopes/s/entries", { "if-match": '"7"' }, '{"entries":{"k":2}}'],
    ["PUT", "/scopes/other", { "if-none-match": "*" }],
    ["PUT", keyPath("s", "k"), { "if-none-match": '"1"' }, "2"],
  ];
  for (const [method, path, headers, json] of refused) {
    const { status, body } = await web.ask(path, {
      method,
      headers,
      ...(json === undefined ? {} : { json }),
    });
    assert.deepEqual([status, body.code], [400, "invalid_request"], `${method} ${path}`);
  }
  assert.equal((await web.ask(keyPath("s", "k"))).body.data.value, 1);
  assert.equal((await web.ask("/scopes/s", { method: "DELETE" })).status, 200);
});

Deno.test("api - who wrote it, and why, is told", async () => {
  await using web = await Web.start();
  await web.ask(`${keyPath("s", "k")}?note=trial&request_id=a`, { method: "PUT", json: "1" });
  const again = await web.ask(`${keyPath("s", "k")}?note=trial&request_id=a`, {
    method: "PUT",
    json: "1",
  });
  assert.equal(again.etag, '"1"', "asked again under its name it happened once");
  const { body } = await web.ask(`${keyPath("s", "k")}?details=true`);
  assert.deepEqual([body.data.source, body.data.note], ["http:127.0.0.1", "trial"]);
});

Deno.test("api - why a scope came and went is told, too", async () => {
  await using web = await Web.start();
  await web.ask("/scopes/s?note=new%20oven", { method: "PUT" });
  await web.ask("/scopes/s?note=sold", { method: "DELETE" });
  const { body } = await web.ask("/changes?since=0", { headers: { accept: "application/json" } });
  assert.deepEqual(body.data.changes.map(({ note }: { note: string }) => note), [
    "new oven",
    "sold",
  ]);
});

Deno.test("api - any key and any value go there and come back to the letter", async () => {
  await using web = await Web.start();
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .filter((key) => !key.includes("\0") && key.isWellFormed() && !/^\.\.?$/.test(key));
  await fc.assert(
    fc.asyncProperty(name, fc.json({ maxDepth: 4 }), async (key, json) => {
      const set = await web.set(key, json);
      assert.equal(set.status, 200, set.text);
      const { body } = await web.ask(keyPath("s", key));
      assert.equal(body.data.key, key);
      assert.deepEqual(body.data.value, JSON.parse(json));
    }),
    { numRuns: 60, examples: [["a/b", "1"], ["%2F", "1"], ["a%20b c+d", '"x"'], ["?#", "{}"]] },
  );
});

Deno.test("api - a body that is not one JSON value changes nothing", async () => {
  await using web = await Web.start();
  for (const json of ["", "1,2", '1,"key":"other"', "{", "[".repeat(100), '1}{"a":1', "NaN"]) {
    const { status, body } = await web.set("k", json);
    assert.deepEqual([status, body.code], [400, "invalid_json"], json);
  }
  const wrong = await web.set("k", "1", { "content-type": "text/plain" });
  assert.deepEqual([wrong.status, wrong.body.code], [400, "invalid_request"]);
  const large = await web.set("k", `"${"x".repeat(1024 * 1024)}"`);
  assert.deepEqual([large.status, large.body.code], [413, "value_too_large"]);
  const huge = await web.set("k", `"${"x".repeat(17 * 1024 * 1024)}"`);
  assert.deepEqual([huge.status, huge.body.code], [413, "value_too_large"]);
  assert.equal((await web.ask("/scopes")).body.data.count, 0);
  assert.equal((await web.set("k", "1")).status, 200);
});

Deno.test("api - many keys at once, and pages of them", async () => {
  await using web = await Web.start();
  const entries = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`k${i + 10}`, i]));
  const stored = await web.ask("/scopes/s/entries", {
    method: "POST",
    // The path says which scope, whatever the body says.
    json: JSON.stringify({ entries, note: "first" }),
  });
  assert.deepEqual([stored.status, stored.body.data.count], [200, 25]);
  const first = await web.ask("/scopes/s/keys?limit=20");
  assert.deepEqual([first.body.data.count, first.body.data.more], [20, true]);
  const second = await web.ask("/scopes/s/keys?limit=20&after=k29");
  assert.deepEqual(second.body.data.keys, ["k30", "k31", "k32", "k33", "k34"]);
  const page = await web.ask("/scopes/s/entries?limit=2&prefix=k1");
  assert.deepEqual(page.body.data.entries, { k10: 0, k11: 1 });
  const batch = await web.ask("/batch", {
    method: "POST",
    json: '{"operations":[{"operation":"set","service":"b","key":"x","value":1.50}]}',
  });
  assert.equal(batch.status, 200, batch.text);
  assert.match((await web.ask(keyPath("b", "x"))).text, /"value":1\.50,/);
  const { body } = await web.ask("/changes?since=1", { headers: { accept: "application/json" } });
  assert.deepEqual(body.data.changes.map(({ operation }: { operation: string }) => operation), [
    "create-scope",
    "set",
  ]);
});

Deno.test("api - scopes are created and deleted, and a failure says which", async () => {
  await using web = await Web.start();
  assert.equal((await web.ask("/scopes/a", { method: "PUT" })).body.data.status, "created");
  const again = await web.ask("/scopes/a", { method: "PUT" });
  assert.deepEqual([again.status, again.body.code], [409, "scope_exists"]);
  assert.deepEqual((await web.ask("/scopes")).body.data.scopes, ["a"]);
  assert.equal((await web.ask("/scopes/a", { method: "DELETE" })).status, 200);
  const gone = await web.ask("/scopes/a/keys");
  assert.deepEqual([gone.status, gone.body.code], [404, "scope_not_found"]);
  const bad = await web.ask("/scopes/a%20b/keys");
  assert.deepEqual([bad.status, bad.body.code], [400, "invalid_request"]);
});

Deno.test("api - what a path does not take is refused and named", async () => {
  await using web = await Web.start();
  const cases: [string, string, number, RegExp][] = [
    ["GET", "/scopes?limit=0", 400, /query parameter "limit"/],
    ["GET", "/scopes?lmit=1", 400, /lmit/],
    ["GET", "/nothing", 404, /no such path/],
    ["POST", "/scopes", 405, /GET/],
    ["DELETE", "/health", 405, /GET/],
  ];
  for (const [method, path, status, sentence] of cases) {
    const answer = await web.ask(path, { method });
    assert.equal(answer.status, status, path);
    assert.match(answer.body.error, sentence);
  }
  const answer = await web.set("k", "1", { "if-match": "W/nonsense" });
  assert.deepEqual([answer.status, answer.body.code], [400, "invalid_request"]);
});

Deno.test("api - with editing switched off it reads, and changes nothing", async () => {
  await using web = await Web.start({ "http.edit": "false" });
  for (
    const [method, path] of [
      ["PUT", keyPath("s", "k")],
      ["DELETE", keyPath("s", "k")],
      ["PUT", "/scopes/s"],
      ["PATCH", "/scopes/s"],
      ["DELETE", "/scopes/s"],
      ["POST", "/scopes/s/entries"],
      ["POST", `${keyPath("s", "k")}/revert`],
      ["POST", "/batch"],
    ] as const
  ) {
    const { status, body } = await web.ask(path, { method, json: "1" });
    assert.deepEqual([status, body.code], [403, "unauthorized"], `${method} ${path}`);
    assert.match(body.error, /http\.edit/);
  }
  assert.equal((await web.ask("/health")).body.data.revision, 0);
});
