import assert from "node:assert/strict";
import { DIALECTS } from "../../../src/mdp/frames.ts";
import { naming } from "../../helpers/async.ts";
import { pick, randomOf } from "../../helpers/random.ts";
import { type Act, PARTIAL_ACTS, WORKER_ACTS } from "./broker_acts.ts";
import { FLOODS } from "./broker_floods.ts";
import { IDENTITY_ACTS } from "./broker_identities.ts";
import { RAW_CASES } from "./broker_raw.ts";
import { hold, send, untilQuiet, warmBroker } from "./broker_run.ts";
import { BrokerSite } from "./broker_site.ts";
import { invalidTalks, oddTalks, wrongTimeTalks } from "./broker_talks.ts";
import { BROKER_ACTS, malformedActs, warmWorkers } from "./worker_cases.ts";
import { WorkerSite } from "./worker_site.ts";

/** Half a minute unless somebody has more time. */
const SECONDS = Number(Deno.env.get("PLANTD_SOAK_SECONDS") ?? 30);
const SEED = Number(Deno.env.get("PLANTD_SOAK_SEED") ?? Math.floor(Math.random() * 2 ** 31));

/** Hostile peers at a time. */
const STRANGERS = 3;

/** The size of a flood among other things: as many of them as fit leave the good some room. */
const FLOOD_SIZE = 0.05;

/** Connections so far under an identity that was taken. */
let ignored = 0;

/** Something to do, by name. */
type Action = readonly [name: string, run: () => Promise<unknown>];

/** Everything of the tables against a broker, in kinds that are drawn equally often. */
function brokerActions(site: BrokerSite): Action[][] {
  const talks = DIALECTS.flatMap((dialect) => [
    ...invalidTalks(dialect),
    ...wrongTimeTalks(dialect),
    ...oddTalks(dialect),
  ]);
  const acts: readonly Act[] = [...WORKER_ACTS, ...PARTIAL_ACTS, ...IDENTITY_ACTS].filter((
    { alone },
  ) => !alone);
  return [
    talks.map((talk) => [talk.name, () => hold(site, talk, false)]),
    DIALECTS.flatMap((dialect) =>
      acts.map((act) =>
        [`${dialect}: ${act.name}`, () => {
          if (act.ignored) ignored += 1;
          return act.run(site, dialect);
        }] as const
      )
    ),
    RAW_CASES.map((raw) => [raw.name, () => send(site, raw, false)]),
    FLOODS.map((flood) => [flood.name, () => flood.run(site, FLOOD_SIZE)]),
  ];
}

/** Does `actions` drawn at random, one after another, until `untilMs`; returns how many. */
async function draw(
  random: () => number,
  kinds: readonly (readonly Action[])[],
  untilMs: number,
): Promise<number> {
  let done = 0;
  for (; performance.now() < untilMs; done += 1) {
    const [name, run] = pick(random, pick(random, kinds));
    await naming(`seed ${SEED}, ${name}`, run());
  }
  return done;
}

/** Attacks and asks for so long; returns the number of hostile actions and of good requests. */
async function attack(broker: BrokerSite, worker: WorkerSite, seed: number, seconds: number) {
  const untilMs = performance.now() + seconds * 1000;
  const actions = brokerActions(broker);
  const strangers = Array.from(
    { length: STRANGERS },
    (_, i) => draw(randomOf(seed + i), actions, untilMs),
  );
  const brokers = DIALECTS.map((dialect, i) => {
    const kinds = [malformedActs(dialect), BROKER_ACTS].map((acts) =>
      acts.map((act): Action => [`${dialect}: ${act.name}`, async () => {
        await act.run(worker, dialect);
        await worker.assertWell(dialect);
      }])
    );
    return draw(randomOf(seed + STRANGERS + i), kinds, untilMs);
  });
  const ask = async () => {
    let count = 0;
    for (; performance.now() < untilMs; count += 1) await broker.assertWell();
    return count * DIALECTS.length;
  };
  const [good, ...hostile] = await Promise.all([ask(), ...strangers, ...brokers]);
  return { good, hostile: hostile.reduce((a, b) => a + b) };
}

Deno.test(`soak - ${SECONDS} s of hostile traffic drawn at random: the good are answered, and nothing stays behind`, async (t) => {
  await using broker = await BrokerSite.start();
  await using worker = await WorkerSite.start();
  await t.step(`warm-up of a third, seed ${SEED}`, async () => {
    // All of the large ones first: what is drawn in so short a time may leave some of them out.
    await Promise.all([warmBroker(broker), warmWorkers(worker)]);
    await attack(broker, worker, SEED + 1000, SECONDS / 3);
  });
  await untilQuiet(broker);
  const warm = [await broker.subject.memory(), await worker.subject.memory()] as const;
  const ignoredWhenWarm = ignored;
  const { hostile, good } = await attack(broker, worker, SEED, SECONDS);
  await untilQuiet(broker);
  await t.step(`${hostile} hostile actions, ${good} good requests, memory is back`, async () => {
    await broker.assertWaitingAnswered();
    await broker.subject.untilBack(warm[0], ignored - ignoredWhenWarm);
    await worker.subject.untilBack(warm[1]);
    assert.deepEqual((await broker.subject.status()).errors, []);
    assert.deepEqual((await worker.subject.status()).errors, []);
  });
});
