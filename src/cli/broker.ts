/**
 * `plantd-state broker`: a Majordomo broker and the buses of a plant network.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { loadBrokerConfig } from "../config/load.ts";
import { BROKER_RELOADABLE } from "../config/reload.ts";
import { logOf } from "../log.ts";
import { Network } from "../network.ts";
import { configOption, logOptions } from "./options.ts";
import { Reloading } from "./reloading.ts";
import { runUntilStopped } from "./run_until_stopped.ts";
import { flag, type SettingValues } from "./settings.ts";

/** Parser of the command. */
export const brokerCommand = command(
  "broker",
  merge(
    object({ command: constant("broker") }),
    object("Settings", {
      config: configOption,
      endpoint: optional(
        option("--endpoint", string({ metavar: "ENDPOINT" }), {
          description: message`Where the broker listens.`,
        }),
      ),
    }),
    logOptions,
  ),
  {
    brief: message`Run a Majordomo broker and the buses.`,
    description:
      message`Run a Majordomo broker and the configured XSUB/XPUB buses (state, event and metric), until SIGINT or SIGTERM.`,
    footer: examples(
      "plantd-state broker",
      "plantd-state broker --endpoint=@tcp://0.0.0.0:9797",
    ),
  },
);

/** What the command's options parse to. */
export interface BrokerValues extends Pick<SettingValues, "config" | "logLevel" | "logFormat"> {
  readonly endpoint?: string | undefined;
}

/** Runs the command. */
export async function broker(values: BrokerValues): Promise<number> {
  const flags = {
    endpoint: flag("--endpoint", values.endpoint),
    "log.level": flag("--log-level", values.logLevel),
    "log.format": flag("--log-format", values.logFormat),
  };
  const reloading = new Reloading({
    load: () => loadBrokerConfig({ configPath: values.config, flags }),
    reloadable: BROKER_RELOADABLE,
    // The log is all there is, and that is done.
    apply: () => Promise.resolve(),
  });
  const { endpoint, heartbeatMs, heartbeatLiveness: liveness, ...rest } = reloading.loaded.config;
  let network: Network;
  return await runUntilStopped(
    async () =>
      network = await Network.start({
        ...rest,
        isAlone: true,
        endpoint: endpoint.address,
        heartbeatMs,
        liveness,
      }),
    {
      onStarted: () =>
        logOf("broker").info("serving", { endpoint: network.endpoint, buses: network.buses }),
      condition: () => ({ status: `serving at ${network.endpoint}` }),
      reload: () => void reloading.again(),
    },
  );
}
