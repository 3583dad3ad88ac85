/** How long does a checkpoint take under full backpressure, by mode, depth, cost of the slow operator, and skew? */
import { Bench } from "tinybench";
import { type CheckpointMode, start } from "../../mod.ts";
import { checkpointSpreads, followCheckpoints } from "../checkpoint_figures.ts";
import { type Backpressure, backpressureJob } from "../jobs/backpressure.ts";
import { pause } from "../pause.ts";
import { runBackpressurePeers } from "../peer_runs.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "../report.ts";
import type { Effort } from "../suite.ts";

const modes: Readonly<Record<string, CheckpointMode>> = {
  unaligned: "unaligned",
  "aligned-timeout": { alignedTimeoutMs: 500 },
  aligned: "aligned",
  "at-least-once": "at-least-once",
};

export async function run(report: Report, effort: Effort): Promise<void> {
  const checkpoints = effort.quick ? 5 : 20;
  const fillMs = effort.quick ? 500 : 2_000;
  report.begin(`checkpoints one after another under full backpressure: ${checkpoints} each, parallelism 2, memory storage`);

  const measure = async (shapes: readonly Backpressure[], of: readonly string[]): Promise<Figures[]> => {
    const rows: Figures[] = [];
    for (const mode of of) {
      for (const shape of shapes) rows.push(report.add(await measureOne(mode, shape, checkpoints, fillMs)));
    }
    return rows;
  };
  const plain: Backpressure = { stages: 3, slowUs: 1_000, skew: 0 };
  const depths = (effort.quick ? [1, 3] : [1, 3, 5]).map((stages) => ({ ...plain, stages }));
  report.say("\nby mode and depth: the last operator is busy 1 ms per record");
  report.table(columns, await measure(depths, Object.keys(modes)));
  if (effort.quick) return;
  report.say("\nby cost of the last operator");
  report.table(columns, await measure([100, 10_000].map((slowUs) => ({ ...plain, slowUs })), ["unaligned", "aligned"]));
  report.say("\nby skew: nine records of ten have the same key");
  report.table(columns, await measure([{ ...plain, skew: 0.9 }], ["unaligned", "aligned"]));
  if (effort.peers) await runBackpressurePeers(report, ["unaligned", "aligned"], [1, 3, 5]);
}

const milliseconds = (name: string, of: "p50" | "max") => (row: Figures) => number(spreadOf(row, name)?.[of]);

const columns: readonly Column[] = [
  ["mode", (row) => String(row.mode)],
  ["stages", (row) => String(row["stages"])],
  ["slow ms", (row) => number((row["slowUs"] as number) / 1_000, 1)],
  ["skew", (row) => number(row["skew"], 1)],
  ["p50 ms", milliseconds("durationMs", "p50")],
  ["max ms", milliseconds("durationMs", "max")],
  ["start delay ms", milliseconds("startDelayMs", "p50")],
  ["alignment ms", milliseconds("alignmentMs", "p50")],
  ["captured", (row) => number(spreadOf(row, "inFlightRecords")?.p50, 0)],
  ["bytes", (row) => number(spreadOf(row, "persistedInFlightBytes")?.p50, 0)],
];

async function measureOne(mode: string, shape: Backpressure, checkpoints: number, fillMs: number): Promise<Figures> {
  const seen = { records: 0 };
  await using job = await start(backpressureJob(shape, seen), { checkpoints: { mode: modes[mode] as CheckpointMode } });
  const completed = followCheckpoints(job);
  await pause(fillMs);
  const bench = new Bench({ iterations: checkpoints, time: 0, warmup: false });
  bench.add(mode, async () => {
    await job.checkpoint();
  });
  await bench.run();
  await pause(0);
  if (seen.records === 0) throw new Error("nothing was processed: the figures would mean nothing");
  return {
    workload: "backpressure",
    mode,
    parallelism: 2,
    ...shape,
    checkpoints: completed.length,
    ...checkpointSpreads(completed),
  };
}
