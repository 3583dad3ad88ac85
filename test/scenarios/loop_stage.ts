import * as assert from "uvu/assert";
import { silent } from "../../actors/logger.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { settled, VirtualClock } from "../../actors/simulation/clock.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedProcess } from "../../actors/simulation/process.ts";
import { createSystem } from "../../actors/system.ts";
import type { CheckpointFigures, Job, JobEvent, Run, StartOptions } from "../../mod.ts";
import { fileStorage, start } from "../../mod.ts";
import { processTable } from "../simulation/process_table.ts";

/** Small frames and windows: what one slow operator leaves waiting fills up to the source. */
export const narrow = { frameRecords: 2, frameBytes: 100_000, windowBytes: 300, targetMs: 60_000 } as const;

/** A machine on which jobs with loops run in virtual time, are killed and started again. */
export class LoopStage {
  readonly clock = new VirtualClock({ yieldMs: 0.01 });
  readonly events: JobEvent[] = [];
  #disk = new SimulatedDisk({ random: new SeededRandom("stage") });
  process = new SimulatedProcess(this.clock, this.#disk);
  #lives = 0;

  /** Starts the job, or starts it again from the same checkpoints, and waits until it processes. */
  async start(job: Job, options: StartOptions = {}): Promise<Run> {
    const life = this.#lives++;
    this.process = new SimulatedProcess(this.clock, this.#disk);
    const { clock, disk } = this.process;
    const random = new SeededRandom(`life ${life}`);
    const storage = fileStorage("state", { disk, random: random.fork("storage"), processes: processTable(life) });
    const system = createSystem({ clock, random: random.fork("system"), scheduler: { steps: () => 8, sliceTurns: 1 } });
    const run = await this.settle(start(job, {
      system,
      clock,
      disk,
      random: random.fork("run"),
      log: silent,
      restart: { kind: "fixed-delay", maxRestarts: 100, delayMs: 1 },
      channels: narrow,
      ...options,
      checkpoints: { ...options.checkpoints, storage },
    }));
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

  /** The process is gone between two events, as with kill -9. */
  kill(): void {
    this.process.kill();
    this.#disk.detach();
    this.#disk = this.#disk.handle();
  }

  /** Waits until something takes place after so many milliseconds of virtual time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.process.clock.setTimer(delayMs, resolve));
  }

  of<K extends JobEvent["kind"]>(kind: K): Extract<JobEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<JobEvent, { kind: K }> => event.kind === kind);
  }

  get completed(): number[] {
    return this.of("checkpoint-completed").map((event) => event.checkpoint);
  }

  figures(id: number): CheckpointFigures {
    const event = this.of("checkpoint-completed").find(({ checkpoint }) => checkpoint === id);
    if (event === undefined) throw new Error(`checkpoint ${id} has not completed:\n${this.story()}`);
    return event.figures;
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

  async #collect(run: Run): Promise<void> {
    for await (const event of run.events) this.events.push(event);
  }
}
