/**
 * Paths as POSIX has them. Node's `node:path` knows them, too, but comes with 50 modules that a start
 * would wait for: a tenth of its time.
 *
 * @module
 */

/**
 * A path from the root, without `.`, `..` and empty names.
 *
 * @param from What a relative path starts from; the process's directory by default.
 *
 * @example
 * ```ts
 * absolute("../state.db", "/var/lib/x"); // "/var/lib/state.db"
 * ```
 */
export function absolute(path: string, from?: string): string {
  const whole = path.startsWith("/") ? path : `${absolute(from ?? Deno.cwd())}/${path}`;
  const names: string[] = [];
  for (const name of whole.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

/**
 * The directory that something lies in, as the path names it.
 *
 * @example
 * ```ts
 * parentOf("data/state.db"); // "data"
 * parentOf("state.db"); // "."
 * ```
 */
export function parentOf(path: string): string {
  const end = withoutSlashes(path).lastIndexOf("/");
  if (end < 0) return path.startsWith("/") ? "/" : ".";
  return withoutSlashes(path.slice(0, end)) || "/";
}

/**
 * The last name of a path.
 *
 * @example
 * ```ts
 * nameOf("/usr/bin/plant"); // "plant"
 * ```
 */
export function nameOf(path: string): string {
  const whole = withoutSlashes(path);
  return whole.slice(whole.lastIndexOf("/") + 1);
}

/**
 * The path of what lies in a directory.
 *
 * @example
 * ```ts
 * within("backups/", "a.txt"); // "backups/a.txt"
 * ```
 */
export function within(directory: string, name: string): string {
  return `${withoutSlashes(directory)}/${name}`;
}

/**
 * A path as a shell takes it for one word.
 *
 * @example
 * ```ts
 * shellWord("my backups"); // "'my backups'"
 * ```
 */
export function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end -= 1;
  return path.slice(0, end);
}
