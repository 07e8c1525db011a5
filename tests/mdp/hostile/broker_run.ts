/** How cases against a broker are carried out, and what it is like once it is warm. */

import assert from "node:assert/strict";
import { DIALECTS } from "../../../src/mdp/frames.ts";
import { naming, until } from "../../helpers/async.ts";
import { PARTIAL_ACTS, WORKER_ACTS } from "./broker_acts.ts";
import { FLOODS } from "./broker_floods.ts";
import { RAW_CASES, type RawCase } from "./broker_raw.ts";
import { type BrokerSite, heardBy, lines } from "./broker_site.ts";
import type { Talk } from "./broker_talks.ts";
import { RawConnection } from "./raw.ts";
import type { Memory } from "./subject_process.ts";

/** Holds the conversation, and compares what was heard and, when `alone`, counted. */
export async function hold(
  site: BrokerSite,
  { says, hears, counts }: Talk,
  alone = true,
): Promise<void> {
  const before = await site.subject.status();
  await using peer = site.peer();
  for (const frames of says) await peer.say(frames);
  assert.deepEqual(await heardBy(peer), lines(...hears));
  if (!alone) return;
  const { invalid, disconnected } = await site.subject.status();
  assert.deepEqual(
    { invalid: invalid - before.invalid, disconnected: disconnected - before.disconnected },
    { invalid: 0, disconnected: 0, ...counts },
  );
}

/** Sends the bytes, and waits for what is due; the good are served while the connection is open, too. */
export async function send(
  site: BrokerSite,
  { first, then, due }: RawCase,
  alone = true,
): Promise<void> {
  const before = await site.subject.status();
  await using raw = await RawConnection.open(site.port, first);
  if (then) {
    await raw.untilReady();
    await raw.write(then);
  }
  if (due === "closed") await until("it is closed", () => raw.ended);
  if (due === "answered") await until("it is answered", () => raw.heard.includes("501"));
  if (due === "invalid") {
    await until("it is counted", async () => {
      const more = (await site.subject.status()).invalid - before.invalid;
      return alone ? more === 1 : more >= 1;
    });
  }
  if (due === "nothing") assert.equal(raw.ended, false);
  if (!alone) return;
  await site.assertWell();
  if (due === "answered" || due === "invalid") return;
  const { invalid, disconnected } = await site.subject.status();
  assert.deepEqual([invalid, disconnected], [before.invalid, before.disconnected]);
}

/**
 * What the broker holds once it has served some hundred requests and met a sample of everything: the
 * addon and the allocator keep pools as large as the largest flood.
 */
export async function warmBroker(site: BrokerSite): Promise<Memory> {
  for (let i = 0; i < 300; i += 1) await site.assertWell();
  for (const act of [...WORKER_ACTS, ...PARTIAL_ACTS]) {
    await naming(act.name, Promise.all(DIALECTS.map((dialect) => act.run(site, dialect))));
  }
  for (const raw of RAW_CASES) await naming(raw.name, send(site, raw, false));
  for (const flood of FLOODS) await naming(flood.name, flood.run(site, 0.2));
  await untilQuiet(site);
  return await site.subject.memory();
}

/** Resolves when the broker has forgotten all requests but those that are worked on, and their workers. */
export async function untilQuiet(site: BrokerSite): Promise<void> {
  await until("the broker is quiet", async () => {
    const { queued, workers } = await site.subject.status();
    return queued === 0 && workers === site.goodWorkers;
  });
}
