import { SluiceError } from "../../actors/error.ts";
import type { Random } from "../../actors/random.ts";
import type { CheckpointMode } from "../../runtime/checkpoint/manifest.ts";
import type { JobEvent } from "../../runtime/master/event.ts";
import type { Run } from "../../runtime/master/run.ts";
import type { Faults } from "./faults.ts";

/** A savepoint that is written. */
export interface Savepoint {
  readonly path: string;
  readonly id: number;
}

/** How somebody leaves a run in order to go back to a savepoint. */
export type Departure = "stopping" | "cancelling" | "dying";

/**
 * Whoever takes savepoints of a job, and goes back to them: to one taken a while ago, from which everything since is taken back
 * (checkpoints and output), or to the one that the run was stopped with.
 */
export class SavepointUser {
  readonly #random: Random;
  readonly #mode: CheckpointMode;
  readonly #faults: Faults;
  readonly #violations: string[];
  #taken: Savepoint[] = [];
  #next: Savepoint | undefined;
  #paths = 0;
  /** What the present life is to begin from, until it has a checkpoint of its own. */
  from: Savepoint | undefined;
  /** How the present run is being left. */
  leaving: Departure | undefined;

  constructor(random: Random, mode: CheckpointMode, faults: Faults, violations: string[]) {
    this.#random = random;
    this.#mode = mode;
    this.#faults = faults;
    this.#violations = violations;
  }

  /** Asks for one. Whoever is killed meanwhile gets no answer. */
  async take(run: Run): Promise<void> {
    const path = this.#path();
    try {
      const id = await run.savepoint(path, this.#options());
      this.#taken.push({ path, id });
      this.#faults.note("savepoint");
    } catch (error) {
      this.#refused(error, "taken");
    }
  }

  /** Leaves a run for a savepoint, if there is one. A run that is `dying` is for the caller to kill. */
  async leave(run: Run, mayDie: boolean): Promise<void> {
    if (this.leaving !== undefined) return;
    const how = this.#random.pick<Departure>(mayDie ? ["stopping", "cancelling", "dying"] : ["stopping", "cancelling"]);
    if (how !== "stopping") {
      if (this.#taken.length === 0) return;
      this.#next = this.#random.pick(this.#taken);
      this.leaving = how;
      if (how === "cancelling") await run.cancel();
      return;
    }
    const path = this.#path();
    this.leaving = how;
    try {
      const { checkpoint } = await run.stop({ savepoint: path, ...this.#options() });
      this.#next = { path, id: checkpoint };
      this.#taken.push(this.#next);
    } catch (error) {
      this.#refused(error, "stopped with");
    }
  }

  /** What the next life begins from: where it was left for, or as before while it has no checkpoint of its own. */
  begin(): Savepoint | undefined {
    this.leaving = undefined;
    if (this.#next !== undefined) {
      const { id } = this.from = this.#next;
      this.#next = undefined;
      // Those that are younger belong to what never happened.
      this.#taken = this.#taken.filter((savepoint) => savepoint.id <= id);
      this.#faults.note("return to savepoint");
    }
    return this.from;
  }

  /** Follows the events of the present life. */
  see(event: JobEvent): void {
    if (event.kind === "checkpoint-completed") this.from = undefined;
    if (event.kind !== "started" || this.from === undefined || event.location === this.from.path) return;
    this.#violations.push(`told to begin from ${this.from.path}, it began from ${event.location ?? "nothing"}`);
  }

  /** Whether a run has ended with this because it was left by cancelling it. */
  hasCancelled(error: unknown): boolean {
    return this.leaving === "cancelling" && error instanceof SluiceError && error.code === "RUN_CANCELLED";
  }

  #path(): string {
    return `savepoints/${++this.#paths}`;
  }

  #options(): { readonly mode?: "aligned" | "unaligned" } {
    const mode = this.#random.pick(["aligned", "unaligned", undefined] as const);
    return mode === undefined || this.#mode === "at-least-once" ? {} : { mode };
  }

  #refused(error: unknown, what: string): void {
    if (error instanceof SluiceError && ["RUN_ENDED", "RUN_CANCELLED"].includes(error.code)) return;
    this.#violations.push(`a savepoint cannot be ${what}: ${error instanceof Error ? error.stack : error}`);
  }
}
