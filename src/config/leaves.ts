/**
 * The kinds of value a setting can have. Every kind knows how to say what it needs, as the part of
 * a sentence behind "needs"; the sentence around it, with file and line, is made by its caller.
 *
 * @module
 */

import * as z from "zod";

import { messageOf } from "../errors.ts";
import { parseDuration } from "./duration.ts";
import { type Endpoint, type EndpointMode, parseEndpoint } from "./endpoint.ts";
import { Setting } from "./setting.ts";
import { nearest, quote } from "./words.ts";

/**
 * A whole number within bounds.
 *
 * @example
 * ```ts
 * wholeNumber(0, 65_535).parse(8081);
 * ```
 */
export function wholeNumber(min: number, max: number): Setting<number> {
  const needed = `a whole number from ${min} to ${max}`;
  return plain(() => z.int(needed).min(min, needed).max(max, needed));
}

/**
 * Text with a pattern, at most 255 characters.
 *
 * @example
 * ```ts
 * textLike(/^\S+$/u, "a host name or address").parse("127.0.0.1");
 * ```
 */
export function textLike(pattern: RegExp, needed: string): Setting<string> {
  return plain(() => z.string(needed).max(255, needed).regex(pattern, needed));
}

/** Path of a file: text without NUL, at most 4096 characters (`PATH_MAX` of Linux). */
export function path(): Setting<string> {
  const needed = "the path of a file";
  return plain(() => z.string(needed).min(1, needed).max(4096, needed))
    .refine((text) => !text.includes("\0"), needed);
}

/**
 * A time such as `1h`, kept as it is written; `parseDuration` reads it.
 *
 * @example
 * ```ts
 * duration("1m", "365d").parse("12h"); // "12h"
 * ```
 */
export function duration(min: string, max: string): Setting<string> {
  const needed = `a time from ${min} to ${max} such as 1h`;
  const [minMs, maxMs] = [parseDuration(min)!, parseDuration(max)!];
  return plain(() => z.string(needed)).refine((text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= minMs && ms <= maxMs;
  }, needed);
}

/** `true` or `false`. */
export function yesOrNo(): Setting<boolean> {
  return plain(() => z.boolean("true or false"));
}

/**
 * One of a few words. `synonyms` are accepted too and stand for one of the words.
 *
 * @example
 * ```ts
 * oneOf(["warn", "error"], { warning: "warn" }).parse("warning"); // "warn"
 * ```
 */
export function oneOf<const W extends string>(
  words: readonly W[],
  synonyms: Readonly<Record<string, W>> = {},
): Setting<W> {
  const needed = `one of ${words.join(", ")}`;
  return plain(() =>
    z.string(needed).transform((text, context) => {
      if ((words as readonly string[]).includes(text)) return text as W;
      if (Object.hasOwn(synonyms, text)) return synonyms[text]!;
      context.issues.push({
        code: "invalid_value",
        values: [...words],
        input: text,
        message: needed,
      });
      return z.NEVER;
    })
  );
}

/**
 * An endpoint. `only` is given where the other mode would make no sense.
 *
 * @example
 * ```ts
 * endpoint("connect").parse("tcp://127.0.0.1:9797"); // { mode: "connect", address: "tcp://..." }
 * ```
 */
export function endpoint(defaultMode: EndpointMode, only?: "only"): Setting<Endpoint> {
  const schema = () =>
    z.string("an endpoint such as tcp://127.0.0.1:9797").transform((text, context) => {
      try {
        const parsed = parseEndpoint(text, defaultMode);
        if (only === undefined || parsed.mode === defaultMode) return parsed;
        const found = defaultMode === "connect"
          ? "binds (@): needed one"
          : "connects (>): needed one";
        context.issues.push(sentence(text, `endpoint ${quote(text)} ${found} to ${defaultMode}`));
      } catch (thrown) {
        context.issues.push(sentence(text, messageOf(thrown)));
      }
      return z.NEVER;
    });
  return new Setting(schema, (written) => parseEndpoint(written as string, defaultMode));
}

/** An issue that says it all by itself, found value included. */
function sentence(input: string, message: string): z.core.$ZodRawIssue {
  return { code: "custom", input, message, params: { whole: true } };
}

/**
 * A section inside of a list, which takes no other keys than these.
 *
 * @example
 * ```ts
 * item({ name: textLike(/^\w+$/, "a name") }).parse({ name: "state" });
 * ```
 */
export function item<S extends Readonly<Record<string, Setting<unknown>>>>(
  shape: S,
): Setting<ItemOf<S>> {
  const schemas = () =>
    Object.fromEntries(Object.entries(shape).map(([key, { schema }]) => [key, schema]));
  const schema = () =>
    z.strictObject(schemas(), {
      error: (issue) => {
        if (issue.code !== "unrecognized_keys") {
          return `a section of ${Object.keys(shape).join(", ")}`;
        }
        return unknownKey(String(issue.keys[0]), Object.keys(shape));
      },
    });
  return new Setting(() => schema() as unknown as z.ZodType<ItemOf<S>>);
}

/** What an {@link item} comes to. */
type ItemOf<S> = {
  readonly [K in keyof S]: S[K] extends Setting<infer Value> ? Value : never;
};

/** A setting whose default is as it is written. */
function plain<Value>(make: () => z.ZodType<Value>): Setting<Value> {
  return new Setting(make, (written) => written as Value);
}

/** The sentence about a key nobody knows, with the one that may have been meant. */
export function unknownKey(unknown: string, known: Iterable<string>): string {
  const meant = nearest(unknown, known);
  const question = meant === undefined ? "" : ` (did you mean ${quote(meant)}?)`;
  return `unknown key ${quote(unknown)}${question}`;
}
