/**
 * Majordomo on the wire: bytes to a closed set of commands and back, for three dialects.
 *
 * - `mdp01`: RFC 7 (rfc.zeromq.org/spec/7), the default.
 * - `mdp02`: RFC 18, with partial replies and without the leading empty frame.
 * - `plantd02`: what the original's code of 2025 sends; RFC 18's headers with words for codes.
 *
 * The frames themselves tell the dialects apart: the header gives the version, the leading empty
 * frame and the command's length do the rest, so that no byte sequence is two commands. Decoding is
 * total: whatever comes in gives a command or a reason, and nothing is thrown.
 *
 * The dialects are in one file so that where they differ can be seen at a glance.
 *
 * @module
 */

import { ADDRESS_BYTES_MAX, MDP_FRAMES_MAX } from "../limits.ts";
import { sameBytes } from "../same_bytes.ts";
import { decodeServiceName, encodeText } from "./names.ts";

/** One message: its frames in order. */
export type Frames = readonly Uint8Array[];

/** A way of speaking Majordomo. */
export type Dialect = "mdp01" | "mdp02" | "plantd02";

/** All dialects, in the order in which `auto` tries them. */
export const DIALECTS: readonly Dialect[] = ["mdp01", "mdp02", "plantd02"];

/** What a broker receives. `request` comes from clients, everything else from workers. */
export type ToBroker =
  | { kind: "request"; dialect: Dialect; service: string; body: Frames }
  | { kind: "ready"; dialect: Dialect; service: string }
  | { kind: "partial"; dialect: "mdp02"; client: Uint8Array; body: Frames }
  | { kind: "final"; dialect: Dialect; client: Uint8Array; body: Frames }
  | { kind: "heartbeat"; dialect: Dialect }
  | { kind: "disconnect"; dialect: Dialect };

/** What a worker receives. `client` is an address: bytes to be sent back, never text. */
export type ToWorker =
  | { kind: "request"; dialect: Dialect; client: Uint8Array; body: Frames }
  | { kind: "heartbeat"; dialect: Dialect }
  | { kind: "disconnect"; dialect: Dialect };

/** What a client receives. */
export type ToClient =
  | { kind: "partial"; dialect: "mdp02"; service: string; body: Frames }
  | { kind: "final"; dialect: Dialect; service: string; body: Frames };

/** Why a message is no command. */
export type InvalidReason =
  | "too_many_frames"
  | "no_header"
  | "unknown_header"
  | "unknown_command"
  | "wrong_frame_count"
  | "bad_service"
  | "bad_address"
  | "no_delimiter";

/** A message that is no command of the dialect. */
export type Invalid = { kind: "invalid"; reason: InvalidReason };

/** Frames in front of the body of a REQUEST to a worker, at most (mdp01: E, header, command, client, E). */
const WORKER_ENVELOPE_FRAMES = 5;

/** Frame 0 of mdp01 (RFC 7, MDP/Client and MDP/Worker) and the delimiter after a client address. */
const EMPTY = new Uint8Array(0);
/** RFC 7, MDP/Client, frame 1. */
const MDPC01 = encodeText("MDPC01");
/** RFC 7, MDP/Worker, frame 1. */
const MDPW01 = encodeText("MDPW01");
/** RFC 18, MDP/Client, frame 0. */
const MDPC02 = encodeText("MDPC02");
/** RFC 18, MDP/Worker, frame 0. */
const MDPW02 = encodeText("MDPW02");

/** Names under which the codes of all dialects are known here. */
type WorkerCode = "ready" | "request" | "partial" | "final" | "heartbeat" | "disconnect";

/** RFC 7, MDP/Worker, frame 2. REPLY is the only and therefore final answer. */
const MDP01_CODES = [undefined, "ready", "request", "final", "heartbeat", "disconnect"] as const;
/** RFC 18, MDP/Worker, frame 1. Four and five differ from RFC 7. */
const MDP02_CODES = [
  undefined,
  "ready",
  "request",
  "partial",
  "final",
  "heartbeat",
  "disconnect",
] as const;
/** RFC 18, MDP/Client, frame 1. */
const CLIENT02_CODES = [undefined, "request", "partial", "final"] as const;
/** The words of the original (PROTOCOL section 1, observed). */
const WORDS: Readonly<Record<string, WorkerCode>> = {
  __proto__: null as never,
  READY: "ready",
  REQUEST: "request",
  FINAL: "final",
  HEARTBEAT: "heartbeat",
  DISCONNECT: "disconnect",
};

/** Command frames by dialect and name, made once. */
const COMMANDS = {
  mdp01: byName(MDP01_CODES),
  mdp02: byName(MDP02_CODES),
  plantd02: Object.fromEntries(
    Object.entries(WORDS).map(([word, name]) => [name, encodeText(word)]),
  ) as Record<WorkerCode, Uint8Array>,
} as const;
const CLIENT02 = byName(CLIENT02_CODES);

