import type { Timer } from "../../actors/clock.ts";
import type { SourceContext } from "../graph/source.ts";

/** How much may be caught up at once after a pause, in milliseconds' worth of records. */
const burstMs = 100;

/** Waits are not shorter than this: at high rates, records go out in small batches instead of one a wake-up. */
const minWaitMs = 5;

/**
 * Keeps a source to a rate.
 *
 * - **No drift:** record n is due n / rate after the first; late wake-ups are made up for.
 * - **Bursts:** what a pause of over 100 ms held up is not made up for, so that a source that was blocked does not flood.
 * - **Cost:** the clock is read once for all the records that are due, not for each.
 */
export class Pacer {
  readonly #context: SourceContext;
  readonly #perMs: number;
  readonly #burst: number;
  /** When record 0 of the present count was due. */
  #anchorMs: number | undefined;
  #released = 0;
  #left = 0;
  #timer: Timer | undefined;

  constructor(context: SourceContext, ratePerSecond: number) {
    this.#context = context;
    this.#perMs = ratePerSecond / 1000;
    this.#burst = Math.max(1, Math.floor(this.#perMs * burstMs));
  }

  /** How many records may go now, at most `most`. */
  allowance(most: number): number {
    if (this.#left === 0) this.#release();
    return Math.min(most, this.#left);
  }

  /** Says that `records` of what was allowed have gone. */
  spend(records: number): void {
    this.#left -= records;
  }

  /** Wakes the source when the next record is due. Asking again while waiting changes nothing. */
  wait(): void {
    if (this.#timer !== undefined || this.#anchorMs === undefined) return;
    const dueMs = this.#anchorMs + this.#released / this.#perMs;
    const { clock } = this.#context;
    this.#timer = clock.setTimer(Math.max(minWaitMs, dueMs - clock.monotonic()), () => {
      this.#timer = undefined;
      this.#context.wake();
    });
  }

  /** Takes back the wake-up that was asked for. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #release(): void {
    const now = this.#context.clock.monotonic();
    this.#anchorMs ??= now;
    // The tiny share forgives rounding, so that a timer set for a record finds it due.
    let due = Math.floor((now - this.#anchorMs) * this.#perMs + 1e-6) + 1 - this.#released;
    if (due > this.#burst) {
      due = this.#burst;
      this.#anchorMs = now - (due - 1) / this.#perMs;
      this.#released = 0;
    }
    this.#left = Math.max(0, due);
    this.#released += this.#left;
  }
}
