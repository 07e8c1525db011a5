import { Bundled } from "./bundled.ts";
import { killRepeatedly } from "./kills.ts";

Deno.test("kills - killed at any moment under load: nothing acknowledged is lost, nothing is half, all get on", async () => {
  await using bundled = await Bundled.make();
  await killRepeatedly(bundled, { seed: 1, kills: 20 });
});
