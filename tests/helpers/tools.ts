/** Tools of the host that some tests need and not every host has. */

/** Whether there is a command of this name. */
export function hasTool(name: string): boolean {
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  return directories.some((directory) => {
    try {
      return Deno.statSync(`${directory}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * A test that needs tools. Where one is missing it is skipped, and says what it would have proved.
 *
 * @param name `subject - behaviour`.
 */
export function toolTest(
  tools: readonly string[],
  name: string,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length > 0) {
    const line = `SKIPPED: ${missing.join(", ")} missing; it would have proved: ${name}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(line));
  }
  Deno.test({ name, ignore: missing.length > 0, fn });
}
