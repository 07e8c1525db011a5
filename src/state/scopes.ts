/**
 * Operations on a scope as a whole: `describe-scope` and `configure-scope`.
 *
 * @module
 */

import type { Activity, OperationContext } from "./context.ts";
import type { JsonObject } from "./json.ts";
import { isoTime, success } from "./replies.ts";
import { readScope, readStamp } from "./requests.ts";
import { optionMembers, readSettings } from "./scope_options.ts";

/** The numbers and options of a scope, which need not exist. */
export function describeScope(context: OperationContext, body: JsonObject) {
  return success(description(context, readScope(body)));
}

/** Changes the options of a scope, which need not exist. */
export async function configureScope(context: OperationContext, body: JsonObject, source: string) {
  const { store } = context;
  const scope = readScope(body);
  const settings = readSettings(body);
  await store.commit({
    mutations: [{ kind: "configure-scope", scope, settings }],
    source,
    ...readStamp(body),
  });
  return success(description(context, scope));
}

function description({ store, activity }: OperationContext, scope: string) {
  const stats = store.scopeStats(scope);
  return {
    scope,
    exists: stats !== undefined,
    ...(stats ?? { keys: 0, bytes: 0, revision: 0 }),
    ...(stats ? activityMembers(activity(scope)) : {}),
    options: optionMembers(store.scopeOptions(scope)),
  };
}

function activityMembers({ changedMs, changes }: Activity) {
  return { changed: isoTime(changedMs), changes };
}
