import type { Checkpointing } from "./checkpointing.ts";
import type { Deployment } from "./deployment.ts";
import type { AttemptFailure } from "./recovery.ts";

/** An attempt, as its master keeps it from its deployment to its end. */
export class RunningAttempt {
  readonly deployment: Deployment;
  readonly checkpoints: Checkpointing;
  started = false;
  failure: Pick<AttemptFailure, "cause" | "positions"> | undefined;
  /** It ends to make room for one with another parallelism. */
  replaced = false;

  constructor(deployment: Deployment, checkpoints: Checkpointing) {
    this.deployment = deployment;
    this.checkpoints = checkpoints;
  }
}
