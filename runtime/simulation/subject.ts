import type { Random } from "../../actors/random.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { SluiceError } from "../../actors/error.ts";
import { isJob, type Job } from "../job/job.ts";
import type { StartOptions } from "../master/options.ts";
import { Outside } from "./outside.ts";

/** What a simulated job finds around it. */
export interface JobWorld {
  readonly seed: number;
  /** Chance that is the same whenever the seed is: for data, say. Drawn from anew at every start of a process. */
  readonly random: Random;
  /**
   * Something outside the job that outlives its processes, such as the table that a sink writes to: made at the first call of a
   * run. After the run it is compared with that of a run without faults: arrays whatever their order, all else as a whole.
   *
   * @param view what of it is compared. Default: all
   */
  outside<T>(name: string, make: () => T, view?: (thing: T) => unknown): T;
}

/**
 * The job to simulate, or what makes it. A function is called at every start of a process, as a process would load its module
 * anew: only so is state found that lies outside what checkpoints hold.
 */
export type JobUnderTest = Job | ((world: JobWorld) => Job);

/** Options of `start` that a job is simulated with; checkpoint mode, interval and parallelism are drawn unless given. */
export type SimulatedStart =
  & Pick<
    StartOptions,
    "parallelism" | "channels" | "handlerTimeoutMs" | "poison" | "restart" | "shutdownMs"
  >
  & { readonly checkpoints?: Omit<NonNullable<StartOptions["checkpoints"]>, "directory" | "storage"> };

/** What is simulated, whatever the seed. */
export interface Subject {
  readonly job: JobUnderTest;
  readonly start: SimulatedStart;
  /** Files that are on the disk when the job starts, by path. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}

/** The world of one run: its processes come and go, this stays. */
export class RunWorld {
  readonly seed: number;
  readonly outside = new Outside();
  readonly #random: Random;
  #usedRandom = false;

  constructor(seed: number) {
    this.seed = seed;
    this.#random = new SeededRandom(`data ${seed}`);
  }

  /** Whether the job has drawn from chance, so that every seed has a job of its own. */
  get usedRandom(): boolean {
    return this.#usedRandom;
  }

  /** The job as a process loads it. @throws {SluiceError} `NOT_A_JOB`; what the function throws */
  load(job: JobUnderTest): Job {
    const made: unknown = typeof job === "function" ? job(this.#forProcess()) : job;
    if (isJob(made)) return made;
    throw new SluiceError(
      "NOT_A_JOB",
      "simulate was not given a job: give it what job(name, (flow) => { … }) returns, or a function that returns that",
    );
  }

  #forProcess(): JobWorld {
    const { seed } = this;
    const random = this.#random.fork("job");
    const used = () => {
      this.#usedRandom = true;
    };
    return {
      get seed() {
        used();
        return seed;
      },
      get random() {
        used();
        return random;
      },
      outside: (name, make, view = (thing) => thing) => this.outside.of(name, make, view),
    };
  }
}
