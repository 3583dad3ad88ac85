/** A timer that has been set and can be taken back. */
export interface Timer {
  /** Takes the timer back. After this call it never fires; a second call does nothing. */
  cancel(): void;
}

/**
 * Time, as everything in Sluice sees it. Nothing else in `actors/` or `runtime/` reads a clock.
 *
 * - `now()` may jump (the wall clock is adjusted); `monotonic()` never goes back.
 * - Timers fire in order of their due time, ties in the order they were set.
 * - `yield(resume)` runs `resume` once, after pending I/O has had its turn.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds on a clock that never goes back; its zero has no meaning. */
  monotonic(): number;
  /** Calls `fire` once, `delayMs` milliseconds from now (0 or less: as soon as possible, never at once). */
  setTimer(delayMs: number, fire: () => void): Timer;
  /** Calls `resume` once, after I/O that is ready has been handled. */
  yield(resume: () => void): void;
}
