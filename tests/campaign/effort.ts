/**
 * How much a campaign tries: a little with `task test:campaign`, much with `task campaign`, or as much as
 * the environment says (`PLANTD_CAMPAIGN_KILLS=200`).
 */

/** The number of something to try, a short one and the long one. */
export function effort(what: string, short: number, long: number): number {
  const said = Deno.env.get(`PLANTD_CAMPAIGN_${what}`);
  return said === undefined ? (isLong ? long : short) : Number(said);
}

const isLong = Deno.env.get("PLANTD_CAMPAIGN") === "long";

/** Tells what was tried; of the long campaign these are the numbers of the README. */
export function tell(what: string, figures: object): void {
  const line = `${what}: ${JSON.stringify(figures)}\n`;
  if (isLong) Deno.stdout.writeSync(new TextEncoder().encode(line));
}
