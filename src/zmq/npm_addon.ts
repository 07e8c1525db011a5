/**
 * The addon as npm:zeromq finds it among its builds.
 *
 * @module
 */

import { createRequire } from "node:module";
import "zeromq";

/** The file of the addon that npm:zeromq has loaded. */
export function loadedAddon(): string {
  const { cache } = createRequire(import.meta.url);
  const path = Object.keys(cache).find((path) => path.endsWith("addon.node"));
  if (path === undefined) throw new Error("npm:zeromq has loaded no addon");
  return path;
}
