import type { Behavior, LaneBehavior } from "./behavior.ts";

/** Whether a behaviour brings a data lane of its own. */
export function hasLane<M>(behavior: Behavior<M> | LaneBehavior<M>): behavior is LaneBehavior<M> {
  return "lane" in behavior;
}

/** Whether a handler returned something to wait for. Handlers may return anything else by accident: it is ignored. */
export function isPromise(outcome: unknown): outcome is PromiseLike<unknown> {
  return typeof outcome === "object" && outcome !== null && typeof (outcome as { then?: unknown }).then === "function";
}
