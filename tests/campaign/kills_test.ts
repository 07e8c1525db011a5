import { Bundled } from "./bundled.ts";
import { effort, tell } from "./effort.ts";
import { killRepeatedly } from "./kills.ts";

/** Kills of one database; then the next one begins. */
const PER_DATABASE = 100;

Deno.test("kills - killed at any moment under load: nothing acknowledged is lost, nothing is half, all get on", async () => {
  await using bundled = await Bundled.make();
  const kills = effort("KILLS", 12, 1200);
  for (let done = 0, seed = effort("SEED", 1, 1); done < kills; done += PER_DATABASE, seed += 1) {
    const some = Math.min(PER_DATABASE, kills - done);
    tell(`kills, seed ${seed}`, await killRepeatedly(bundled, { seed, kills: some }));
  }
});
