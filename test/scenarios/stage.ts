import * as assert from "uvu/assert";
import type { Clock } from "../../actors/clock.ts";
import { silent } from "../../actors/logger.ts";
import { MemoryBroker } from "../../actors/memory_transport.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { settled, VirtualClock } from "../../actors/simulation/clock.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedProcess } from "../../actors/simulation/process.ts";
import { type ActorSystem, createSystem } from "../../actors/system.ts";
import type {
  CheckpointFigures,
  CheckpointOptions,
  CheckpointStorage,
  Job,
  JobEvent,
  Run,
  StartOptions,
  Transport,
} from "../../mod.ts";
import { fileStorage } from "../../mod.ts";
import type { OrderedStores } from "../../runtime/graph/ordered_store.ts";
import { startLinked } from "../../runtime/master/start.ts";
import { processTable } from "../simulation/process_table.ts";

/** What a scenario may tell a run besides its checkpoints' mode. */
export interface StageOptions {
  readonly checkpoints?: Omit<CheckpointOptions, "directory" | "storage">;
  readonly channels?: NonNullable<StartOptions["channels"]>;
  readonly restart?: NonNullable<StartOptions["restart"]>;
  /** Where state is, and what is spilled. @default on the heap, nothing */
  readonly stores?: OrderedStores;
  readonly parallelism?: number;
  readonly from?: number | string;
  readonly allowDropped?: boolean;
  readonly handlerTimeoutMs?: number;
  readonly shutdownMs?: number;
  readonly allowDuplicates?: boolean;
  /** Frames travel encoded, over a transport in memory; a function puts something between. */
  readonly encoded?: boolean | ((real: Transport) => Transport);
  /** Puts something between the run and its checkpoints. */
  readonly storage?: (real: CheckpointStorage) => CheckpointStorage;
}

export type Completed = Extract<JobEvent, { kind: "checkpoint-completed" }>;
export type Aborted = Extract<JobEvent, { kind: "checkpoint-aborted" }>;

/** Small frames and windows: what one slow operator leaves waiting fills up to the source. */
export const narrow = { frameRecords: 2, frameBytes: 100_000, windowBytes: 300, targetMs: 60_000 } as const;

/**
 * A machine on which jobs run in virtual time, are killed and started again: the clock and the disk outlive every life of a
 * job. Nothing moves but by `until`, `advance` and `settle`.
 */
export class Stage {
  readonly clock = new VirtualClock({ yieldMs: 0.01 });
  readonly events: JobEvent[] = [];
  disk = new SimulatedDisk({ random: new SeededRandom("stage") });
  process = new SimulatedProcess(this.clock, this.disk);
  system: ActorSystem | undefined;
  /** Data turns of actors, reads of the clock and timers set since the beginning: what a test may count instead of time. */
  turns = 0;
  clockReads = 0;
  timersSet = 0;
  #lives = 0;
  /** What the wall clock is off by, in milliseconds: somebody may set it while jobs run. */
  wallShiftMs = 0;
  readonly #turnSteps: number;

  /** `turnSteps`: so many steps an actor takes before the next one has its turn. */
  constructor(turnSteps = 8) {
    this.#turnSteps = turnSteps;
  }

