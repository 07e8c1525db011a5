/**
 * `plantd-state top`: the service as it works, in the terminal.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { examples } from "./examples.ts";
import { PlantdError } from "../errors.ts";
import { asking, type ServiceValues } from "./asking.ts";
import { EXIT } from "./exit_codes.ts";
import { Screen } from "./screen.ts";
import { serviceOptions } from "./state_options.ts";
import { intervalOption } from "./stats.ts";
import { type Sample, takeSample } from "./stats_data.ts";
import { screenOf } from "./stats_view.ts";

/** Parser of the command. */
export const topCommand = command(
  "top",
  merge(object({ command: constant("top") }), intervalOption, serviceOptions),
  {
    brief: message`Watch the service and its scopes in the terminal.`,
    description:
      message`Show the numbers of the service and a table of its scopes, those that change most first, each second anew, until q or Ctrl-C. It needs a terminal; stats prints once.`,
    footer: examples(
      "plantd-state top",
      "plantd-state top --endpoint=tcp://controller:9797 --interval=5s",
    ),
  },
);

/** What the command's options parse to. */
export interface TopValues extends ServiceValues {
  /** In milliseconds. */
  readonly interval: number;
}

/** Runs the command. */
export async function top(values: TopValues): Promise<number> {
  if (!Deno.stdout.isTerminal()) {
    throw new PlantdError("usage", "top needs a terminal, and standard output is none", {
      hint: "plantd-state stats prints once, also as JSON or YAML",
    });
  }
  await using service = asking(values);
  // Whoever does not answer at all is said as by every other command.
  let [before, after] = await firstSamples(() => takeSample(service));
  let notice: string | undefined;
  let isOver = false;
  await using screen = new Screen(() => draw());
  const draw = () => screen.draw(screenOf(before, after, screen.size, notice));
  const over = screen.quit.then(() => void (isOver = true));
  draw();
  for (;;) {
    await Promise.race([over, pause(values.interval)]);
    if (isOver) return EXIT.done;
    const sample = await Promise.race([over, takeSample(service).catch(why)]);
    if (isOver) return EXIT.done;
    if (typeof sample === "string") {
      notice = sample;
    } else if (sample) {
      [before, after, notice] = [after, sample, undefined];
    }
    draw();
  }
}

/** The same twice: there are no rates yet. */
async function firstSamples(take: () => Promise<Sample>): Promise<[Sample, Sample]> {
  const sample = await take();
  return [sample, sample];
}

/** A service that is away comes back; what is shown meanwhile is old. */
function why(thrown: unknown): string {
  if (!(thrown instanceof PlantdError)) throw thrown;
  return `out of date: ${thrown.message}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
