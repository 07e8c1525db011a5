/**
 * Sections of the manual page about what surrounds the commands: exit codes, files, environment.
 *
 * @module
 */

import { EXIT } from "../src/cli/exit_codes.ts";
import { leavesOf } from "../src/config/collect.ts";
import { formatEndpoint } from "../src/config/endpoint.ts";
import { BROKER, type ConfigKind, type SettingTree, STATE } from "../src/config/schema.ts";
import { PROGRAM } from "../src/version.ts";
import * as troff from "./troff.ts";

/** Every exit code; a new one does not compile until it has a meaning. */
const MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: "Done.",
  refused:
    "The service said no, and its code and sentence are on standard error; or verify, diff, check or doctor found something.",
  usage: "Wrong usage, or a configuration that is not valid.",
  noReply: "Nobody answered in time. A write may still happen, once.",
  cannotStart:
    "The program could not start: a port is taken, or the database or a file is in use, cannot be opened or is damaged.",
  fault: "A fault of the program.",
  output: "The result could not be written to standard output.",
};

/** What each exit code means. */
export function exitStatus(): string[] {
  const names = Object.keys(EXIT) as (keyof typeof EXIT)[];
  return names.map((name) =>
    troff.definition(troff.bold(String(EXIT[name])), troff.escape(MEANINGS[name]))
  );
}

/** Where the package and the services have their files. */
export function files(): string[] {
  const looked = (files: readonly string[], what: string) =>
    files.map((file) =>
      troff.definition(
        troff.italic(file.startsWith("/") ? file : `./${file}`),
        troff.escape(`Settings of ${what}; the first one there is taken.`),
      )
    );
  const state = `/var/lib/${PROGRAM}`;
  return [
    ...looked(STATE.files, "the service and the client"),
    ...looked(BROKER.files, "the broker"),
    troff.definition(
      troff.italic(`${state}/state.db`),
      "The database of the service that systemd starts, readable by its user " +
        `${troff.bold(PROGRAM)} alone.`,
    ),
    troff.definition(
      troff.italic(`/var/log/${PROGRAM}`),
      `Made by systemd for an audit log, see the setting ${troff.bold("audit.file")}.`,
    ),
    troff.definition(
      troff.italic(`/var/cache/${PROGRAM}`),
      "Compiled code of the services; may be deleted at any time.",
    ),
    troff.definition(
      `${troff.italic(`${PROGRAM}.service`)}, ${troff.italic("plantd-broker.service")}`,
      "The systemd units; the broker is not started unless enabled.",
    ),
  ];
}

/** The environment variables, from the schema of the settings. */
export function environment(): string[] {
  const variable = (name: string, ...text: string[]) =>
    troff.definition(troff.bold(name), text.join(" "));
  return [
    "Settings in the environment win over those in a file, and options win over both.\n",
    ...settings(STATE),
    ...settings(BROKER),
    variable(STATE.fileVariable, "Configuration file of the service and the client."),
    variable(BROKER.fileVariable, "Configuration file of the broker."),
    variable(
      "NOTIFY_SOCKET",
      "Set by systemd:",
      `the service tells there when it is ready, see ${troff.bold("sd_notify")}(3).`,
    ),
    variable(
      "WATCHDOG_USEC",
      "Set by systemd, with",
      `${troff.bold("WATCHDOG_PID")}: how often it wants to be told that all is well.`,
    ),
    variable(
      "OTEL_DENO",
      `${troff.bold("true")} exports traces and logs to the OpenTelemetry collector at`,
      `${troff.bold("OTEL_EXPORTER_OTLP_ENDPOINT")}.`,
    ),
    variable(
      "XDG_CACHE_HOME",
      "Compiled code is kept in",
      `${troff.italic(PROGRAM)} there, or in ${troff.italic("~/.cache")}.`,
    ),
  ];
}

function settings<T extends SettingTree>(kind: ConfigKind<T>): string[] {
  const leaves = leavesOf(kind.settings);
  return [...kind.environment].map(([name, path]) => {
    const byDefault = textOf(leaves.get(path)?.fallback());
    return troff.definition(
      troff.bold(name),
      `The setting ${troff.bold(path)}. Default: ${troff.bold(byDefault)}.`,
    );
  });
}

/** A value as it could stand in a file. */
function textOf(value: unknown): string {
  const isEndpoint = typeof value === "object" && value !== null && "address" in value;
  return isEndpoint ? formatEndpoint(value as never) : String(value);
}

/** A first acquaintance. */
export function examples(): string[] {
  return [
    "Store a value, and load it:\n",
    troff.example(
      "plant state set --service=org.plantd.Client foo bar",
      "plant state get --service=org.plantd.Client foo",
    ),
    troff.paragraph(
      "See how the service is doing, have it load its settings again, and see what it says:",
    ),
    troff.example(
      "plantd-state doctor",
      "systemctl status plantd-state",
      "systemctl reload plantd-state",
      "journalctl -u plantd-state -f",
      "curl http://127.0.0.1:8081/healthz",
    ),
    troff.paragraph("Run a broker and the buses on this host, too:"),
    troff.example("systemctl enable --now plantd-broker"),
  ];
}
