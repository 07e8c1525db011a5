/**
 * What a running command tells the service manager, and when: READY when it is true, the status as it
 * changes, the watchdog for as long as the command is able to work.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import type { ServiceManagerSettings } from "../config/systemd.ts";
import { type Log, logOf } from "../log.ts";
import { SdNotifier } from "../sd_notify.ts";

/** How a running command is doing. */
export interface Condition {
  /** One line for people. */
  readonly status: string;
  /** Why it is unable to work, so that only a restart helps; undefined while it is able to. */
  readonly stuck?: string | undefined;
}

/** How often a status that changed is told, in milliseconds. */
const STATUS_MS = 1_000;

/** Part of the watchdog's time after which it is told: half, as sd_watchdog_enabled(3) recommends. */
const WATCHDOG_PART = 0.5;

/**
 * Keeps the service manager informed until it is disposed of; does nothing where there is none.
 *
 * @example
 * ```ts
 * using manager = new ServiceManager(loadServiceManager(), () => ({ status: "serving" }));
 * manager.ready();
 * ```
 */
export class ServiceManager implements Disposable {
  readonly #notifier: SdNotifier | undefined;
  readonly #watchdogMs: number;
  readonly #condition: () => Condition;
  readonly #clock: Clock;
  readonly #log: Log;
  #cancels: (() => void)[] = [];
  #isReadyTold = false;
  #statusTold = "";
  #isStuck = false;

  /** @param condition Asked after {@link ready}, from then on every second. */
  constructor(
    { notifySocket, watchdogMs = Infinity }: ServiceManagerSettings,
    condition: () => Condition,
    clock: Clock = systemClock,
  ) {
    this.#log = logOf("systemd");
    this.#notifier = notifySocket === undefined
      ? undefined
      : SdNotifier.open(notifySocket, this.#log);
    this.#watchdogMs = watchdogMs;
    this.#condition = condition;
    this.#clock = clock;
  }

  /** The command works from now on. */
  ready(): void {
    if (this.#notifier === undefined) return;
    this.#repeat(STATUS_MS, (notifier) => this.#tellStatus(notifier));
    if (this.#watchdogMs === Infinity) return;
    this.#repeat(this.#watchdogMs * WATCHDOG_PART, (notifier) => this.#feedWatchdog(notifier));
  }

  /** The command has begun to shut down. */
  stopping(): void {
    this.#cancel();
    this.#notifier?.stopping();
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#notifier?.[Symbol.dispose]();
  }

  /** Calls `tell` now and every `ms`, from the event loop: when that hangs, nothing is told. */
  #repeat(ms: number, tell: (notifier: SdNotifier) => void): void {
    const index = this.#cancels.length;
    const turn = () => {
      this.#cancels[index] = this.#clock.after(ms, turn);
      tell(this.#notifier!);
    };
    turn();
  }

  #cancel(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
  }

  /** What did not arrive is told again a turn later; READY most of all. */
  #tellStatus(notifier: SdNotifier): void {
    const { status } = this.#condition();
    if (this.#isReadyTold && status === this.#statusTold) return;
    const told = this.#isReadyTold ? notifier.status(status) : notifier.ready(status);
    if (!told) return;
    this.#isReadyTold = true;
    this.#statusTold = status;
  }

  #feedWatchdog(notifier: SdNotifier): void {
    const { stuck } = this.#condition();
    if (stuck === undefined) {
      notifier.watchdog();
    } else if (!this.#isStuck) {
      const limitMs = this.#watchdogMs;
      this.#log.error("the watchdog is no longer told that all is well", {
        reason: stuck,
        limitMs,
      });
    }
    this.#isStuck = stuck !== undefined;
  }
}
