/**
 * Bodies of requests, bounded in size and in time.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { HTTP_BODY_BYTES_MAX, HTTP_BODY_MS_MAX } from "../limits.ts";

/**
 * The whole body.
 *
 * @throws {PlantdError} `value_too_large` over the limit, `invalid_request` when it does not come in time.
 */
export async function readBytes(
  request: Request,
  bytesMax: number = HTTP_BODY_BYTES_MAX,
  withinMs: number = HTTP_BODY_MS_MAX,
): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
  if (!request.body) return new Uint8Array(0);
  const reader = request.body.getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void reader.cancel();
  }, withinMs);
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw new PlantdError("invalid_request", `no whole body within ${withinMs} ms`);
      if (done) return joined(parts, size);
      size += value.length;
      if (size > bytesMax) throw tooLarge(bytesMax);
      parts.push(value);
    }
  } finally {
    clearTimeout(timer);
    // What was not read is not wanted.
    await reader.cancel().catch(() => {});
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function tooLarge(bytesMax: number): PlantdError {
  return new PlantdError("value_too_large", `a body has at most ${bytesMax} bytes`);
}
