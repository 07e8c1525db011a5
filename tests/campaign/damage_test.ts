import { damage } from "./damage.ts";

Deno.test("damage - bits, pages and ends of a database: what was not written is never served", async () => {
  await damage({ seed: 1, count: 600 });
});
