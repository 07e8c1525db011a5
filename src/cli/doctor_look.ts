/**
 * Looks at everything `plantd-state doctor` judges: the broker, the service through it, the feed, and
 * this host where the service may run here.
 *
 * @module
 */

import { resolve } from "node:path";
import type { StateConfig } from "../config/schema.ts";
import { messageOf } from "../errors.ts";
import { holderOf } from "../offline.ts";
import { isFeedHeard } from "../watch/feed_probe.ts";
import type { Asking } from "./asking.ts";
import type { Here, Reach, Readings } from "./doctor_readings.ts";
import type { HealthData } from "./health_data.ts";

/** Time a connection may take, in milliseconds; a host that is there answers within one round trip. */
const CONNECT_MS_MAX = 1_500;
/** Time until the feed counts as silent, in milliseconds: three of its heartbeats. */
const FEED_MS_MAX = 3_000;
/** Time the service's health may take over HTTP, in milliseconds. */
const HTTP_MS_MAX = 1_500;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Everything that is to be seen.
 *
 * @param isHere Whether the service, if it runs, runs on this host.
 */
export async function look(
  service: Asking,
  { configFile, isHere }: { readonly configFile: string | undefined; readonly isHere: boolean },
): Promise<Readings> {
  const { config } = service;
  const { address } = config.broker.endpoint;
  const reach = await reachOf(address);
  // Nobody is there to be waited for.
  const isAsked = reach !== "refused";
  const [mmi, health] = isAsked
    ? await Promise.all([askMmi(service), askHealth(service)])
    : [undefined, "nobody was asked"] as const;
  return {
    service: config.service.id,
    configFile,
    broker: { address, reach, mmi },
    health,
    ...(typeof health === "string"
      ? (isHere ? { here: await lookHere(config) } : {})
      : { ...clockOf(health), ...await listen(service, health.data) }),
  };
}

/** What the broker says of the service (RFC 8). */
async function askMmi({ client, config }: Asking): Promise<string | undefined> {
  try {
    const [code] = await client.request("mmi.service", [encoder.encode(config.service.id)]);
    return decoder.decode(code);
  } catch {
    return undefined;
  }
}

interface Answer {
  readonly data: HealthData;
  readonly tookMs: number;
  /** Wall clock of this host when it was asked. */
  readonly askedMs: number;
}

async function askHealth(service: Asking): Promise<Answer | string> {
  const [askedMs, sinceMs] = [Date.now(), performance.now()];
  try {
    const { members } = await service.ask("health", {});
    return { data: members.data as HealthData, tookMs: performance.now() - sinceMs, askedMs };
  } catch (thrown) {
    return messageOf(thrown);
  }
}

/** Their clock against the middle of the time that the question took. */
function clockOf({ data: { time }, tookMs, askedMs }: Answer): Pick<Readings, "clock"> {
  if (time === undefined) return {};
  const errorMs = tookMs / 2;
  return { clock: { aheadMs: Date.parse(time) - (askedMs + errorMs), errorMs } };
}

async function listen(
  { poller, config }: Asking,
  { feed: endpoint }: HealthData,
): Promise<Pick<Readings, "feed">> {
  if (endpoint === undefined || endpoint === null) return {};
  const sinceMs = performance.now();
  const broker = config.broker.endpoint.address;
  const heard = await isFeedHeard(poller, endpoint, { broker, withinMs: FEED_MS_MAX });
  return { feed: { endpoint, heard, waitedMs: performance.now() - sinceMs } };
}

async function lookHere({ database, health, service }: StateConfig): Promise<Here> {
  const path = resolve(database.path);
  const http = await askHttp(health, service.id);
  return {
    database: path,
    holder: await holderOf(path),
    exists: await Deno.stat(path).then(({ isFile }) => isFile, () => false),
    ...(http === undefined ? {} : { http }),
  };
}

/** What `/healthz` of this service complains of; undefined where it is not to be had. */
async function askHttp(
  { host, port }: { readonly host: string; readonly port: number },
  serviceId: string,
): Promise<Here["http"]> {
  const at = ["0.0.0.0", "::", ""].includes(host) ? "127.0.0.1" : host;
  const url = `http://${at.includes(":") ? `[${at}]` : at}:${port}/healthz`;
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(HTTP_MS_MAX) });
    const body = await reply.json() as {
      serviceId?: string;
      checks?: Readonly<Record<string, readonly { status: string; output?: string }[]>>;
    };
    if (body.serviceId !== serviceId) return undefined;
    const checks = Object.entries(body.checks ?? {});
    const complaints = checks.flatMap(([name, [check]]) =>
      check === undefined || check.status === "pass" ? [] : [check.output ?? name]
    );
    return { url, complaints };
  } catch {
    return undefined;
  }
}

/** What a connection to an address comes to. */
async function reachOf(address: string): Promise<Reach> {
  const [, bracketed, plain, port] = /^tcp:\/\/(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(address) ?? [];
  if (port === undefined) return "unknown";
  const signal = AbortSignal.timeout(CONNECT_MS_MAX);
  try {
    const hostname = bracketed ?? plain!;
    (await Deno.connect({ hostname, port: Number(port), signal })).close();
    return "open";
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return "refused";
    // From source only this host may be connected to.
    return error instanceof Deno.errors.NotCapable ? "unknown" : "silent";
  }
}
