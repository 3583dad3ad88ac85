import type { Clock } from "../actors/clock.ts";
import { systemClock } from "../actors/system_clock.ts";

/** The machine's clock; notes how long each turn of the event loop took that processed no record. */
export class StepClock {
  readonly clock: Clock;
  #steps: { readonly from: number; readonly to: number }[] = [];

  /** @param records how many records have been processed so far */
  constructor(records: () => number) {
    this.clock = {
      now: () => systemClock.now(),
      monotonic: () => systemClock.monotonic(),
      setTimer: (delayMs, fire) => systemClock.setTimer(delayMs, fire),
      yield: (resume) =>
        systemClock.yield(() => {
          const [before, from] = [records(), performance.now()];
          resume();
          if (records() === before) this.#steps.push({ from, to: performance.now() });
        }),
    };
  }

  /** The steps since the last call. */
  take(): readonly { readonly from: number; readonly to: number }[] {
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }
}
