import type { Random } from "../../actors/random.ts";

/** What is done when an attempt of a job fails. */
export type RestartStrategy =
  /** The job fails. */
  | { readonly kind: "none" }
  /** Up to `maxRestarts` times, each after `delayMs`. */
  | { readonly kind: "fixed-delay"; readonly maxRestarts: number; readonly delayMs: number }
  /**
   * After `initialDelayMs`, then `factor` times as long each time up to `maxDelayMs`, give or take `jitter` (a share of the
   * delay). After `resetAfterMs` without a failure it starts over; more than `maxRestarts` without such a rest fail the job.
   */
  | {
    readonly kind: "exponential";
    readonly initialDelayMs: number;
    readonly maxDelayMs: number;
    readonly factor: number;
    readonly jitter: number;
    readonly resetAfterMs: number;
    readonly maxRestarts: number;
  }
  /** As long as there are at most `maxFailures` in any `windowMs`, each time after `delayMs`. */
  | { readonly kind: "failure-rate"; readonly maxFailures: number; readonly windowMs: number; readonly delayMs: number };

/** The strategy of a job with checkpoints that names none. */
export const defaultRestart: RestartStrategy = {
  kind: "exponential",
  initialDelayMs: 50,
  maxDelayMs: 10_000,
  factor: 2,
  jitter: 0.1,
  resetAfterMs: 60_000,
  maxRestarts: 10,
};

/** The failures so far, as far as they still count: monotonic milliseconds, oldest first. */
export type FailureHistory = readonly number[];

/** What to do about a failure. */
export type RestartDecision =
  | { readonly kind: "restart"; readonly delayMs: number; readonly history: FailureHistory }
  | { readonly kind: "give-up"; readonly reason: string };

/** Decides about a failure at `nowMs`. */
export function decideRestart(
  strategy: RestartStrategy,
  history: FailureHistory,
  nowMs: number,
  random: Random,
): RestartDecision {
  switch (strategy.kind) {
    case "none":
      return { kind: "give-up", reason: "the restart strategy is none" };
    case "fixed-delay": {
      if (history.length >= strategy.maxRestarts) return giveUp(strategy.maxRestarts, "in all");
      return { kind: "restart", delayMs: strategy.delayMs, history: [...history, nowMs] };
    }
    case "exponential": {
      const rested = nowMs - (history.at(-1) ?? -Infinity) >= strategy.resetAfterMs;
      const recent = rested ? [] : history;
      if (recent.length >= strategy.maxRestarts) {
        return giveUp(strategy.maxRestarts, `without ${strategy.resetAfterMs} ms of rest`);
      }
      const grown = strategy.initialDelayMs * strategy.factor ** recent.length;
      const spread = 1 + strategy.jitter * (2 * random.next() - 1);
      return { kind: "restart", delayMs: Math.min(strategy.maxDelayMs, grown) * spread, history: [...recent, nowMs] };
    }
    case "failure-rate": {
      const recent = history.filter((at) => nowMs - at < strategy.windowMs);
      if (recent.length >= strategy.maxFailures) return giveUp(strategy.maxFailures, `within ${strategy.windowMs} ms`);
      return { kind: "restart", delayMs: strategy.delayMs, history: [...recent, nowMs] };
    }
  }
}

function giveUp(count: number, when: string): RestartDecision {
  return { kind: "give-up", reason: `${count} restart${count === 1 ? "" : "s"} ${when} did not help` };
}
