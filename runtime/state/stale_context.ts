import { SluiceError } from "../../actors/error.ts";

/**
 * A context, or a state handle of one, was used after the invocation it was made for, or after its attempt had ended. The call
 * had no effect. The usual cause is a promise that the handler neither returned nor awaited.
 */
export class StaleContextError extends SluiceError {
  override readonly name = "StaleContextError";

  /** @param uid the operator whose context it was */
  constructor(uid: string) {
    super(
      "STALE_CONTEXT",
      `the context of an earlier call of ${uid} was used after that call had ended; return (or await) every promise that uses it`,
    );
  }
}
