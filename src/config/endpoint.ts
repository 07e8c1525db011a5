/**
 * Endpoint syntax: a ZeroMQ address with czmq's optional sign in front, `>` for connect and `@` for
 * bind (czmq zsock_attach). Everything is checked here, because libzmq reports a bad address late
 * and in few words.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { quote } from "./words.ts";

/** Which side of a connection a socket takes. */
export type EndpointMode = "connect" | "bind";

/** An address that libzmq accepts, and what to do with it. */
export interface Endpoint {
  readonly mode: EndpointMode;
  readonly address: string;
}

/** Longest path of an ipc socket in bytes: `sun_path` of unix(7) without its closing NUL. */
const IPC_PATH_BYTES_MAX = 107;

/** Longest inproc name: libzmq takes 256 bytes with the transport (zmq_inproc(7)). */
const INPROC_NAME_BYTES_MAX = 246;

/** Host names as DNS and /etc/hosts have them, and network interfaces, which libzmq binds by name. */
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL_OR_SPACE = /[\s\u0000-\u001f\u007f]/u;

/**
 * Reads an endpoint.
 *
 * When binding, the host `localhost` becomes 127.0.0.1, because libzmq looks up no names there.
 *
 * @param text For example `>tcp://127.0.0.1:11001`, `@ipc:///run/plantd/bus`, `tcp://*:9797`.
 * @param defaultMode What a text without `>` or `@` means.
 * @throws {PlantdError} `endpoint_invalid`, with a sentence that names the fault.
 *
 * @example
 * ```ts
 * parseEndpoint("@tcp://localhost:11000", "connect");
 * // { mode: "bind", address: "tcp://127.0.0.1:11000" }
 * ```
 */
export function parseEndpoint(text: string, defaultMode: EndpointMode): Endpoint {
  const sign = text[0];
  const mode = sign === ">" ? "connect" : sign === "@" ? "bind" : defaultMode;
  const rest = sign === ">" || sign === "@" ? text.slice(1) : text;
  const refuse: Refuse = (why) => {
    throw new PlantdError("endpoint_invalid", `endpoint ${quote(text)} ${why}`, {
      data: { endpoint: text },
    });
  };
  if (CONTROL_OR_SPACE.test(rest)) refuse("contains white space or a control character");
  const split = rest.indexOf("://");
  if (split < 0) {
    refuse(`has no transport: needed something like tcp://127.0.0.1:9797`);
  }
  const transport = rest.slice(0, split);
  const name = rest.slice(split + 3);
  switch (transport) {
    case "tcp":
      return { mode, address: `tcp://${tcpName(name, mode, refuse)}` };
    case "ipc":
      if (name === "*" && mode === "connect") {
        refuse("is a wildcard: needed a path to connect to");
      }
      return { mode, address: `ipc://${boundedName(name, "path", IPC_PATH_BYTES_MAX, refuse)}` };
    case "inproc":
      return {
        mode,
        address: `inproc://${boundedName(name, "name", INPROC_NAME_BYTES_MAX, refuse)}`,
      };
    default:
      return refuse(`has the transport ${quote(transport)}: needed tcp, ipc or inproc`);
  }
}

/**
 * Writes an endpoint with its sign, so that it reads the same whatever the default mode is.
 *
 * @example
 * ```ts
 * formatEndpoint({ mode: "connect", address: "tcp://127.0.0.1:9797" }); // ">tcp://127.0.0.1:9797"
 * ```
 */
export function formatEndpoint(endpoint: Endpoint): string {
  return `${endpoint.mode === "connect" ? ">" : "@"}${endpoint.address}`;
}

/**
 * The port of a tcp address, for sentences like "port 9797 is in use". Undefined for other
 * transports and where the system chooses the port.
 *
 * @example
 * ```ts
 * portOf("tcp://[::1]:9797"); // 9797
 * ```
 */
export function portOf(address: string): number | undefined {
  const digits = /^[>@]?tcp:\/\/.*:(\d{1,5})$/.exec(address)?.[1];
  return digits === undefined || Number(digits) === 0 ? undefined : Number(digits);
}

/** Throws the error of the endpoint at hand. */
type Refuse = (why: string) => never;

/** `host:port` in the form libzmq takes. */
function tcpName(name: string, mode: EndpointMode, refuse: Refuse): string {
  const colon = name.lastIndexOf(":");
  // A colon inside of brackets belongs to an IPv6 address.
  if (colon < 0 || colon < name.lastIndexOf("]")) {
    return refuse("has no port: needed tcp://host:port");
  }
  const host = tcpHost(name.slice(0, colon), mode, refuse);
  return `${host}:${tcpPort(name.slice(colon + 1), mode, refuse)}`;
}

function tcpHost(host: string, mode: EndpointMode, refuse: Refuse): string {
  if (host === "") return refuse("has no host: needed tcp://host:port");
  if (host === "*") {
    if (mode === "bind") return host;
    return refuse("has the host *, which only binding understands: needed the host to connect to");
  }
  if (host.startsWith("[")) {
    // The zone (`%eth0`) is libzmq's business; the address is checked by the URL parser.
    const inner = /^\[([0-9A-Fa-f:.]+)(?:%[A-Za-z0-9_.-]+)?\]$/.exec(host)?.[1];
    if (inner !== undefined && URL.canParse(`http://[${inner}]/`)) return host;
    return refuse(`has the host ${quote(host)}, which is no IPv6 address`);
  }
  if (host.includes(":")) {
    return refuse(`has the host ${quote(host)}: an IPv6 address needs brackets, as in [::1]`);
  }
  if (/^[\d.]+$/.test(host) ? !IPV4.test(host) : !HOST_NAME.test(host)) {
    return refuse(`has the host ${quote(host)}, which is neither an address nor a host name`);
  }
  return mode === "bind" && host.toLowerCase() === "localhost" ? "127.0.0.1" : host;
}

function tcpPort(port: string, mode: EndpointMode, refuse: Refuse): string {
  const chosenBySystem = port === "*" || port === "0";
  if (chosenBySystem && mode === "bind") return port;
  if (chosenBySystem) {
    return refuse(`has the port ${port}, which only binding understands: needed 1 to 65535`);
  }
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) {
    return refuse(`has the port ${quote(port)}: needed 1 to 65535`);
  }
  return String(number);
}

function boundedName(name: string, what: string, bytesMax: number, refuse: Refuse): string {
  if (name === "") return refuse(`has no ${what}`);
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > bytesMax) {
    return refuse(`has a ${what} of ${bytes} bytes: needed at most ${bytesMax}`);
  }
  return name;
}
