import { damage } from "./damage.ts";
import { effort, tell } from "./effort.ts";

Deno.test("damage - bits, pages and ends of a database: it starts, serves what was written, and says what it lost", async () => {
  const count = effort("DAMAGES", 60, 5000);
  tell("damage", await damage({ seed: effort("SEED", 1, 1), count }));
});
