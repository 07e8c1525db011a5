/**
 * How the packaged program is started: the same flags in the portable executable, the native one and
 * the Debian package.
 *
 * @module
 */

/** Environment variables the program reads; npm:yaml asks for LOG_TOKENS and LOG_STREAM. */
const ENVIRONMENT = [
  "PLANTD_STATE_*",
  "PLANTD_BROKER_*",
  "DENO_KV_DB_MODE",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
  "LOG_TOKENS",
  "LOG_STREAM",
];

/**
 * The least that works on a host whose paths and addresses the configuration decides: the database and
 * the configuration may be anywhere, health may listen on any interface. No imports. Processes only for
 * `state watch -- COMMAND`: every other command drops that before it does anything else.
 */
export const PERMISSIONS: readonly string[] = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-ffi",
  "--allow-run",
  // How much room the disk has left.
  "--allow-sys=statfs",
  "--allow-net",
  // Otherwise some hosts would be allowed.
  "--deny-import",
  `--allow-env=${ENVIRONMENT.join(",")}`,
];

/** Arguments of `deno` before the bundle's path. Nothing is looked for outside the bundle. */
export const RUN_FLAGS: readonly string[] = [
  "run",
  "--quiet",
  "--unstable-kv",
  "--no-config",
  "--no-lock",
  "--no-remote",
  "--no-npm",
  "--cached-only",
  ...PERMISSIONS,
];
