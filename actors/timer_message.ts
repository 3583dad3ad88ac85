import type { Clock, Timer } from "./clock.ts";

/** A timer of one life of an actor: first in the clock, then, as a control message, in the mailbox. */
export class TimerMessage<M> implements Timer {
  readonly message: M;
  readonly #timers: Set<TimerMessage<M>>;
  readonly #timer: Timer;

  constructor(clock: Clock, delayMs: number, message: M, timers: Set<TimerMessage<M>>, post: (timer: TimerMessage<M>) => void) {
    this.message = message;
    this.#timers = timers;
    timers.add(this);
    this.#timer = clock.setTimer(delayMs, () => post(this));
  }

  /** Takes it out for delivery; false when it was cancelled while it waited. */
  take(): boolean {
    return this.#timers.delete(this);
  }

  cancel(): void {
    this.#timers.delete(this);
    this.#timer.cancel();
  }
}
