/**
 * What the service says of itself: the data of a reply to `health`, as far as commands read it. All of
 * it may be missing, because a service of another version may answer.
 *
 * @module
 */

/** What became of updates from the bus. */
export interface UpdateCounts {
  readonly received: number;
  readonly stored: number;
  readonly coalesced?: number;
  readonly pending: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** The data of a reply to `health`. */
export interface HealthData {
  readonly status?: string;
  readonly version?: string;
  readonly time?: string;
  readonly uptime_s?: number;
  readonly store_available?: boolean;
  readonly store_failure?: string;
  readonly epoch?: string;
  readonly revision?: number;
  readonly scopes?: number;
  readonly keys?: number;
  readonly expiring?: number;
  readonly damaged?: number;
  readonly commits_pending?: number;
  readonly commit_ms?: number;
  readonly damage?: readonly { readonly text: string }[];
  readonly backups?: {
    readonly directory: string;
    readonly last: string | null;
    readonly failure?: string;
  };
  /** Missing where no audit log is written. */
  readonly audit?: { readonly file: string; readonly lost: number; readonly failure?: string };
  readonly disk?: {
    readonly database_bytes?: number;
    readonly wal_bytes?: number;
    readonly free_bytes?: number;
  };
  /** Null where it is switched off. */
  readonly feed?: string | null;
  readonly worker?: {
    readonly lanes: number;
    readonly connected: number;
    readonly busy: number;
    readonly dialect: string;
    readonly reconnects: number;
  };
  readonly bus?: UpdateCounts & {
    readonly connected: boolean;
    readonly endpoint?: string;
    readonly subscriptions?: number;
    readonly scopes: Readonly<Record<string, UpdateCounts>>;
  };
}

/** Updates that were rejected, for whatever reason. */
export function rejectedOf({ rejected }: Pick<UpdateCounts, "rejected">): number {
  return Object.values(rejected).reduce((sum, count) => sum + count, 0);
}

/** Bytes for people: `1.5 MiB`. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return "unknown";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const at = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const size = bytes / 1024 ** at;
  return `${at === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[at]}`;
}
