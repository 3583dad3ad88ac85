const blameless = new WeakSet<object>();

/** Says that the error came up while a record was being processed, but on account of an earlier one. Gives the error back. */
export function onAnotherAccount(error: unknown): unknown {
  if (typeof error === "object" && error !== null) blameless.add(error);
  return error;
}

/** Whether it was said of the error that the record being processed is not to blame for it. */
export function isBlameless(error: unknown): boolean {
  return typeof error === "object" && error !== null && blameless.has(error);
}
