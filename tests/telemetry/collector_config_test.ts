/** The configurations of a collector and of Loki fit one another, what Deno exports, and the README. */

import assert from "node:assert/strict";
import { parse } from "yaml";

const ROOT = new URL("../../", import.meta.url).pathname;
const read = (path: string) => Deno.readTextFile(`${ROOT}${path}`);
const collector = parse(await read("configs/otel-collector.yml"));
const loki = parse(await read("configs/loki-otlp.yml"));
const readme = await read("README.md");

const KINDS = ["receivers", "processors", "exporters"] as const;

type Pipeline = Readonly<Record<typeof KINDS[number], readonly string[]>>;
const pipelines: Readonly<Record<string, Pipeline>> = collector.service.pipelines;

/** The labels that the README promises. */
const LABELS = [
  ...readme.replaceAll("\n", " ").match(/gave its lines the labels ((?:`\w+`(?: and )?)+)/)![1]!
    .matchAll(/\w+/g),
].map(([name]) => name).filter((name) => name !== "and");

Deno.test("collector - every part of a pipeline is defined, and every part is in one", () => {
  for (const kind of KINDS) {
    const used = Object.values(pipelines).flatMap((pipeline) => pipeline[kind]);
    assert.deepEqual(new Set(used), new Set(Object.keys(collector[kind])), kind);
  }
  assert.deepEqual(Object.keys(pipelines), ["logs", "traces"]);
});

Deno.test("collector - it listens where the README has the service send to", () => {
  const { endpoint } = collector.receivers.otlp.protocols.http;
  assert.ok(readme.includes(`OTEL_EXPORTER_OTLP_ENDPOINT=http://${endpoint}\n`), endpoint);
});

Deno.test("collector - what it makes of a line becomes the labels that the README promises", () => {
  assert.deepEqual(LABELS, ["app", "level"]);
  const { logs } = pipelines;
  assert.deepEqual(logs!.processors, ["transform/labels", "groupbyattrs/labels", "batch"]);
  const statements: string[] = collector.processors["transform/labels"].log_statements;
  const set = statements.map((one) => one.match(/^set\((resource|log)\.attributes\["(\w+)"\]/)!);
  const of = (place: string) => set.filter(([, one]) => one === place).map(([, , name]) => name);
  // Loki makes labels of what a resource has; of a record only what is moved there.
  const { keys } = collector.processors["groupbyattrs/labels"];
  assert.deepEqual(of("log"), keys);
  assert.deepEqual([...of("resource"), ...keys], LABELS);
  const { resource_attributes: mapped } = loki.limits_config.otlp_config;
  assert.deepEqual(mapped, {
    ignore_defaults: true,
    attributes_config: [{ action: "index_label", attributes: LABELS }],
  });
  assert.match(collector.exporters[logs!.exporters[0]!].endpoint, /\/otlp$/);
});
