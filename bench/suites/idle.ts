/** What do checkpoints cost when nothing flows? */
import { forEach, generate, type Job, job, start, type Stream, type } from "../../mod.ts";
import { checkpointSpreads, followCheckpoints } from "../checkpoint_figures.ts";
import { type BenchEvent, makeEvent } from "../jobs/event.ts";
import { cpuMs } from "../machine.ts";
import { pause } from "../pause.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "../report.ts";
import type { Effort } from "../suite.ts";

export async function run(report: Report, effort: Effort): Promise<void> {
  const forMs = effort.quick ? 500 : effort.seconds * 1_000;
  const warmMs = effort.quick ? 500 : 5_000;
  report.begin(
    `a job whose source gives one record and then nothing for hours; ${forMs} ms each, memory storage; ` +
      `before each shape, ${warmMs} ms with a checkpoint every 10 ms`,
  );
  const rows: Figures[] = [];
  for (const [stages, parallelism] of [[1, 1], [3, 2], [5, 8]] as const) {
    // Code that runs once a second is compiled for minutes: what is meant is what a job takes from then on.
    await measureOne(stages, parallelism, 10, warmMs);
    let without: number | undefined;
    for (const intervalMs of [0, 1_000, 100, 10]) {
      const figures = await measureOne(stages, parallelism, intervalMs, forMs);
      const cores = figures["cpuCores"] as number;
      without ??= cores;
      rows.push(report.add({ ...figures, forCheckpoints: intervalMs === 0 ? undefined : cores - without }));
    }
  }
  report.table(columns, rows);
}

const columns: readonly Column[] = [
  ["stages", (row) => String(row["stages"])],
  ["parallelism", (row) => String(row["parallelism"])],
  ["every ms", (row) => row["intervalMs"] === 0 ? "never" : String(row["intervalMs"])],
  ["checkpoints", (row) => String(row["checkpoints"])],
  ["p50 ms", (row) => number(spreadOf(row, "durationMs")?.p50)],
  ["max ms", (row) => number(spreadOf(row, "durationMs")?.max)],
  ["of one processor", (row) => `${number((row["cpuCores"] as number) * 100, 1)} %`],
  [
    "of that for checkpoints",
    (row) => row["forCheckpoints"] === undefined ? "" : `${number(Number(row["forCheckpoints"]) * 100)} %`,
  ],
  ["CPU ms per checkpoint", (row) => number(row["cpuMsPerCheckpoint"])],
];

function idleJob(stages: number, parallelism: number): Job {
  return job("idle", (flow) => {
    let stream: Stream<BenchEvent> = flow.from("events", generate({ ratePerSecond: 0.0001, make: makeEvent }));
    for (let stage = 1; stage <= stages; stage++) {
      stream = stream.keyBy("key", (event) => event.key).process(`pass ${stage}`, {
        emits: type<BenchEvent>(),
        onRecord: (event, ctx) => ctx.emit(event),
      });
    }
    stream.to("sink", forEach(() => {}));
  }, { parallelism });
}

async function measureOne(stages: number, parallelism: number, intervalMs: number, forMs: number): Promise<Figures> {
  const options = intervalMs === 0 ? {} : { checkpoints: { mode: "unaligned" as const, intervalMs } };
  await using run = await start(idleJob(stages, parallelism), options);
  const completed = followCheckpoints(run);
  await pause(200); // what starting takes does not count
  const [before, cpu, begin] = [completed.length, cpuMs(), performance.now()];
  await pause(forMs);
  const [usedMs, tookMs] = [cpuMs() - cpu, performance.now() - begin];
  const figures = completed.slice(before);
  return {
    workload: "idle",
    mode: intervalMs === 0 ? "none" : "unaligned",
    stages,
    parallelism,
    intervalMs,
    checkpoints: figures.length,
    cpuCores: usedMs / tookMs,
    cpuMsPerCheckpoint: figures.length === 0 ? undefined : usedMs / figures.length,
    ...checkpointSpreads(figures),
  };
}