function byName(codes: readonly (string | undefined)[]): Record<WorkerCode, Uint8Array> {
  const entries = codes.flatMap((name, code) => name ? [[name, Uint8Array.of(code)]] : []);
  return Object.fromEntries(entries) as Record<WorkerCode, Uint8Array>;
}

/**
 * What the frames mean to a broker; the ROUTER's leading routing id is already taken off.
 *
 * @example
 * ```ts
 * const command = decodeAtBroker(frames.slice(1));
 * if (command.kind === "invalid") counters[command.reason] += 1;
 * ```
 */
export function decodeAtBroker(frames: Frames): ToBroker | Invalid {
  if (frames.length > MDP_FRAMES_MAX) return invalid("too_many_frames");
  const lead = frames.length > 0 && frames[0]!.length === 0 ? 1 : 0;
  const header = frames[lead];
  if (header === undefined) return invalid("no_header");
  if (lead === 1) {
    if (sameBytes(header, MDPC01)) return clientRequest("mdp01", frames, 2);
    if (sameBytes(header, MDPW01)) return workerCommand("mdp01", MDP01_CODES, frames, 2);
    if (sameBytes(header, MDPC02)) {
      return word(frames[2]) === "request"
        ? clientRequest("plantd02", frames, 3)
        : invalid("unknown_command");
    }
    if (sameBytes(header, MDPW02)) return workerWord(frames);
    return invalid("unknown_header");
  }
  if (sameBytes(header, MDPC02)) {
    return code(CLIENT02_CODES, frames[1]) === "request"
      ? clientRequest("mdp02", frames, 2)
      : invalid("unknown_command");
  }
  if (sameBytes(header, MDPW02)) return workerCommand("mdp02", MDP02_CODES, frames, 1);
  return invalid("unknown_header");
}

/** What the frames mean to a worker that speaks `dialect`. */
export function decodeAtWorker(frames: Frames, dialect: Dialect): ToWorker | Invalid {
  if (frames.length > MDP_FRAMES_MAX) return invalid("too_many_frames");
  const at = dialect === "mdp01" ? 1 : 0;
  if (frames.length <= at) return invalid("no_header");
  if (at === 1 && frames[0]!.length !== 0) return invalid("unknown_header");
  if (!sameBytes(frames[at]!, dialect === "mdp01" ? MDPW01 : MDPW02)) {
    return invalid("unknown_header");
  }
  const name = dialect === "plantd02"
    ? word(frames[at + 1])
    : code(dialect === "mdp01" ? MDP01_CODES : MDP02_CODES, frames[at + 1]);
  switch (name) {
    case "request": {
      const problem = addressProblem(frames, at + 2, true);
      if (problem) return problem;
      return { kind: "request", dialect, client: frames[at + 2]!, body: frames.slice(at + 4) };
    }
    case "heartbeat":
    case "disconnect":
      return frames.length === at + 2 ? { kind: name, dialect } : invalid("wrong_frame_count");
    default:
      return invalid("unknown_command");
  }
}

/** What the frames mean to a client that speaks `dialect`. */
export function decodeAtClient(frames: Frames, dialect: Dialect): ToClient | Invalid {
  if (frames.length > MDP_FRAMES_MAX) return invalid("too_many_frames");
  const at = dialect === "mdp01" ? 1 : 0;
  if (frames.length <= at) return invalid("no_header");
  if (at === 1 && frames[0]!.length !== 0) return invalid("unknown_header");
  if (!sameBytes(frames[at]!, dialect === "mdp01" ? MDPC01 : MDPC02)) {
    return invalid("unknown_header");
  }
  // RFC 7 has no code here: whatever a client receives is the reply.
  const name = dialect === "mdp01"
    ? "final"
    : dialect === "mdp02"
    ? code(CLIENT02_CODES, frames[1])
    : word(frames[1]);
  if (name !== "final" && name !== "partial") return invalid("unknown_command");
  const serviceAt = 2; // The same place in all three: after E and header, or header and code.
  if (frames.length < serviceAt + 2) return invalid("wrong_frame_count");
  const service = decodeServiceName(frames[serviceAt]!);
  if (service === undefined) return invalid("bad_service");
  const body = frames.slice(serviceAt + 1);
  return name === "final"
    ? { kind: "final", dialect, service, body }
    : { kind: "partial", dialect: "mdp02", service, body };
}

/** Frames for a broker, without a routing id. A body without frames gets one that is empty. */
export function encodeToBroker(command: ToBroker): Uint8Array[] {
  const { kind, dialect } = command;
  if (kind === "request") {
    const service = encodeText(command.service);
    const body = someBody(command.body);
    if (dialect === "mdp01") return [EMPTY, MDPC01, service, ...body];
    if (dialect === "mdp02") return [MDPC02, CLIENT02.request, service, ...body];
    return [EMPTY, MDPC02, COMMANDS.plantd02.request, service, ...body];
  }
  const name = COMMANDS[dialect][kind];
  const head = dialect === "mdp01"
    ? [EMPTY, MDPW01, name]
    : dialect === "mdp02"
    ? [MDPW02, name]
    : [EMPTY, MDPW02, name];
  if (kind === "ready") head.push(encodeText(command.service));
  if (kind === "partial" || kind === "final") {
    head.push(command.client);
    // The original sends no delimiter here, and takes one for the first frame of the body.
    if (dialect !== "plantd02") head.push(EMPTY);
    head.push(...someBody(command.body));
  }
  return head;
}

