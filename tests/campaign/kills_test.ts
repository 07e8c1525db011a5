import { Bundled } from "./bundled.ts";
import { effort, tell } from "./effort.ts";
import { killRepeatedly } from "./kills.ts";

Deno.test("kills - killed at any moment under load: nothing acknowledged is lost, nothing is half, all get on", async () => {
  await using bundled = await Bundled.make();
  const kills = effort("KILLS", 20, 1200);
  tell("kills", await killRepeatedly(bundled, { seed: effort("SEED", 1, 1), kills }));
});
