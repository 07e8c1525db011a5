/**
 * What `plantd-state doctor` makes of the way to the service: configuration, broker, service. Pure.
 *
 * @module
 */

import type { Finding, Readings } from "./doctor_readings.ts";

/** Which file was read. */
export function configuration({ configFile }: Readings): Finding {
  const says = configFile ?? "no file, so the defaults hold";
  return { name: "configuration", status: "ok", says };
}

/** Whether there is a broker, and what is wrong with the way to it. */
export function broker({ broker: { address, reach, mmi }, health }: Readings): Finding {
  const name = "broker";
  if (mmi !== undefined || typeof health !== "string") {
    return { name, status: "ok", says: `answers at ${address}` };
  }
  switch (reach) {
    case "refused":
      return {
        name,
        status: "fail",
        says: `nothing listens at ${address}`,
        todo:
          "start it there (plantd-state broker, or systemctl start plantd-broker), or say where it is: broker.endpoint, --endpoint",
      };
    case "silent":
      return {
        name,
        status: "fail",
        says: `${address} cannot be reached`,
        todo: "is the host up, the address right, and the port open in the firewall?",
      };
    case "open":
      return {
        name,
        status: "fail",
        says: `something listens at ${address}, but does not answer as a Majordomo broker`,
        todo:
          "is that the broker's port, and broker.dialect the broker's (mdp01, mdp02, plantd02)?",
      };
    case "unknown":
      return {
        name,
        status: "fail",
        says: `nobody answers at ${address}`,
        todo: "is the broker running, and broker.endpoint right?",
      };
  }
}

/** Whether the service answers, and where it is when it does not. */
export function service(
  { service: id, broker: { mmi, address }, health, here }: Readings,
): Finding {
  const name = "service";
  if (typeof health !== "string") {
    return { name, status: "ok", says: `${id} answers, in ${Math.round(health.tookMs)} ms` };
  }
  if (here?.http) {
    const { url, complaints } = here.http;
    return {
      name,
      status: "fail",
      says: [`it runs (${url} answers) but cannot be asked through the broker`, ...complaints]
        .join("; "),
      todo: `is its broker.endpoint ${address}?`,
    };
  }
  const fault = { name, status: "fail" } as const;
  if (here?.holder !== undefined) {
    return {
      ...fault,
      says: `${here.holder} has ${here.database} open, and does not answer`,
      todo: "it may be starting, or know another broker: see its log (journalctl -u plantd-state)",
    };
  }
  const start = "start it: plantd-state, or systemctl start plantd-state";
  if (mmi === "404") {
    return { ...fault, says: `no ${id} is registered with the broker`, todo: start };
  }
  if (mmi === "200") {
    return {
      ...fault,
      says: `${id} is registered with the broker, but does not answer: ${health}`,
      todo:
        "it is overloaded or hangs: see its log (journalctl -u plantd-state), or raise --timeout",
    };
  }
  if (here === undefined) return { name, status: "skip", says: "it is asked through the broker" };
  const what = here.exists ? "no process has it open" : "it is not there";
  return { ...fault, says: `not running here with ${here.database}: ${what}`, todo: start };
}