/** Frames for a worker, without a routing id. A body without frames gets one that is empty. */
export function encodeToWorker(command: ToWorker): Uint8Array[] {
  const { kind, dialect } = command;
  const name = COMMANDS[dialect][kind];
  const head = dialect === "mdp01" ? [EMPTY, MDPW01, name] : [MDPW02, name];
  if (kind === "request") head.push(command.client, EMPTY, ...someBody(command.body));
  return head;
}

/** Frames for a client, without a routing id. A body without frames gets one that is empty. */
export function encodeToClient(command: ToClient): Uint8Array[] {
  const service = encodeText(command.service);
  const body = someBody(command.body);
  if (command.dialect === "mdp01") return [EMPTY, MDPC01, service, ...body];
  if (command.dialect === "mdp02") return [MDPC02, CLIENT02[command.kind], service, ...body];
  return [MDPC02, COMMANDS.plantd02.final, service, ...body];
}

/** Bytes of `frames`, without what a transport adds. */
export function bytesOf(frames: Frames): number {
  let bytes = 0;
  for (const frame of frames) bytes += frame.length;
  return bytes;
}

/** `frames` in memory of their own, to be kept for long: what comes in shares its memory with other messages. */
export function toKeep(frames: Frames): Uint8Array[] {
  const memory = new Uint8Array(bytesOf(frames));
  let end = 0;
  return frames.map((frame) => {
    memory.set(frame, end);
    return memory.subarray(end, end += frame.length);
  });
}

function clientRequest(dialect: Dialect, frames: Frames, serviceAt: number): ToBroker | Invalid {
  if (frames.length < serviceAt + 2) return invalid("wrong_frame_count");
  const service = decodeServiceName(frames[serviceAt]!);
  if (service === undefined) return invalid("bad_service");
  const body = frames.slice(serviceAt + 1);
  // A worker drops what is too long for it, and would be waited for as long as it lives.
  if (body.length > MDP_FRAMES_MAX - WORKER_ENVELOPE_FRAMES) return invalid("too_many_frames");
  return { kind: "request", dialect, service, body };
}

function workerWord(frames: Frames): ToBroker | Invalid {
  const name = word(frames[2]);
  return name === undefined || name === "request"
    ? invalid("unknown_command")
    : fromWorker("plantd02", name, frames, 3);
}

function workerCommand(
  dialect: "mdp01" | "mdp02",
  codes: readonly (WorkerCode | undefined)[],
  frames: Frames,
  codeAt: number,
): ToBroker | Invalid {
  const name = code(codes, frames[codeAt]);
  return name === undefined || name === "request"
    ? invalid("unknown_command")
    : fromWorker(dialect, name, frames, codeAt + 1);
}

/** The rest of a worker's command; `at` is the frame after its code. */
function fromWorker(
  dialect: Dialect,
  kind: Exclude<WorkerCode, "request">,
  frames: Frames,
  at: number,
): ToBroker | Invalid {
  if (kind === "heartbeat" || kind === "disconnect") {
    return frames.length === at ? { kind, dialect } : invalid("wrong_frame_count");
  }
  if (kind === "ready") {
    if (frames.length !== at + 1) return invalid("wrong_frame_count");
    const service = decodeServiceName(frames[at]!);
    return service === undefined ? invalid("bad_service") : { kind, dialect, service };
  }
  const delimited = dialect !== "plantd02";
  const problem = addressProblem(frames, at, delimited);
  if (problem) return problem;
  const client = frames[at]!;
  const body = frames.slice(delimited ? at + 2 : at + 1);
  return kind === "final"
    ? { kind, dialect, client, body }
    : { kind, dialect: "mdp02", client, body };
}

/** W5, B5: one address, then an empty frame where the dialect has one, then a body. */
function addressProblem(frames: Frames, at: number, delimited: boolean): Invalid | undefined {
  const bodyAt = delimited ? at + 2 : at + 1;
  if (frames.length <= bodyAt) return invalid("wrong_frame_count");
  const { length } = frames[at]!;
  if (length === 0 || length > ADDRESS_BYTES_MAX) return invalid("bad_address");
  if (delimited && frames[at + 1]!.length !== 0) return invalid("no_delimiter");
  return undefined;
}

function code<T>(codes: readonly T[], frame: Uint8Array | undefined): T | undefined {
  return frame?.length === 1 ? codes[frame[0]!] : undefined;
}

function word(frame: Uint8Array | undefined): WorkerCode | undefined {
  if (frame === undefined || frame.length < 5 || frame.length > 10) return undefined;
  return WORDS[String.fromCharCode(...frame)];
}

function someBody(body: Frames): Frames {
  return body.length > 0 ? body : [EMPTY];
}

function invalid(reason: InvalidReason): Invalid {
  return { kind: "invalid", reason };
}
