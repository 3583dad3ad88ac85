import type { Clock, Timer } from "./clock.ts";

/**
 * How long data waits at a time: some operations on files that need not reach the medium, one after the other, with room for
 * one that waits for a processor. What the slice after it takes is lost for them.
 */
const windowMs = 4;
const leastMs = 1;

/** For how long it waits in all, at once and in the long run. */
const mostMs = 10;
const share = 1 / 50;

/**
 * Lets I/O that control waits for go ahead of data. Such work is often many short operations one after another, each of which
 * would otherwise wait until a data turn is over: however short they are, they would take as long as so many slow records.
 *
 * While work is pending data waits up to 4 ms, then has a slice, and so on. It never waits for more than 10 ms at once,
 * nor for more than a fiftieth of the time: work that takes longer, such as a sync of a slow disk, goes on beside the data.
 */
export class RightOfWay {
  /** Whether data waits. */
  held = false;
  private pending = 0;
  private readonly clock: Clock;
  private readonly released: () => void;
  private timer: Timer | undefined;
  private heldSince = 0;
  private heldForMs = 0;
  /** For how long data may be made to wait, as of `allowedAt`. */
  private allowanceMs = mostMs;
  private allowedAt = 0;

  /** @param released data waits no longer */
  constructor(clock: Clock, released: () => void) {
    this.clock = clock;
    this.released = released;
  }

  /** Gives it to this work until it settles. */
  give(work: PromiseLike<unknown>): void {
    this.pending++;
    const over = (): void => {
      if (--this.pending === 0 && this.held) this.release();
    };
    work.then(over, over);
    this.hold();
  }

  /** Data begins to wait, if work is pending and it has not waited for too long. */
  hold(): void {
    if (this.held || this.pending === 0) return;
    const now = this.clock.monotonic();
    this.allowanceMs = Math.min(mostMs, this.allowanceMs + (now - this.allowedAt) * share);
    this.allowedAt = now;
    if (this.allowanceMs < leastMs) return;
    this.held = true;
    this.heldSince = now;
    this.heldForMs = Math.min(windowMs, this.allowanceMs);
    this.timer = this.clock.setTimer(this.heldForMs, () => this.release());
  }

  private release(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.held = false;
    // Where the timer is late the whole process stood still, and data with it: that is not what it has waited for.
    this.allowanceMs -= Math.min(this.heldForMs, this.clock.monotonic() - this.heldSince);
    this.released();
  }
}
