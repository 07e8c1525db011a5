import { Bundled } from "./bundled.ts";
import { effort, tell } from "./effort.ts";
import { soak } from "./soak.ts";

Deno.test("soak - mixed traffic for a while: memory, descriptors and database level off", async () => {
  await using bundled = await Bundled.make();
  const seconds = effort("SOAK_SECONDS", 8, 1200);
  tell("soak", await soak(bundled, { seed: effort("SEED", 1, 1), seconds }));
});
