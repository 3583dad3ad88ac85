/**
 * Supervision after OTP: what becomes of a supervisor's children when one of them exits. A pure decision; the executor is in
 * `children.ts`.
 *
 * Differences to OTP, on purpose: a restart waits (backoff with jitter), so that a dead dependency is not stormed; and a child
 * that is not restarted is forgotten, because a ref that was reported dead never comes back.
 */

import type { StopReason } from "./behavior.ts";
import { SluiceError } from "./error.ts";

/** Which siblings a failure takes along: none; all; those started after the one that failed. */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";

/** When a child is restarted: always; after a failure; never, also not when a sibling's failure took it along. */
export type Restart = "permanent" | "transient" | "temporary";

/**
 * Whether a supervisor stops by itself, with reason `shutdown`, when significant children have ended: never; when any has; when
 * the last of them has. Only an end of the child's own counts that no restart follows: not one that its supervisor or a sibling's
 * failure brought about.
 */
export type AutoShutdown = "never" | "any-significant" | "all-significant";

/** How long a restart waits. */
export interface Backoff {
  /**
   * The first wait in milliseconds.
   * @default 10
   */
  readonly minMs: number;
  /**
   * The longest wait in milliseconds.
   * @default 10,000
   */
  readonly maxMs: number;
  /**
   * By what each wait is longer than the one before, while failures follow each other within the window.
   * @default 2
   */
  readonly factor: number;
  /**
   * Up to what share, from 0 to 1, a wait is shortened by chance, so that many who failed together do not return together.
   * @default 0.2
   */
  readonly jitter: number;
}

/** How a supervisor treats its children. */
export interface SupervisionOptions {
  /** @default "one-for-one" */
  readonly strategy?: Strategy;
  /**
   * More restarts than this within `windowMs` make the supervisor give up: it stops its children and fails itself.
   * @default 3
   */
  readonly maxRestarts?: number;
  /** @default 5,000 */
  readonly windowMs?: number;
  readonly backoff?: Partial<Backoff>;
  /** @default "never" */
  readonly autoShutdown?: AutoShutdown;
}

/** {@link SupervisionOptions} with every default filled in. */
export interface SupervisionPolicy {
  readonly strategy: Strategy;
  readonly maxRestarts: number;
  readonly windowMs: number;
  readonly backoff: Backoff;
  readonly autoShutdown: AutoShutdown;
}

/** A child as its supervisor sees it. */
export interface SupervisedChild {
  readonly id: number;
  readonly restart: Restart;
  readonly significant: boolean;
}

/** A child has exited, without having been asked to. */
export interface ChildExit {
  readonly child: SupervisedChild;
  readonly reason: StopReason["kind"];
}

/** What a supervisor remembers about restarts. */
export interface RestartHistory {
  /** When the restarts within the window were decided, in milliseconds. */
  readonly restartedMs: readonly number[];
  /** How many restarts have followed each other so far. */
  readonly streak: number;
  /** When the last restart was due, in milliseconds. */
  readonly dueMs: number;
}

/** What to do next, in this order; each step is over before the next begins. */
export type SupervisionStep =
  /** Stop a sibling and wait for it. One that has stopped already counts as stopped. */
  | { readonly kind: "stop"; readonly child: number }
  /** The child is gone for good: tell who watches it. */
  | { readonly kind: "forget"; readonly child: number }
  /** After `delayMs` milliseconds start these, each when the start of the one before is over. */
  | { readonly kind: "start"; readonly children: readonly number[]; readonly delayMs: number }
  /** Significant children have ended: stop all children, the last started first, and end with reason `shutdown`. */
  | { readonly kind: "shut-down" }
  /** Too many restarts: stop all children, the last started first, and fail. */
  | { readonly kind: "escalate" };

/** The history of a supervisor that has restarted nothing yet. */
export const noRestarts: RestartHistory = { restartedMs: [], streak: 0, dueMs: -Infinity };

/**
 * Fills in the defaults and checks what was given.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`, naming the option
 */
