import { SeededRandom } from "../../actors/seeded_random.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedMachine } from "../../actors/simulation/processes.ts";
import { World } from "../../actors/simulation/world.ts";
import {
  type CheckpointOptions,
  fileStorage,
  generate,
  type Job,
  job,
  type JobEvent,
  memorySink,
  type Run,
  start,
  type StartOptions,
  sum,
} from "../../mod.ts";

/** The folder of the checkpoints. */
export const folder = "/data/state";

/** How many numbers the job adds up, and in how many keys. */
const numbers = 600;
const keys = 4;

/** A job with keyed state whose checkpoints are on a simulated disk, in virtual time: as often started as one likes. */
export class StoredJob {
  readonly world = new World("stored");
  readonly disk = new SimulatedDisk();
  readonly out = memorySink<string>();
  readonly events: JobEvent[] = [];
  readonly job: Job;
  readonly #machine = new SimulatedMachine();
  #starts = 0;

  constructor(name: string = "totals") {
    this.job = job(name, (flow) => {
      flow.from("numbers", generate({ count: numbers, splits: 1, ratePerSecond: 1_000, make: (n) => n }))
        .keyBy("key", (n) => n % keys)
        .aggregate("total", sum((n: number) => n))
        .map(({ key, value }) => `${key}:${value}`)
        .to("out", this.out);
    });
  }

  /** What must be visible at the end, whatever happened: every step of every total once. */
  static expected(): string[] {
    const totals = new Map<number, number>();
    return Array.from({ length: numbers }, (_, n) => {
      totals.set(n % keys, (totals.get(n % keys) ?? 0) + n);
      return `${n % keys}:${totals.get(n % keys)}`;
    }).sort();
  }

  visible(): string[] {
    return [...this.out.values].sort();
  }

  /** Starts it, in a process of its own. */
  async start(checkpoints: CheckpointOptions = {}, options: StartOptions = {}, started: Job = this.job): Promise<Run> {
    const { world, disk } = this;
    const number = ++this.#starts;
    const random = new SeededRandom(number);
    const storage = fileStorage(folder, { disk, clock: world.clock, random, processes: this.#machine.start(number) });
    const run = await world.run(start(started, {
      system: world.system(`start-${number}`),
      clock: world.clock,
      random,
      disk,
      log: () => {},
      checkpoints: { storage, baseEvery: 1, ...checkpoints },
      restart: { kind: "fixed-delay", maxRestarts: 2, delayMs: 10 },
      ...options,
    })) as Run;
    void this.#watch(run);
    return run;
  }

  /** Takes this many checkpoints, 50 virtual milliseconds apart, and stops without another one. */
  async checkpointed(count: number): Promise<void> {
    const run = await this.start();
    for (let taken = 0; taken < count; taken++) {
      await this.world.pass(50);
      await this.world.run(run.checkpoint());
    }
    await this.world.run(run.cancel());
  }

  /** Runs it to its end. */
  async finish(checkpoints: CheckpointOptions = {}, options: StartOptions = {}): Promise<void> {
    const run = await this.start(checkpoints, options);
    try {
      await this.world.run(run.finished, { maxMs: 600_000 });
    } finally {
      await this.world.run(run.cancel());
    }
  }

  /** The files in the folder of each checkpoint, the newest checkpoint first. */
  files(pattern: RegExp): string[] {
    return [...this.disk.files().keys()].filter((path) => pattern.test(path)).reverse();
  }

  async #watch(run: Run): Promise<void> {
    for await (const event of run.events) this.events.push(event);
  }
}
