/** The wire as PROTOCOL.md's table has it, written out by hand and apart from the codec under test. */

import type { Dialect, Frames } from "../../src/mdp/frames.ts";
import { bytes } from "../helpers/async.ts";

/** Text becomes UTF-8, a number one byte, bytes stay. */
export type Part = string | number | Uint8Array;

/** One message. */
export function message(...parts: Part[]): Uint8Array[] {
  return parts.map((part) =>
    typeof part === "string"
      ? bytes(part)
      : typeof part === "number"
      ? Uint8Array.of(part)
      : Uint8Array.from(part)
  );
}

/** Frames as something readable in a failed assertion: text where it is printable, else hex. */
export function show(frames: Frames): string[] {
  return frames.map((frame) => {
    const hex = [...frame].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const printable = frame.every((byte) => byte >= 0x20 && byte < 0x7f);
    return printable ? new TextDecoder().decode(frame) : `0x${hex}`;
  });
}

/** The table, for peers that are not ours. */
export const wire = {
  mdp01: {
    request: (service: string, ...body: Part[]) => message("", "MDPC01", service, ...body),
    reply: (service: string, ...body: Part[]) => message("", "MDPC01", service, ...body),
    ready: (service: string) => message("", "MDPW01", 1, service),
    toWorker: (client: Part, ...body: Part[]) => message("", "MDPW01", 2, client, "", ...body),
    final: (client: Part, ...body: Part[]) => message("", "MDPW01", 3, client, "", ...body),
    beat: () => message("", "MDPW01", 4),
    beatToWorker: () => message("", "MDPW01", 4),
    bye: () => message("", "MDPW01", 5),
    byeToWorker: () => message("", "MDPW01", 5),
  },
  mdp02: {
    request: (service: string, ...body: Part[]) => message("MDPC02", 1, service, ...body),
    reply: (service: string, ...body: Part[]) => message("MDPC02", 3, service, ...body),
    ready: (service: string) => message("MDPW02", 1, service),
    toWorker: (client: Part, ...body: Part[]) => message("MDPW02", 2, client, "", ...body),
    final: (client: Part, ...body: Part[]) => message("MDPW02", 4, client, "", ...body),
    beat: () => message("MDPW02", 5),
    beatToWorker: () => message("MDPW02", 5),
    bye: () => message("MDPW02", 6),
    byeToWorker: () => message("MDPW02", 6),
  },
  plantd02: {
    request: (service: string, ...body: Part[]) =>
      message("", "MDPC02", "REQUEST", service, ...body),
    reply: (service: string, ...body: Part[]) => message("MDPC02", "FINAL", service, ...body),
    ready: (service: string) => message("", "MDPW02", "READY", service),
    toWorker: (client: Part, ...body: Part[]) => message("MDPW02", "REQUEST", client, "", ...body),
    final: (client: Part, ...body: Part[]) => message("", "MDPW02", "FINAL", client, ...body),
    beat: () => message("", "MDPW02", "HEARTBEAT"),
    beatToWorker: () => message("MDPW02", "HEARTBEAT"),
    bye: () => message("", "MDPW02", "DISCONNECT"),
    byeToWorker: () => message("MDPW02", "DISCONNECT"),
  },
} as const;

/** Partial replies exist in mdp02 only. */
export const partial = {
  fromWorker: (client: Part, ...body: Part[]) => message("MDPW02", 3, client, "", ...body),
  toClient: (service: string, ...body: Part[]) => message("MDPC02", 2, service, ...body),
};

/** Where the client's address is in a REQUEST to a worker. */
export const CLIENT_AT: Readonly<Record<Dialect, number>> = { mdp01: 3, mdp02: 2, plantd02: 2 };

/** An address as libzmq makes them: never text. */
export const ADDRESS = Uint8Array.of(0, 0x80, 0xff, 0x41, 0x0a);