export function supervisionPolicy(options: SupervisionOptions = {}): SupervisionPolicy {
  const policy: SupervisionPolicy = {
    strategy: options.strategy ?? "one-for-one",
    maxRestarts: options.maxRestarts ?? 3,
    windowMs: options.windowMs ?? 5_000,
    backoff: { minMs: 10, maxMs: 10_000, factor: 2, jitter: 0.2, ...options.backoff },
    autoShutdown: options.autoShutdown ?? "never",
  };
  const { minMs, maxMs, factor, jitter } = policy.backoff;
  check("strategy", policy.strategy, ["one-for-one", "one-for-all", "rest-for-one"].includes(policy.strategy));
  check("maxRestarts", policy.maxRestarts, policy.maxRestarts >= 0 && !Number.isNaN(policy.maxRestarts));
  check("windowMs", policy.windowMs, policy.windowMs > 0);
  check("backoff.minMs", minMs, minMs >= 0);
  check("backoff.maxMs", maxMs, maxMs >= minMs);
  check("backoff.factor", factor, factor >= 1);
  check("backoff.jitter", jitter, jitter >= 0 && jitter <= 1);
  check("autoShutdown", policy.autoShutdown, ["never", "any-significant", "all-significant"].includes(policy.autoShutdown));
  return policy;
}

function check(name: string, value: unknown, holds: boolean): void {
  if (!holds) throw new SluiceError("OPTION_OUT_OF_RANGE", `supervision: ${name} is out of range: ${String(value)}`);
}

/**
 * Decides what becomes of a supervisor's children after one of them exited.
 *
 * @param siblings all children in start order, the exited one among them
 * @param draw chance for the jitter, in [0, 1)
 */
export function onChildExit(
  policy: SupervisionPolicy,
  history: RestartHistory,
  siblings: Iterable<SupervisedChild>,
  exit: ChildExit,
  nowMs: number,
  draw: number,
): { readonly history: RestartHistory; readonly steps: readonly SupervisionStep[] } {
  const { child, reason } = exit;
  if (!(child.restart === "permanent" || (child.restart === "transient" && reason === "failed"))) {
    const steps: SupervisionStep[] = [{ kind: "forget", child: child.id }];
    if (child.significant && endsWith(policy.autoShutdown, siblings, child)) steps.push({ kind: "shut-down" });
    return { history, steps };
  }

  const restartedMs = history.restartedMs.filter((at) => nowMs - at < policy.windowMs);
  if (restartedMs.length >= policy.maxRestarts) return { history: { ...history, restartedMs }, steps: [{ kind: "escalate" }] };

  const streak = nowMs - history.dueMs < policy.windowMs ? history.streak + 1 : 0;
  const delayMs = backoffMs(policy.backoff, streak, draw);
  const steps: SupervisionStep[] = [];
  const group = groupOf(policy.strategy, siblings, child);
  for (const sibling of group.toReversed()) {
    if (sibling.id !== child.id) steps.push({ kind: "stop", child: sibling.id });
    if (sibling.restart === "temporary") steps.push({ kind: "forget", child: sibling.id });
  }
  const children = group.filter((sibling) => sibling.restart !== "temporary").map((sibling) => sibling.id);
  steps.push({ kind: "start", children, delayMs });
  return { history: { restartedMs: [...restartedMs, nowMs], streak, dueMs: nowMs + delayMs }, steps };
}

/** Whether the supervisor ends with this significant child. */
function endsWith(autoShutdown: AutoShutdown, siblings: Iterable<SupervisedChild>, child: SupervisedChild): boolean {
  switch (autoShutdown) {
    case "never":
      return false;
    case "any-significant":
      return true;
    case "all-significant":
      return ![...siblings].some((sibling) => sibling.significant && sibling.id !== child.id);
    default:
      return autoShutdown satisfies never;
  }
}

function groupOf(strategy: Strategy, siblings: Iterable<SupervisedChild>, child: SupervisedChild): readonly SupervisedChild[] {
  switch (strategy) {
    case "one-for-one":
      return [child];
    case "one-for-all":
      return [...siblings];
    case "rest-for-one": {
      const all = [...siblings];
      return all.slice(all.findIndex((sibling) => sibling.id === child.id));
    }
    default:
      return strategy satisfies never;
  }
}

/** How long the restart number `streak` (from 0) of a row waits, in milliseconds; `draw` is chance in [0, 1). */
export function backoffMs(backoff: Backoff, streak: number, draw: number): number {
  return Math.min(backoff.maxMs, backoff.minMs * backoff.factor ** streak) * (1 - backoff.jitter * draw);
}
