/**
 * What `plantd-state doctor` looks at, and what it says of it.
 *
 * @module
 */

import type { HealthData } from "./health_data.ts";

/** How a part is; `skip` where it could not be looked at because of another one. */
export type FindingStatus = "ok" | "warn" | "fail" | "skip";

/** What there is to say of one part. */
export interface Finding {
  readonly name: string;
  readonly status: FindingStatus;
  /** One line. */
  readonly says: string;
  /** What to do about it; where it is not well. */
  readonly todo?: string;
}

/** What a connection over TCP came to; unknown for other transports, and where it may not be tried. */
export type Reach = "open" | "refused" | "silent" | "unknown";

/** What was seen. */
export interface Readings {
  /** Majordomo name of the service. */
  readonly service: string;
  /** The file that was read; undefined where there is none. */
  readonly configFile: string | undefined;
  readonly broker: {
    readonly address: string;
    readonly reach: Reach;
    /** What it said of the service (RFC 8): 200, 404, ...; undefined where it said nothing. */
    readonly mmi: string | undefined;
  };
  /** What the service said, and how long it took; a sentence where it said nothing of use. */
  readonly health: { readonly data: HealthData; readonly tookMs: number } | string;
  /** Milliseconds by which the service's clock is ahead of this one, give or take. */
  readonly clock?: { readonly aheadMs: number; readonly errorMs: number };
  /** Whether the feed was heard; undefined where there is none to be heard. */
  readonly feed?: { readonly endpoint: string; readonly heard: boolean; readonly waitedMs: number };
  /** What was found on this host when nobody answered through the broker. */
  readonly here?: Here;
}

/** This host, where the service may run. */
export interface Here {
  readonly database: string;
  /** Who has the database open: a process id, or "another process"; undefined if nobody has. */
  readonly holder: string | undefined;
  readonly exists: boolean;
  /** What its health says over HTTP: each check that is not well; undefined where nobody answers. */
  readonly http?: { readonly url: string; readonly complaints: readonly string[] };
}
