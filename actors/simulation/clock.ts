import type { Clock, Timer } from "../clock.ts";
import { SluiceError } from "../error.ts";
import { systemClock } from "../system_clock.ts";
import { TimerQueue } from "../timer_queue.ts";

/** What a {@link VirtualClock} can be told. */
export interface VirtualClockOptions {
  /**
   * The wall-clock time at which it starts, in milliseconds since the Unix epoch.
   * @default 2024-01-01T00:00:00Z
   */
  readonly epochMs?: number;
  /**
   * How much virtual time one `yield` takes, in milliseconds. More than 0, or a busy system would stop time.
   * @default 0.1
   */
  readonly yieldMs?: number;
  /**
   * How many events may take place without time passing: more of them, such as a timer without delay that sets itself anew, would
   * never end.
   * @default 1,000,000
   */
  readonly maxEventsAtOnce?: number;
  /**
   * How often one event and the promise jobs after it may ask the clock for the time, a timer or a yield: more often, they go
   * on for ever, such as a loop that awaits what is there at once. Whoever asks then is refused, and so is the next event. A loop
   * that asks nothing of the simulated world cannot be ended.
   * @default 10,000,000
   */
  readonly maxCallsInEvent?: number;
}

/**
 * A clock on which time passes only from event to event: a run on it takes no longer than its computation, and is the same
 * every time.
 *
 * - Nothing fires on its own: `runNext` moves time to the next timer or yield and runs it.
 * - `monotonic()` starts at 0; `now()` is the epoch plus its whole milliseconds.
 * - Between two events all promise jobs have run, provided that the driver awaits {@link settled} as `advance` and `World` do.
 */
export class VirtualClock implements Clock {
  readonly #epochMs: number;
  readonly #yieldMs: number;
  readonly #events = new TimerQueue();
  readonly #maxEventsAtOnce: number;
  readonly #maxCallsInEvent: number;
  #elapsedMs = 0;
  #eventsAtOnce = 0;
  #callsInEvent = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.#epochMs = options.epochMs ?? Date.UTC(2024, 0, 1);
    this.#yieldMs = options.yieldMs ?? 0.1;
    this.#maxEventsAtOnce = options.maxEventsAtOnce ?? 1_000_000;
    this.#maxCallsInEvent = options.maxCallsInEvent ?? 10_000_000;
    if (!(this.#yieldMs > 0)) {
      throw new SluiceError("OPTION_OUT_OF_RANGE", `VirtualClock: yieldMs must be more than 0, not ${this.#yieldMs}`);
    }
  }

  now(): number {
    this.#called();
    return this.#epochMs + Math.floor(this.#elapsedMs);
  }

  monotonic(): number {
    this.#called();
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    this.#called();
    return this.#events.add(this.#elapsedMs + Math.max(0, delayMs), fire);
  }

  yield(resume: () => void): void {
    this.#called();
    this.#events.add(this.#elapsedMs + this.#yieldMs, resume);
  }

  /** How many timers and yields wait. */
  get waiting(): number {
    return this.#events.size;
  }

  /** When the next event is due, in milliseconds of `monotonic()`; `undefined` when nothing waits. */
  get nextMs(): number | undefined {
    return this.#events.nextDue;
  }

  /**
   * Moves time to the next event and runs it. False when nothing waits.
   *
   * @throws {SluiceError} `SIMULATION_LIMIT` when more events than `maxEventsAtOnce` have taken place at one time, or the one
   * before never ended by itself: see `maxCallsInEvent`
   */
  runNext(): boolean {
    const next = this.#events.nextDue;
    if (next === undefined) return false;
    if (this.#callsInEvent > this.#maxCallsInEvent) throw this.#endless();
    this.#callsInEvent = 0;
    if (next > this.#elapsedMs) {
      this.#elapsedMs = next;
      this.#eventsAtOnce = 0;
    }
    if (++this.#eventsAtOnce > this.#maxEventsAtOnce) {
      throw new SluiceError(
        "SIMULATION_LIMIT",
        `${this.#maxEventsAtOnce} events took place at ${this.#elapsedMs} ms, and there are more: time stands still. Something ` +
          "sets timers without delay for ever, or maxEventsAtOnce is too low for it",
      );
    }
    this.#events.takeDue(next)!();
    return true;
  }

  /** Lets `byMs` milliseconds pass with everything that happens in them; promise jobs run after every event. */
  async advance(byMs: number): Promise<void> {
    const end = this.#elapsedMs + byMs;
    await settled();
    while ((this.#events.nextDue ?? Infinity) <= end) {
      this.runNext();
      await settled();
    }
    this.#elapsedMs = end;
  }

  #called(): void {
    if (++this.#callsInEvent > this.#maxCallsInEvent) throw this.#endless();
  }

  #endless(): SluiceError {
    return new SluiceError(
      "SIMULATION_LIMIT",
      `one event, at ${this.#elapsedMs} ms, and the promise jobs after it have asked the clock ${this.#maxCallsInEvent} times, ` +
        "and go on: a loop awaits what is there at once, for ever, or maxCallsInEvent is too low for it",
    );
  }
}

/** Settles once every promise job that could run has run: a real turn of the event loop lies in between. */
export function settled(): Promise<void> {
  return new Promise((resolve) => systemClock.yield(resolve));
}
