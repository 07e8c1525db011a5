/**
 * `plantd-state serve`: the service, against a broker and a bus that exist.
 *
 * @module
 */

import { loadStateConfig, refuseMemoryDatabase } from "../config/load.ts";
import { STATE_RELOADABLE } from "../config/reload.ts";
import { logOf } from "../log.ts";
import { Service } from "../service.ts";
import { PROGRAM, VERSION } from "../version.ts";
import { Reloading } from "./reloading.ts";
import { runUntilStopped } from "./run_until_stopped.ts";
import { flagsOf, type SettingValues } from "./settings.ts";

/** Runs the command. */
export async function serve(values: SettingValues): Promise<number> {
  refuseMemoryDatabase();
  const reloading = new Reloading({
    load: () => loadStateConfig({ configPath: values.config, flags: flagsOf(values) }),
    reloadable: STATE_RELOADABLE,
    apply: (config) => service.reconfigure(config),
  });
  const { config, file, ignored } = reloading.loaded;
  const log = logOf("process");
  log.info("starting", { program: PROGRAM, version: VERSION, config: file ?? "defaults" });
  if (ignored.length > 0) log.debug("settings of the original without a meaning here", { ignored });
  let service: Service;
  return await runUntilStopped(
    async () => service = await Service.start(config),
    {
      onStarted: () =>
        log.info("serving", {
          service: config.service.id,
          broker: config.broker.endpoint.address,
          bus: config.bus.endpoint.address,
          lanes: config.worker.lanes,
          health: `${service.httpUrl}/healthz`,
        }),
      condition: () => ({ status: service.summary(), stuck: service.stuck() }),
      reload: () => void reloading.again(),
    },
  );
}
