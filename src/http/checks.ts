/**
 * The parts of the service as checks: what their numbers mean for whoever asks whether it is well.
 *
 * @module
 */

import type { Check } from "./health.ts";

/** What there is to say before there is anything to check. */
export const STARTING: Check = {
  name: "service:start",
  componentType: "component",
  status: "fail",
  output: "the service is starting",
};

/**
 * Time at one commit, in milliseconds, after which the disk counts as stuck: thousands of times what it
 * takes, and more than a card takes that tidies up.
 */
const STUCK_MS = 5_000;

/** That the disk has been at a commit for longer than `boundMs`; undefined while it has not. */
export function stuckAt(
  { commitMs = 0 }: { readonly commitMs?: number },
  boundMs: number,
): string | undefined {
  if (commitMs <= boundMs) return undefined;
  return `the disk has not finished a commit for ${commitMs} ms`;
}

/** The store, from its status. */
export function storeCheck(
  { available, failure, commitMs = 0, damaged, revision }: {
    readonly available: boolean;
    readonly failure?: string;
    readonly commitMs?: number;
    readonly damaged: number;
    readonly revision: number;
  },
): Check {
  const check = {
    name: "store:revision",
    componentType: "datastore",
    observedValue: revision,
  } as const;
  if (!available) return { ...check, status: "fail", output: failure ?? "the store is closed" };
  const stuck = stuckAt({ commitMs }, STUCK_MS);
  if (stuck !== undefined) return { ...check, status: "fail", output: stuck };
  if (damaged === 0) return { ...check, status: "pass" };
  return { ...check, status: "warn", output: `${damaged} records are damaged and not served` };
}

/** The conversation with the broker at `address`, from the worker's status. */
export function brokerCheck(
  { connected, lanes }: { readonly connected: number; readonly lanes: number },
  address: string,
): Check {
  const check = {
    name: "broker:lanes",
    componentType: "system",
    observedValue: connected,
    observedUnit: "lanes",
  } as const;
  if (connected > 0) return { ...check, status: "pass" };
  return { ...check, status: "fail", output: `no broker answers ${lanes} lanes at ${address}` };
}

/** The bus, from the subscriber's status. */
export function busCheck(
  { connected, endpoint, subscriptions }: {
    readonly connected: boolean;
    readonly endpoint: string;
    readonly subscriptions: number;
  },
): Check {
  const check = {
    name: "bus:subscriptions",
    componentType: "system",
    observedValue: subscriptions,
    observedUnit: "subscriptions",
  } as const;
  if (connected) return { ...check, status: "pass" };
  return { ...check, status: "fail", output: `the bus at ${endpoint} is not connected` };
}

/** What earlier starts have lost, until it is acknowledged. */
export function damageCheck(notices: readonly { readonly text: string }[]): Check {
  return {
    name: "store:damage",
    componentType: "datastore",
    status: "warn",
    observedValue: notices.length,
    observedUnit: "notices",
    output: notices.map(({ text }) => text).join(" "),
  };
}

/** The audit log, from its status. */
export function auditCheck(
  { file, failure }: { readonly file: string; readonly failure: string | undefined },
): Check {
  const check = { name: "audit:file", componentType: "component" } as const;
  if (failure === undefined) return { ...check, status: "pass" };
  return { ...check, status: "warn", output: `the audit log ${file} is not written: ${failure}` };
}

/** Automatic backups, from their status. */
export function backupCheck(
  { lastMs, failure, directory }: {
    readonly lastMs: number | undefined;
    readonly failure: string | undefined;
    readonly directory: string;
  },
): Check {
  const check = {
    name: "backup:time",
    componentType: "component",
    ...(lastMs === undefined ? {} : { observedValue: new Date(lastMs).toISOString() }),
  } as const;
  if (failure === undefined) return { ...check, status: "pass" };
  return { ...check, status: "warn", output: `no backup was made in ${directory}: ${failure}` };
}
