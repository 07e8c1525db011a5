/**
 * What the service leaves behind about what it does, beside the state itself: the audit log.
 *
 * @module
 */

import { AuditLog, type AuditStatus } from "../audit/audit_log.ts";
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
  #audit: AuditLog | undefined;

  /** From now on what happens in `store` is recorded. */
  async follow(store: Store, config: Pick<StateConfig, "audit">): Promise<void> {
    this.#store = store;
    await this.configure(config);
  }

  /** Other settings. No change is lost between these and those before; files are opened anew. */
  async configure({ audit: { file, ...rest } }: Pick<StateConfig, "audit">): Promise<void> {
    const [store, audit] = [this.#store, this.#audit];
    if (file === undefined) {
      this.#audit = undefined;
      await audit?.[Symbol.asyncDispose]();
    } else if (audit) {
      audit.configure({ file, ...rest });
    } else if (store) {
      this.#audit = AuditLog.start({ settings: { file, ...rest }, store, log: logOf("audit") });
    }
  }

  /** How the audit log is; undefined where there is none. */
  audit(): AuditStatus | undefined {
    return this.#audit?.status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#audit?.[Symbol.asyncDispose]();
  }
}
