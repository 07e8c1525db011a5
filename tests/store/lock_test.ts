// The lock of a database in a process that starts others.

import { lockDatabase } from "../../src/store/lock.ts";
import { tempDir } from "../helpers/temp.ts";

Deno.test("lock - given back at once, whatever the process starts meanwhile", async () => {
  await using dir = await tempDir();
  // A process that was just forked has all files of ours until it becomes another program.
  const source = `for (;;) new Deno.Command("true").outputSync();`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
    type: "module",
  });
  try {
    for (let i = 0; i < 500; i += 1) {
      using _lock = await lockDatabase(`${dir.path}/state.db`);
    }
  } finally {
    worker.terminate();
  }
});
