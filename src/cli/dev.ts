/**
 * `plantd-state dev`: broker, state bus and service in one process, for a desk.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { examples } from "./examples.ts";
import { type Endpoint, parseEndpoint } from "../config/endpoint.ts";
import { invokedAs } from "../config/invocation.ts";
import { loadDevConfig, refuseMemoryDatabase } from "../config/load.ts";
import { STATE_RELOADABLE } from "../config/reload.ts";
import type { StateConfig } from "../config/schema.ts";
import { BUS_HIGH_WATER_MARK } from "../limits.ts";
import { Network } from "../network.ts";
import { Service } from "../service.ts";
import { PROGRAM, VERSION } from "../version.ts";
import { logOptions, settingOptions } from "./options.ts";
import { print } from "./output.ts";
import { Reloading } from "./reloading.ts";
import { runUntilStopped } from "./run_until_stopped.ts";
import { flagsOf, type SettingValues } from "./settings.ts";

/** Parser of the command. */
export const devCommand = command(
  "dev",
  merge(object({ command: constant("dev") }), settingOptions, logOptions),
  {
    brief: message`Run broker, state bus and service in one process.`,
    description:
      message`Run a Majordomo broker, a state bus and the state service in one process, to try things out. The data lies in .plantd/ unless told otherwise.`,
    footer: examples(
      "plantd-state dev",
      "plantd-state dev --db=try.db --health-port=0",
    ),
  },
);

/** Runs the command. */
export async function dev(values: SettingValues): Promise<number> {
  refuseMemoryDatabase();
  const reloading = new Reloading({
    load: () => loadDevConfig({ configPath: values.config, flags: flagsOf(values) }),
    reloadable: STATE_RELOADABLE,
    apply: (config) => service.reconfigure(config),
  });
  const { config } = reloading.loaded;
  let service: Service;
  let banner = "";
  return await runUntilStopped(
    async () => {
      await using parts = new AsyncDisposableStack();
      const network = parts.use(await startNetwork(config));
      service = parts.use(await Service.start(connectedTo(network, config)));
      banner = describe(network, service, config);
      return parts.move();
    },
    { onStarted: () => print(banner), reload: () => void reloading.again() },
  );
}

/** The broker and the bus where the configuration would have looked for them. */
function startNetwork({ broker, bus }: StateConfig): Promise<Network> {
  return Network.start({
    endpoint: toBind(broker.endpoint).address,
    heartbeatMs: broker.heartbeatMs,
    liveness: broker.heartbeatLiveness,
    highWaterMark: BUS_HIGH_WATER_MARK,
    buses: [{ name: "state", frontend: bus.frontend, backend: toBind(bus.endpoint) }],
  });
}

function toBind({ address }: Endpoint): Endpoint {
  return parseEndpoint(`@${address}`, "bind");
}

function connectedTo(network: Network, config: StateConfig): StateConfig {
  const connect = (address: string): Endpoint => ({ mode: "connect", address });
  return {
    ...config,
    broker: { ...config.broker, endpoint: connect(network.endpoint) },
    bus: { ...config.bus, endpoint: connect(network.buses[0]!.backend) },
  };
}

function describe(network: Network, service: Service, { service: { id }, database }: StateConfig) {
  const [bus] = network.buses;
  const { command } = invokedAs();
  const state = (words: string) =>
    `  ${command} state ${words} --endpoint=${network.endpoint} --service=org.plantd.Client foo`;
  return [
    `${PROGRAM} ${VERSION}: broker, state bus and service in one process`,
    `  broker  ${network.endpoint} (service ${id})`,
    `  bus     publish to ${bus!.frontend}, subscribe at ${bus!.backend}`,
    `  feed    subscribe at ${service.feedAddress ?? "nothing: it is switched off"}`,
    `  page    ${service.httpUrl}/`,
    `  health  ${service.httpUrl}/healthz`,
    `  data    ${database.path}`,
    "Try, in another terminal:",
    `${state("set")} bar`,
    state("get"),
    "Ctrl-C stops it.",
  ].join("\n");
}
