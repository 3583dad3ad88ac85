import { findInCauses, messageOf, SluiceError } from "../../actors/error.ts";
import type { Random } from "../../actors/random.ts";
import { recordOf } from "../task/chain.ts";
import { poisoned, type PoisonSettings, type Suspect, Suspects } from "./poison.ts";
import { decideRestart, type FailureHistory, type RestartStrategy } from "./restart.ts";

/** What is done after an attempt has failed. */
export type Recovery =
  | { readonly kind: "restart"; readonly delayMs: number }
  /** The run ends with this. */
  | { readonly kind: "end"; readonly cause: unknown }
  /** Nothing is tried again until somebody says so. */
  | { readonly kind: "pause"; readonly suspect: Suspect; readonly cause: SluiceError };

/** A failure that is to be judged. */
export interface AttemptFailure {
  readonly cause: unknown;
  /** Where the sources were. */
  readonly positions: Readonly<Record<string, string>>;
  readonly nowMs: number;
}

/** The same failure so many times in a row, without a checkpoint between, is not going to go away. */
const sameFailuresMax = 3;

/** Whether a failure says nothing about the job: a machine is gone. */
export function isOfTheMachine(cause: unknown): boolean {
  return cause instanceof SluiceError && cause.code === "WORKER_LOST";
}

/** What to look after when workers are lost again and again. */
const ofLostWorkers =
  "look at how the processes of its workers ended: exit code 134 or 137 is out of memory, against which help " +
  "more workers, a larger heap, less state per key, and aligned checkpoints, which hold no records under way";

/** Failures that would come again on every attempt. */
const hopeless = new Set([
  "CHECKPOINT_MISMATCH",
  "NATS_DENIED",
  "RECORD_MALFORMED",
  "RESTORE_REFUSED",
  "STATE_MISMATCH",
  "STATE_UNKNOWN",
]);

/** What an error, or a cause of it, says that would come again on every attempt: its code. */
export function hopelessIn(cause: unknown): string | undefined {
  return findInCauses(cause, (at) => at instanceof SluiceError && hopeless.has(at.code) ? at.code : undefined);
}

/**
 * Judges failures: by the record that is to blame where there is one, else by whether the same failure keeps coming; what may
 * be tried again waits as the restart strategy says. No I/O, no clock.
 */
export class FailureJudge {
  readonly suspects = new Suspects();
  readonly #job: string;
  readonly #strategy: RestartStrategy;
  readonly #poison: PoisonSettings;
  readonly #random: Random;
  #history: FailureHistory = [];
  #lastFailure = "";
  #sameFailures = 0;

  constructor(job: string, settings: { readonly restart: RestartStrategy; readonly poison: PoisonSettings }, random: Random) {
    this.#job = job;
    this.#strategy = settings.restart;
    this.#poison = settings.poison;
    this.#random = random;
  }

  /** A checkpoint is complete: the job gets on. */
  checkpointed(): void {
    this.#sameFailures = 0;
  }

  judge({ cause, positions, nowMs }: AttemptFailure): Recovery {
    const said = messageOf(cause);
    this.#sameFailures = said === this.#lastFailure ? this.#sameFailures + 1 : 1;
    this.#lastFailure = said;
    if (hopelessIn(cause) !== undefined) return { kind: "end", cause };
    const record = recordOf(cause);
    const suspect = record === undefined ? undefined : this.suspects.failed(record, cause, positions);
    if (suspect !== undefined && suspect.failures >= this.#poison.afterFailures) {
      const { policy } = this.#poison;
      if (policy === "fail") return { kind: "end", cause: poisoned(this.#job, suspect, cause) };
      if (policy === "pause") return { kind: "pause", suspect, cause: poisoned(this.#job, suspect, cause) };
      this.suspects.skip(suspect);
      this.#history = []; // what caused these failures is out of the way
      return this.#restart(said, cause, nowMs);
    }
    if (suspect === undefined && this.#sameFailures > sameFailuresMax) {
      const reason = `the same failure came ${sameFailuresMax + 1} times in a row without a checkpoint between`;
      return { kind: "end", cause: new SluiceError("JOB_FAILED", `job ${this.#job} failed: ${reason}: ${said}`, { cause }) };
    }
    return this.#restart(said, cause, nowMs);
  }

  #restart(said: string, cause: unknown, nowMs: number): Recovery {
    const decision = decideRestart(this.#strategy, this.#history, nowMs, this.#random);
    if (decision.kind === "give-up") {
      const hint = isOfTheMachine(cause) ? `; ${ofLostWorkers}` : "";
      const message = `job ${this.#job} failed, and ${decision.reason}: ${said}${hint}`;
      return { kind: "end", cause: new SluiceError("JOB_FAILED", message, { cause }) };
    }
    this.#history = decision.history;
    return { kind: "restart", delayMs: decision.delayMs };
  }
}
