/**
 * What the operations answer, for the OpenAPI document; a test holds real replies against it. Loose: an
 * answer may say more one day.
 *
 * @module
 */

import * as z from "zod";

const revision = z.int().min(0);
const time = z.iso.datetime();
const more = z.literal(true).optional();

export const done = z.looseObject({ scope: z.string(), status: z.enum(["created", "deleted"]) });

export const scopes = z.looseObject({ scopes: z.array(z.string()), count: z.int(), more });

export const keys = z.looseObject({
  scope: z.string(),
  keys: z.array(z.string()),
  count: z.int(),
  more,
});

export const entry = z.looseObject({
  scope: z.string(),
  key: z.string(),
  value: z.unknown(),
  revision,
  time,
  source_time: time.optional(),
  expires: time.optional(),
  created: revision.optional(),
  source: z.string().optional(),
  note: z.string().optional(),
});

export const entries = z.looseObject({
  scope: z.string(),
  revision,
  epoch: z.string(),
  entries: z.record(z.string(), z.unknown()),
  count: z.int(),
  more,
});

export const committed = z.looseObject({ revision, time, count: z.int() });

export const history = z.looseObject({
  scope: z.string(),
  key: z.string(),
  versions: z.array(z.looseObject({
    revision,
    operation: z.enum(["set", "delete"]),
    value: z.unknown().optional(),
    time,
    source: z.string(),
    note: z.string().optional(),
  })),
  count: z.int(),
  more,
});

export const scope = z.looseObject({
  scope: z.string(),
  exists: z.boolean(),
  keys: z.int(),
  bytes: z.int(),
  revision,
  changed: time.optional(),
  changes: z.int().optional(),
  options: z.looseObject({}),
});

export const changes = z.looseObject({
  epoch: z.string(),
  revision,
  changes: z.array(z.looseObject({
    revision,
    previous: revision,
    scope: z.string(),
    operation: z.string(),
    key: z.string().optional(),
    value: z.unknown().optional(),
    time,
    source: z.string(),
  })),
  count: z.int(),
  more,
});

export const health = z.looseObject({ status: z.enum(["healthy", "warn", "unhealthy"]) });
