/** A directory in memory, if there is such a thing: what opens there is synced thousands of times. */
export async function memoryDir(): Promise<{ path: string } & AsyncDisposable> {
  const memory = "/dev/shm";
  const dir = await Deno.stat(memory).then(() => memory, () => undefined);
  const prefix = "plantd-state-test-";
  const path = await Deno.makeTempDir(dir === undefined ? { prefix } : { prefix, dir });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
