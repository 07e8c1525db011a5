/**
 * The parts of prom-client that are used. Its front door also loads what collects numbers of Node.js and
 * of clusters, which costs 30 ms at every start and is not used.
 *
 * @module
 */

import type * as prom from "prom-client";
import counter from "prom-client/lib/counter.js";
import gauge from "prom-client/lib/gauge.js";
import histogram from "prom-client/lib/histogram.js";
import registry from "prom-client/lib/registry.js";

/** Metrics that belong together; what belongs to none goes nowhere. */
export const Registry: typeof prom.Registry = registry;
/** What only grows. */
export const Counter: typeof prom.Counter = counter;
/** What goes up and down. */
export const Gauge: typeof prom.Gauge = gauge;
/** How often something took how long. */
export const Histogram: typeof prom.Histogram = histogram;

/** One line of a metric, as prom-client prints it. */
export interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Has `registry` print a histogram whose samples something else counts. */
export function registerHistogram(
  registry: prom.Registry,
  histogram: {
    readonly name: string;
    readonly help: string;
    readonly samples: () => Iterable<Sample>;
  },
): void {
  const { name, help, samples } = histogram;
  const get = () => Promise.resolve({ name, help, type: "histogram", values: [...samples()] });
  // What a registry needs of a metric to print it is this much of one.
  registry.registerMetric({ name, get } as unknown as prom.Histogram);
}
