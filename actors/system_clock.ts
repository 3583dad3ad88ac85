import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import type { Clock, Timer } from "./clock.ts";
import { TimerQueue } from "./timer_queue.ts";

/** The longest delay that the platform's timers take; a longer one is waited for in parts. */
const maxDelayMs = 0x7fff_ffff;

/**
 * The machine's clock. All its timers share one platform timer, so that they fire in the order {@link Clock} promises. A
 * process stays alive while a timer waits.
 */
export class SystemClock implements Clock {
  readonly #timers = new TimerQueue(() => this.#disarm());
  #armed: ReturnType<typeof setTimeout> | undefined;
  #armedDue = Infinity;

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = this.#timers.add(performance.now() + Math.max(0, delayMs), fire);
    this.#arm();
    return timer;
  }

  yield(resume: () => void): void {
    setImmediate(resume);
  }

  #arm(): void {
    const due = this.#timers.nextDue;
    if (due === undefined || due >= this.#armedDue) return;
    this.#disarm();
    this.#armedDue = due;
    const delayMs = Math.min(maxDelayMs, Math.max(0, Math.ceil(due - performance.now())));
    this.#armed = setTimeout(() => this.#fire(), delayMs);
  }

  #disarm(): void {
    if (this.#armed !== undefined) clearTimeout(this.#armed);
    this.#armed = undefined;
    this.#armedDue = Infinity;
  }

  /** The platform may call early by a fraction of a millisecond: what is not due yet is waited for again. */
  #fire(): void {
    this.#disarm();
    const now = performance.now();
    try {
      for (let fire = this.#timers.takeDue(now); fire !== undefined; fire = this.#timers.takeDue(now)) fire();
    } finally {
      this.#arm();
    }
  }
}

/** The machine's clock, shared. */
export const systemClock: Clock = new SystemClock();
