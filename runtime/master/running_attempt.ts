import type { CoordinatorEvent } from "../checkpoint/coordinator.ts";
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
  /** What has come to pass in it before it was known to run: one that is adopted has been running under another master. */
  readonly #early: CoordinatorEvent[] = [];

  constructor(deployment: Deployment, checkpoints: Checkpointing) {
    this.deployment = deployment;
    this.checkpoints = checkpoints;
  }

  /** Keeps what is told once, for {@link takeEarly}; anything else is of no use before it runs. */
  hearEarly(event: CoordinatorEvent): void {
    if (event.kind === "drained" || event.kind === "finished" || event.kind === "committed") this.#early.push(event);
  }

  takeEarly(): readonly CoordinatorEvent[] {
    return this.#early.splice(0);
  }
}
