import { messageOf, SluiceError } from "../../actors/error.ts";

/** What the work gives; what it throws as the failure of an action. @throws {SluiceError} `STATE_BACKEND_FAILED` */
export function failing<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw failure(action, messageOf(error), error);
  }
}

/** The error of a store that cannot go on. */
export function failure(action: string, reason: string, cause?: unknown): SluiceError {
  return new SluiceError(
    "STATE_BACKEND_FAILED",
    `the state backend cannot ${action}: ${reason}; give state.directory a folder on a local disk with room for the state`,
    cause === undefined ? undefined : { cause },
  );
}
