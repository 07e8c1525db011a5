/**
 * Loads the configuration again while a command runs, and says what came of it.
 *
 * @module
 */

import type { Loaded } from "../config/load.ts";
import { type Reload, reload } from "../config/reload.ts";
import { messageOf } from "../errors.ts";
import { configureLog, type Format, type Level, logOf, louder } from "../log.ts";

/** What every configuration has. */
interface WithLog {
  readonly log: { readonly level: Level; readonly format: Format };
}

/** What is loaded again, and where it goes. */
export interface ReloadingOptions<Config> {
  /** As at the start: the same file, environment and flags. */
  readonly load: () => Loaded<Config>;
  /** Settings that can be taken over. */
  readonly reloadable: ReadonlySet<string>;
  /** Takes them over. */
  readonly apply: (config: Config) => Promise<void>;
}

/**
 * The configuration in force.
 *
 * @example
 * ```ts
 * const reloading = new Reloading({ load, reloadable: STATE_RELOADABLE, apply });
 * await reloading.again();
 * ```
 */
export class Reloading<Config extends WithLog> {
  readonly #options: ReloadingOptions<Config>;
  #loaded: Loaded<Config>;
  #running: Promise<void> = Promise.resolve();

  /** @throws {PlantdError} `config_invalid`. */
  constructor(options: ReloadingOptions<Config>) {
    this.#options = options;
    this.#loaded = options.load();
    configureLog(this.#loaded.config.log);
  }

  /** The configuration as it was loaded last, but for what cannot be taken over. */
  get loaded(): Loaded<Config> {
    return this.#loaded;
  }

  /** Loads it again, one after another. A file that is not valid leaves everything as it is. Never rejects. */
  again(): Promise<void> {
    return this.#running = this.#running.then(() => this.#again());
  }

  async #again(): Promise<void> {
    const log = logOf("process");
    const taken = this.#load();
    if (typeof taken === "string") {
      return log.error("settings not loaded again, everything stays as it was", { reason: taken });
    }
    const { loaded: { config, file }, changed, afterRestart } = taken;
    const before = this.#loaded.config.log;
    this.#loaded = taken.loaded;
    // Whichever level lets it pass: that the log falls silent is worth a line.
    configureLog({ ...config.log, level: louder(before.level, config.log.level) });
    log.info("settings loaded again", { changed, afterRestart, config: file ?? "none" });
    configureLog(config.log);
    try {
      await this.#options.apply(config);
    } catch (thrown) {
      log.error("not all settings are in force, a restart is needed", {
        reason: messageOf(thrown),
      });
    }
  }

  /** What there is to be taken over, or why there is nothing. */
  #load(): Reload<Config> | string {
    try {
      return reload(this.#loaded, this.#options.load(), this.#options.reloadable);
    } catch (thrown) {
      return messageOf(thrown);
    }
  }
}
