/**
 * How long does a checkpoint take under full backpressure, per mode and depth?
 *
 * source → map → (keyBy → pass) × (stages − 1) → keyBy → an operator that is busy for 1 ms per record; parallelism 2, all to
 * all. Checkpoints are taken one after another once every channel is full; tinybench takes the samples.
 */
import { Bench } from "tinybench";
import {
  type CheckpointFigures,
  type CheckpointMode,
  forEach,
  generate,
  type Job,
  job,
  type JobEvent,
  type Run,
  start,
  type Stream,
  type,
} from "../mod.ts";
import { type BenchEvent, makeEvent, mapEvent } from "./event.ts";
import { describeMachine, median } from "./machine.ts";

/** Keeps the event loop busy, as an operator that computes does. */
function busy(forMs: number): void {
  const until = performance.now() + forMs;
  while (performance.now() < until);
}

function backpressureJob(stages: number, workMs: number, seen: { records: number }): Job {
  return job("backpressure", (flow) => {
    let stream: Stream<BenchEvent> = flow.from("events", generate({ count: 1e9, splits: 2, make: makeEvent })).map(mapEvent);
    for (let stage = 1; stage < stages; stage++) {
      stream = stream.keyBy("key", (event) => event.key).process(`pass ${stage}`, {
        emits: type<BenchEvent>(),
        onRecord: (event, ctx) => ctx.emit(event),
      });
    }
    stream.keyBy("key", (event) => event.key).process("slow", {
      emits: type<BenchEvent>(),
      onRecord(event, ctx) {
        busy(workMs);
        seen.records++;
        ctx.emit(event);
      },
    }).to("sink", forEach(() => {}));
  }, { parallelism: 2 });
}

/** The figures of completed checkpoints, as they come. */
async function follow(run: Run, completed: Map<number, CheckpointFigures>): Promise<void> {
  for await (const event of run.events as AsyncIterable<JobEvent>) {
    if (event.kind === "checkpoint-completed") completed.set(event.checkpoint, event.figures);
  }
}

export async function alignment(options: {
  readonly stages: readonly number[];
  readonly checkpoints: number;
  readonly workMs: number;
  readonly fillMs: number;
}): Promise<void> {
  const { stages, checkpoints, workMs, fillMs } = options;
  console.log(
    `checkpoints under backpressure: last operator busy ${workMs} ms per record, parallelism 2, memory storage; ` +
      describeMachine(),
  );
  const modes: readonly [string, CheckpointMode, number][] = [
    ["unaligned", "unaligned", checkpoints],
    ["aligned 500 ms, then unaligned", { alignedTimeoutMs: 500 }, Math.min(checkpoints, 5)],
    ["aligned", "aligned", Math.min(checkpoints, 2)],
    ["at-least-once", "at-least-once", Math.min(checkpoints, 2)],
  ];
  const row = (cells: readonly string[]) =>
    console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(34) : cell.padStart(15))).join(""));
  console.log("");
  row(["mode", "stages", "p50 ms", "max ms", "start delay", "in flight", "bytes"]);
  for (const [name, mode, samples] of modes) {
    for (const depth of stages) {
      const seen = { records: 0 };
      await using run = await start(backpressureJob(depth, workMs, seen), { checkpoints: { mode } });
      const completed = new Map<number, CheckpointFigures>();
      void follow(run, completed);
      await new Promise((resolve) => setTimeout(resolve, fillMs));
      const bench = new Bench({ iterations: samples, time: 0, warmup: false });
      bench.add(name, async () => {
        await run.checkpoint();
      });
      await bench.run();
      await new Promise((resolve) => setTimeout(resolve, 0));
      const figures = [...completed.values()];
      const durations = figures.map((figure) => figure.endToEndMs);
      const delays = figures.map((figure) => Math.max(...figure.subtasks.map((subtask) => subtask.startDelayMs)));
      row([
        name,
        String(depth),
        median(durations).toFixed(2),
        Math.max(...durations).toFixed(2),
        median(delays).toFixed(2),
        median(figures.map((figure) => figure.inFlightRecords)).toFixed(0),
        median(figures.map((figure) => figure.inFlightBytes)).toFixed(0),
      ]);
      if (seen.records === 0) throw new Error("nothing was processed: the figures mean nothing");
    }
  }
}
