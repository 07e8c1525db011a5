/**
 * What the service leaves behind about what it does, beside the state itself: the audit log.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { AuditLog } from "../audit/audit_log.ts";
import type { StateConfig } from "../config/schema.ts";
import { logOf } from "../log.ts";
import type { Store } from "../state/store.ts";

/**
 * Begins before the store and ends after it, so that the last change is told, too.
 *
 * @example
 * ```ts
 * await using records = new Records();
 * await records.follow(store, config);
 * ```
 */
export class Records implements AsyncDisposable {
  #store: Store | undefined;
  #settings: StateConfig["audit"] | undefined;
  #audit: AuditLog | undefined;

  /** From now on what happens in `store` is recorded. */
  async follow(store: Store, config: Pick<StateConfig, "audit">): Promise<void> {
    this.#store = store;
    await this.configure(config);
  }

  /** Other settings; the audit log's file is opened anew even where they are the same. */
  async configure({ audit }: Pick<StateConfig, "audit">): Promise<void> {
    if (isDeepStrictEqual(audit, this.#settings)) return this.#audit?.reopen();
    this.#settings = audit;
    await this.#audit?.[Symbol.asyncDispose]();
    const { file, ...rest } = audit;
    this.#audit = file === undefined || !this.#store
      ? undefined
      : AuditLog.start({ settings: { file, ...rest }, store: this.#store, log: logOf("audit") });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#audit?.[Symbol.asyncDispose]();
  }
}
