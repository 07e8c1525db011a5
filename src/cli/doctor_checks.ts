/**
 * What `plantd-state doctor` makes of what it has seen. Pure: readings go in, findings come out, one for
 * each part of the service, in the order in which one would look for a fault.
 *
 * @module
 */

import { VERSION } from "../version.ts";
import { broker, configuration, service } from "./doctor_reach.ts";
import type { Finding, Readings } from "./doctor_readings.ts";
import { bytesText, type HealthData, rejectedOf } from "./health_data.ts";

/** Difference between two clocks beyond which times in the history mislead people, in milliseconds. */
const CLOCK_MS_MAX = 2_000;
/** Room below which the next hours are in doubt, in bytes: ten times what is set aside for deletes. */
const FREE_BYTES_MIN = 100 * 1024 * 1024;
/** Time at one commit after which the disk counts as stuck; as `/healthz` has it. */
const COMMIT_MS_MAX = 5_000;

/**
 * All findings.
 *
 * @example
 * ```ts
 * findingsOf(readings).some(({ status }) => status === "fail");
 * ```
 */
export function findingsOf(readings: Readings): Finding[] {
  const { health, here } = readings;
  const found = [configuration(readings), broker(readings), service(readings)];
  if (typeof health === "string") {
    const why = here?.http ? `not told: ${here.http.url} tells more` : "the service did not answer";
    const rest = ["version", "store", "disk", "bus", "feed", "clock"];
    return [...found, ...rest.map((name) => ({ name, status: "skip", says: why }) as const)];
  }
  const { data } = health;
  return [
    ...found,
    version(data),
    store(data),
    ...damage(data),
    ...backups(data),
    ...audit(data),
    disk(data),
    bus(data),
    feed(readings, data),
    clock(readings),
  ];
}

function version({ version: theirs }: HealthData): Finding {
  const name = "version";
  if (theirs === VERSION) return { name, status: "ok", says: `${VERSION}, both sides` };
  return {
    name,
    status: "warn",
    says: `the service has ${theirs ?? "none that it tells"}, this program ${VERSION}`,
    todo: "install the same version on both hosts",
  };
}

function store(
  { store_available, store_failure, damaged = 0, commit_ms = 0, revision, scopes, keys }:
    HealthData,
): Finding {
  const name = "store";
  if (store_available === false) {
    return {
      name,
      status: "fail",
      says: store_failure ?? "writes are not stored",
      todo: "put the disk right; writes are stored again then, without a restart",
    };
  }
  if (commit_ms > COMMIT_MS_MAX) {
    return {
      name,
      status: "fail",
      says: `the disk has not finished a commit for ${Math.round(commit_ms)} ms`,
      todo: "look at the disk (dmesg, smartctl, iostat)",
    };
  }
  if (damaged > 0) {
    return {
      name,
      status: "warn",
      says: `${damaged} records are damaged and not served`,
      todo: "make room on the disk and start the service again, which recovers them from backups",
    };
  }
  return { name, status: "ok", says: `revision ${revision}, ${keys} keys in ${scopes} scopes` };
}

function damage({ damage }: HealthData): Finding[] {
  if (damage === undefined || damage.length === 0) return [];
  return [{
    name: "damage",
    status: "warn",
    says: damage.map(({ text }) => text).join(" "),
    todo: "read the report that is named there, then: plantd-state acknowledge",
  }];
}

function backups({ backups }: HealthData): Finding[] {
  if (backups === undefined) return [];
  const { directory, last, failure } = backups;
  const name = "backups";
  if (failure === undefined) {
    return [{ name, status: "ok", says: `${directory}, the last of ${last ?? "none yet"}` }];
  }
  const todo = `may the service write to ${directory}, and is there room?`;
  return [{ name, status: "warn", says: `none was made in ${directory}: ${failure}`, todo }];
}

