/**
 * Loads the configuration again while a command runs, and says what came of it.
 *
 * @module
 */

import type { Loaded } from "../config/load.ts";
import { reload } from "../config/reload.ts";
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
  /** Takes them over; what goes wrong later is said by the part it concerns. */
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
    const { load, reloadable, apply } = this.#options;
    const log = logOf("process");
    try {
      const before = this.#loaded.config.log;
      const { loaded, changed, afterRestart } = reload(this.#loaded, load(), reloadable);
      this.#loaded = loaded;
      // Whichever level lets it pass: that the log falls silent is worth a line.
      configureLog({ ...loaded.config.log, level: louder(before.level, loaded.config.log.level) });
      log.info("settings loaded again", { changed, afterRestart, config: loaded.file ?? "none" });
      configureLog(loaded.config.log);
      await apply(loaded.config);
    } catch (thrown) {
      log.error("settings not loaded again, everything stays as it was", {
        reason: messageOf(thrown),
      });
    }
  }
}
