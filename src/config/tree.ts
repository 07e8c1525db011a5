/**
 * Trees of settings in the program's form, reached by the dotted names that files have.
 *
 * @module
 */

/** The value at `path`, such as `broker.heartbeat-ms`; undefined where there is none. */
export function valueAt(config: unknown, path: string): unknown {
  return keysOf(path).reduce<unknown>(
    (section, key) => (section as Record<string, unknown> | undefined)?.[key],
    config,
  );
}

/** Puts a value where its dotted name says, in camelCase. */
export function assign(config: Record<string, unknown>, path: string, value: unknown): void {
  const keys = keysOf(path);
  const last = keys.pop()!;
  let section = config;
  for (const key of keys) section = (section[key] ??= {}) as Record<string, unknown>;
  section[last] = value;
}

/** `value`, which nobody can change any more. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

function keysOf(path: string): string[] {
  return path.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()).split(".");
}
