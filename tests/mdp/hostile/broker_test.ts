import assert from "node:assert/strict";
import { type Dialect, DIALECTS } from "../../../src/mdp/frames.ts";
import { wire } from "../wire.ts";
import { type Act, PARTIAL_ACTS, WORKER_ACTS } from "./broker_acts.ts";
import { FLOODS } from "./broker_floods.ts";
import { IDENTITY_ACTS, reqClient } from "./broker_identities.ts";
import { RAW_CASES } from "./broker_raw.ts";
import { hold, send, untilQuiet, warmBroker } from "./broker_run.ts";
import { BrokerSite, fill, manyFrames } from "./broker_site.ts";
import { invalidTalks, oddTalks, type Talk, wrongTimeTalks } from "./broker_talks.ts";
import { RawConnection } from "./raw.ts";

/** Cases by name. */
type Cases = readonly (readonly [name: string, run: () => Promise<unknown>])[];

/** All cases of one dialect. */
function casesOf(site: BrokerSite, dialect: Dialect): Cases {
  const talks = (rule: string, all: readonly Talk[]): Cases =>
    all.map((talk) => [`${rule}, ${dialect} - ${talk.name}`, () => hold(site, talk)]);
  const acts = (rule: string, all: readonly Act[]): Cases =>
    all.map((act) => [`${rule}, ${dialect} - ${act.name}`, () => act.run(site, dialect)]);
  return [
    ...talks("B9", invalidTalks(dialect)),
    ...talks("B7, B8", wrongTimeTalks(dialect)),
    ...talks("M3", oddTalks(dialect)),
    ...acts("B8, B12", [...WORKER_ACTS, ...PARTIAL_ACTS]),
    ...acts("B1", IDENTITY_ACTS),
  ];
}

/** Those that do not depend on the dialect. */
function casesOfAll(site: BrokerSite): Cases {
  return [
    ...RAW_CASES.map((raw) => [`bare TCP - ${raw.name}`, () => send(site, raw)] as const),
    ["B1 - a REQ is a client of mdp01", () => reqClient(site)],
    ...FLOODS.map((flood) => [`bounded - ${flood.name}`, () => flood.run(site, 1)] as const),
  ];
}

Deno.test("broker - no peer harms it: each gets what is due, the good are answered, and memory comes back", async (t) => {
  await using site = await BrokerSite.start();
  const warm = await warmBroker(site);
  const cases = [...DIALECTS.flatMap((dialect) => casesOf(site, dialect)), ...casesOfAll(site)];
  assert.ok(cases.length >= 150);
  for (const [name, run] of cases) {
    await t.step(name, async () => {
      await run();
      await site.assertWell();
    });
  }
  await t.step("memory and descriptors are back", async () => {
    await untilQuiet(site);
    await site.subject.untilBack(warm);
    await site.assertWaitingAnswered();
    assert.deepEqual((await site.subject.status()).errors, []);
  });
});

Deno.test("broker - an identity over 255 bytes, which is no address, costs neither it nor a worker anything", async () => {
  await using site = await BrokerSite.start();
  // Twice as many as there are lanes: a worker that cannot take its request never gets another one.
  for (const bytes of [...Array(8).fill(256), 300_000]) {
    await using raw = await RawConnection.dealer(site.port, { identity: fill(bytes) });
    await raw.say(wire.mdp01.request("good", "asked"));
    await raw.say(wire.mdp01.ready("good"));
    await site.assertWell();
  }
});

Deno.test("broker - requests of as many frames as there may be cost no worker its lane", async () => {
  await using site = await BrokerSite.start();
  for (const dialect of DIALECTS) {
    // A worker's envelope is larger than a client's: 2,043 frames of body fit both.
    for (const count of [2043, 2044, 2045, 2044, 2045]) {
      await using peer = site.peer();
      await peer.say(wire[dialect].request("good", ...manyFrames(count)));
      if (count === 2043) assert.equal((await peer.inbox.next()).length, 2046);
      await site.assertWell();
    }
  }
});
