import type { Clock } from "../../actors/clock.ts";
import { systemClock } from "../../actors/system_clock.ts";

/** A clock on which every pause is over at once: for tests that wait for nothing. */
export const hastyClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  setTimer: (_delayMs, fire) => {
    let waits = true;
    systemClock.yield(() => {
      if (waits) fire();
    });
    return { cancel: () => void (waits = false) };
  },
  yield: (resume) => systemClock.yield(resume),
};
