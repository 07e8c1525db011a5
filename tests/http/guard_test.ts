import assert from "node:assert/strict";
import { connect } from "./raw.ts";
import { keyPath, Web } from "./helpers.ts";

Deno.test("guard - a page of another origin reads nothing and writes nothing", async () => {
  await using web = await Web.start();
  const foreign = [
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ];
  for (const headers of foreign) {
    const write = await web.set("k", "1", headers as Record<string, string>);
    assert.deepEqual([write.status, write.body.code], [403, "unauthorized"]);
    const read = await web.ask("/scopes", { headers: headers as Record<string, string> });
    assert.equal(read.status, 403);
    assert.equal(read.headers.get("access-control-allow-origin"), null);
  }
  assert.equal((await web.ask("/scopes", { method: "OPTIONS" })).status, 405);
  assert.equal((await web.ask("/scopes")).body.data.count, 0);
  const own = await web.set("k", "1", { origin: web.url, "sec-fetch-site": "same-origin" });
  assert.equal(own.status, 200);
});

Deno.test("guard - a foreign name is refused (DNS rebinding), but for health probes", async () => {
  await using web = await Web.start({ "http.names": "controller, plant.example" });
  const { port } = new URL(web.url);
  const statusFor = async (host: string, path = "/api/v1/scopes") => {
    using connection = await connect(Number(port));
    return await connection.status(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  };
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", ""]) {
    assert.equal(await statusFor(host), 421, host);
  }
  for (
    const host of ["localhost", `127.0.0.1:${port}`, "[::1]:8081", "PLANT.example", "controller"]
  ) {
    assert.equal(await statusFor(host), 200, host);
  }
  assert.equal(await statusFor("evil.example", "/livez"), 200);
  assert.equal(await statusFor("evil.example", "/metrics"), 421);
});

Deno.test("guard - every answer forbids what a page could do with it elsewhere", async () => {
  await using web = await Web.start();
  for (const path of ["//", "//healthz", "//nothing", "/scopes", keyPath("s", "none")]) {
    const { headers } = await web.ask(path);
    assert.match(headers.get("content-security-policy")!, /default-src 'none'/, path);
    assert.doesNotMatch(headers.get("content-security-policy")!, /unsafe|https?:/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
  }
});

Deno.test("guard - rubbish and half a request harm nobody", async () => {
  await using web = await Web.start();
  const { port } = new URL(web.url);
  for (
    const bytes of ["\0\u0001\0\u0002", "GET\r\n\r\n", "POST /api/v1/batch HTTP/1.1\r\nHost: a"]
  ) {
    using connection = await connect(Number(port));
    await connection.write(bytes);
  }
  assert.equal((await web.ask("/scopes")).status, 200);
});
