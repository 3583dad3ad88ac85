/** Whether a handler returned something to wait for. Handlers may return anything else by accident: it is ignored. */
export function isPromise(outcome: unknown): outcome is PromiseLike<unknown> {
  return typeof outcome === "object" && outcome !== null && typeof (outcome as { then?: unknown }).then === "function";
}
