import type { Clock, Timer } from "../../actors/clock.ts";

/** Wakes a subtask when the earliest processing-time timer of its head is due. */
export class ProcessingAlarm {
  readonly #clock: Clock;
  readonly #rings: () => void;
  #timer: Timer | undefined;
  /** Some timer is due, as far as is known. */
  due = false;

  /** @param rings told that a timer is due */
  constructor(clock: Clock, rings: () => void) {
    this.#clock = clock;
    this.#rings = rings;
  }

  /** The next timer is due at `at`, on the wall clock; `Infinity`: there is none. */
  set(at: number): void {
    this.cancel();
    if (at === Infinity) return;
    this.#timer = this.#clock.setTimer(Math.max(0, at - this.#clock.now()), () => {
      this.due = true;
      this.#rings();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