function audit({ audit }: HealthData): Finding[] {
  if (audit === undefined) return [];
  const { file, lost, failure } = audit;
  const name = "audit";
  const missing = lost === 0 ? "" : `, ${lost} records were lost since the start`;
  if (failure !== undefined) {
    const todo = `may the service write to ${file}, and is there room?`;
    return [{ name, status: "warn", says: `${file} is not written: ${failure}${missing}`, todo }];
  }
  if (lost === 0) return [{ name, status: "ok", says: `written to ${file}` }];
  const todo = "see where they are missing (grep lost); give the audit log a disk that keeps up";
  return [{ name, status: "warn", says: `written to ${file}${missing}`, todo }];
}

function disk({ disk = {} }: HealthData): Finding {
  const { free_bytes, database_bytes = 0 } = disk;
  const name = "disk";
  const free = `${bytesText(free_bytes)} free`;
  if (free_bytes === undefined) return { name, status: "skip", says: "the service does not tell" };
  const says = `${free}, the database has ${bytesText(database_bytes)}`;
  if (free_bytes < FREE_BYTES_MIN) {
    const todo = "make room: on a full disk writes fail, reads and deletes go on";
    return { name, status: "warn", says, todo };
  }
  if (free_bytes < database_bytes) {
    const todo = "make room for a second database, which a recovery or a restore needs";
    return { name, status: "warn", says, todo };
  }
  return { name, status: "ok", says };
}

function bus({ bus }: HealthData): Finding {
  const name = "bus";
  if (bus === undefined) return { name, status: "skip", says: "the service does not tell" };
  const { connected, endpoint = "its endpoint", received, stored } = bus;
  if (!connected) {
    return {
      name,
      status: "fail",
      says: `the service is not connected to the bus at ${endpoint}`,
      todo:
        "start the bus (plantd-state broker has it), or say where its backend is: bus.endpoint of the service",
    };
  }
  const rejected = rejectedOf(bus);
  const says = `connected to ${endpoint}, ${received} received, ${stored} stored`;
  if (rejected === 0) return { name, status: "ok", says };
  const reasons = Object.entries(bus.rejected).map(([reason, count]) => `${count} ${reason}`);
  return {
    name,
    status: "warn",
    says: `${says}, ${rejected} rejected since the start: ${reasons.join(", ")}`,
    todo: adviceOn(bus.rejected),
  };
}

/** What helps against most of the rejections. */
function adviceOn(rejected: Readonly<Record<string, number>>): string {
  const [most] = Object.entries(rejected).sort(([, a], [, b]) => b - a);
  switch (most?.[0]) {
    case "scope_not_found":
      return "create the scope (plantd-state state create-scope), or set bus.create-scopes";
    case "overflow":
      return "the disk is slower than the bus: publish less often, or push to bus.pull";
    case "quota_exceeded":
      return "raise the scope's quota (plantd-state state configure), or delete keys";
    case "storage_full":
    case "storage_unavailable":
      return "put the disk right";
    default:
      return "plantd-state stats names the scopes; the log at level debug names each update";
  }
}

function feed({ feed }: Readings, { feed: told }: HealthData): Finding {
  const name = "feed";
  if (feed === undefined) {
    if (told !== null) return { name, status: "skip", says: "the service does not tell" };
    const todo = "set feed.enabled, if anybody wants to watch";
    return { name, status: "warn", says: "the change feed is switched off", todo };
  }
  const { endpoint, heard, waitedMs } = feed;
  if (heard) return { name, status: "ok", says: `heard at ${endpoint}` };
  return {
    name,
    status: "fail",
    says: `nothing is heard at ${endpoint} within ${Math.round(waitedMs)} ms`,
    todo:
      "is the port open in the firewall, and feed.endpoint an address that this host can reach, not a loopback one?",
  };
}

function clock({ clock }: Readings): Finding {
  const name = "clock";
  if (clock === undefined) return { name, status: "skip", says: "the service does not tell" };
  const { aheadMs, errorMs } = clock;
  const apart = Math.max(0, Math.abs(aheadMs) - errorMs);
  if (apart <= CLOCK_MS_MAX) {
    return { name, status: "ok", says: "as that of this host" };
  }
  return {
    name,
    status: "warn",
    says: `the service's is ${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${
      aheadMs > 0 ? "ahead of" : "behind"
    } this host's`,
    todo: "set both by NTP (timedatectl set-ntp true): times in the history mislead otherwise",
  };
}
