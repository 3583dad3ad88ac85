import type { Clock, Timer } from "./clock.ts";

/** Who waits for the promises of its handlers. */
export interface Waiting {
  /** The last pending promise has settled. */
  settled(): void;
  /** A promise was rejected; `settled` follows if it was the last. */
  rejected(cause: unknown): void;
  /** A promise that had been given up was rejected after all: to be told, without effect. */
  rejectedLate(cause: unknown): void;
  /** Something is still pending after `limitMs` milliseconds. */
  overdue(limitMs: number): void;
}

/**
 * The promises that an actor's handlers returned and that have not settled, under one time limit. What is given up no longer
 * counts, however it ends.
 */
export class Pending {
  readonly #clock: Clock;
  readonly #waiting: Waiting;
  #count = 0;
  /** Grows when what is pending is given up. */
  #generation = 0;
  #limit: Timer | undefined;
  #limitMs = Infinity;

  constructor(clock: Clock, waiting: Waiting) {
    this.#clock = clock;
    this.#waiting = waiting;
  }

  /** How many promises are waited for. */
  get count(): number {
    return this.#count;
  }

  /** Waits for a promise, if no limit runs yet for at most `limitMs` milliseconds. */
  add(promise: PromiseLike<unknown>, limitMs: number): void {
    const generation = this.#generation;
    this.#count++;
    if (this.#limit === undefined && limitMs < Infinity) this.limit(limitMs);
    promise.then(
      () => {
        if (generation === this.#generation) this.#settle();
      },
      (cause: unknown) => {
        if (generation !== this.#generation) return this.#waiting.rejectedLate(cause);
        this.#waiting.rejected(cause);
        this.#settle();
      },
    );
  }

  /** Sets the limit anew for all that is pending, from now. */
  limit(limitMs: number): void {
    this.#limit?.cancel();
    this.#limitMs = limitMs;
    this.#limit = this.#clock.setTimer(limitMs, () => {
      this.#limit = undefined;
      this.#waiting.overdue(limitMs);
    });
  }

  /** The limit, if one runs, begins anew. */
  renew(): void {
    if (this.#limit !== undefined) this.limit(this.#limitMs);
  }

  /** Waits no longer. */
  giveUp(): void {
    this.#generation++;
    this.#count = 0;
    this.#limit?.cancel();
    this.#limit = undefined;
  }

  #settle(): void {
    if (--this.#count > 0) return;
    this.#limit?.cancel();
    this.#limit = undefined;
    this.#waiting.settled();
  }
}