  /** Starts the job, or starts it again from the same checkpoints, and waits until it processes. */
  async start(job: Job, options: StageOptions = {}): Promise<Run> {
    const life = this.#lives++;
    this.process = new SimulatedProcess(this.clock, this.disk);
    const clock = this.#counting(this.process.clock);
    const { disk } = this.process;
    const random = new SeededRandom(`life ${life}`);
    this.system = createSystem({
      clock,
      random: random.fork("system"),
      scheduler: { steps: () => this.#turn(), sliceTurns: 1 },
    });
    const files = fileStorage("state", { disk, clock, random: random.fork("storage"), processes: processTable(life) });
    const { storage, encoded, checkpoints, stores, ...rest } = options;
    const run = await this.settle(startLinked(job, {
      system: this.system,
      clock,
      disk,
      random: random.fork("run"),
      log: silent,
      restart: { kind: "fixed-delay", maxRestarts: 100, delayMs: 1 },
      channels: narrow,
      ...(encoded === undefined || encoded === false ? {} : { transport: this.#connect(encoded) }),
      checkpoints: { ...checkpoints, storage: storage?.(files) ?? files },
      ...rest,
    }, { stores }));
    void this.#collect(run);
    await settled();
    return run;
  }

  /** Runs everything until the promise settles. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    promise.then(() => over = true, () => over = true);
    await this.until(() => over, "a promise settles");
    return await promise;
  }

  /** Runs events until the condition holds; fails when nothing is left to run, or after too many steps. */
  async until(condition: () => boolean, what: string): Promise<void> {
    for (let step = 0; step < 500_000; step++) {
      await settled();
      if (condition()) return;
      if (!this.clock.runNext()) {
        await settled();
        if (condition()) return;
        if (this.clock.waiting === 0) break;
      }
    }
    assert.unreachable(`${what} never comes, at ${this.clock.monotonic().toFixed(2)} ms:\n${this.story()}`);
  }

  advance(byMs: number): Promise<void> {
    return this.clock.advance(byMs);
  }

  /** The process is gone between two events, as with kill -9. */
  kill(): void {
    this.process.kill();
    this.disk.detach();
    this.disk = this.disk.handle();
  }

  /** Waits until something takes place after so many milliseconds of virtual time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.process.clock.setTimer(delayMs, resolve));
  }

  /** Ends the run at once and checks that it leaves nothing behind. */
  async leave(run: Run): Promise<void> {
    await this.settle(run.cancel());
    await this.settle((this.system as ActorSystem).shutdown());
    assert.is(this.process.waiting, 0, "timers are left after the end");
  }

  /** Waits for the end of a bounded job. */
  async finish(run: Run): Promise<void> {
    await this.settle(run.finished);
    await this.leave(run);
  }

  of<K extends JobEvent["kind"]>(kind: K): Extract<JobEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<JobEvent, { kind: K }> => event.kind === kind);
  }

  /** The completed checkpoints' ids, in the order of their completion. */
  get completed(): number[] {
    return this.of("checkpoint-completed").map((event) => event.checkpoint);
  }

  figures(id: number): CheckpointFigures {
    const event = this.of("checkpoint-completed").find(({ checkpoint }) => checkpoint === id);
    assert.ok(event, `checkpoint ${id} has not completed:\n${this.story()}`);
    return (event as Completed).figures;
  }

  /** Checkpoint `id` caught records in flight: a test without them would prove nothing. */
  assertCaptured(id: number): void {
    assert.ok(this.figures(id).inFlightRecords > 0, `checkpoint ${id} captured nothing`);
  }

  /** The last start put records back that had been in flight. */
  assertRecovered(): void {
    const last = this.of("started").at(-1);
    assert.ok((last?.inFlightRecords ?? 0) > 0, `nothing was in flight at the last restore:\n${this.story()}`);
  }

  /** What happened, for messages. */
  story(): string {
    return this.events.map((event) => {
      const id = "checkpoint" in event ? ` ${event.checkpoint}` : "";
      const reason = "reason" in event ? ` (${event.reason})` : "";
      const cause = "cause" in event && event.cause instanceof Error ? `: ${event.cause.message}` : "";
      const records = "figures" in event ? `, ${event.figures.inFlightRecords} records in flight` : "";
      return `  ${event.kind}${id}${reason}${records}${cause}`;
    }).join("\n");
  }

  #turn(): number {
    this.turns++;
    return this.#turnSteps;
  }

  #counting(clock: Clock): Clock {
    const count = <T>(result: T): T => {
      this.clockReads++;
      return result;
    };
    return {
      now: () => count(clock.now() + this.wallShiftMs),
      monotonic: () => count(clock.monotonic()),
      setTimer: (delayMs, fire) => {
        this.timersSet++;
        return clock.setTimer(delayMs, fire);
      },
      yield: (resume) => clock.yield(resume),
    };
  }

  #connect(encoded: true | ((real: Transport) => Transport)): Transport {
    const transport = new MemoryBroker({ clock: this.process.clock }).connect();
    return encoded === true ? transport : encoded(transport);
  }

  async #collect(run: Run): Promise<void> {
    for await (const event of run.events) this.events.push(event);
  }
}
