/** How long does a checkpoint take under full backpressure, by mode, depth, parallelism, slow operator or channel, and skew? */
import type { Backpressure } from "../jobs/backpressure.ts";
import { runBackpressurePeers } from "../peer_runs.ts";
import { runPressure } from "../pressure.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "../report.ts";
import { modesByName } from "../steady.ts";
import type { Effort } from "../suite.ts";

export async function run(report: Report, effort: Effort): Promise<void> {
  if (effort.peers) {
    report.begin("checkpoints under full backpressure beside Flink, parallelism 2, each run in a process of its own; in files");
    return await runBackpressurePeers(report, effort);
  }
  const checkpoints = effort.quick ? 5 : 20;
  const fillMs = effort.quick ? 500 : 2_000;
  report.begin(
    `checkpoints one after another under full backpressure: ${checkpoints} each, in memory; parallelism 2 unless said`,
  );

  const measure = async (shapes: readonly Backpressure[], of: readonly string[], everyMs = 0): Promise<Figures[]> => {
    const rows: Figures[] = [];
    for (const mode of of) {
      for (const shape of shapes) {
        rows.push(report.add(await runPressure({ ...shape, mode, keeping: "memory", checkpoints, fillMs, everyMs })));
      }
    }
    return rows;
  };
  const modes = Object.keys(modesByName);
  const plain: Backpressure = { stages: 3, slowUs: 1_000, skew: 0 };
  const depths = (effort.quick ? [1, 3] : [1, 3, 5]).map((stages) => ({ ...plain, stages }));
  report.table(columns, await measure(depths, modes), "by mode and depth: the last operator is busy 1 ms per record");
  if (effort.quick) return;
  report.table(
    columns,
    await measure([100, 10_000].map((slowUs) => ({ ...plain, slowUs })), ["unaligned", "aligned"]),
    "by cost of the last operator",
  );
  report.table(
    columns,
    await measure([1, 4, 8].map((parallelism) => ({ ...plain, parallelism })), ["unaligned", "aligned"]),
    "by parallelism",
  );
  report.table(
    columns,
    await measure([0.5, 0.9].map((skew) => ({ ...plain, skew })), ["unaligned", "aligned"]),
    "by skew: the share of records that have the same key",
  );
  report.table(
    columns,
    await measure([{ ...plain, slowChannel: true }], modes),
    "by a slow channel: the first subtask before the last operator is the slow one",
  );
  report.table(columns, await measure([plain], modes, 700), "over time: one every 700 ms");
}

const milliseconds = (name: string, of: "p50" | "max") => (row: Figures) => number(spreadOf(row, name)?.[of]);

const columns: readonly Column[] = [
  ["mode", (row) => String(row.mode)],
  ["stages", (row) => String(row["stages"])],
  ["parallelism", (row) => String(row["parallelism"])],
  ["slow ms", (row) => number((row["slowUs"] as number) / 1_000, 1)],
  ["skew", (row) => number(row["skew"], 1)],
  ["p50 ms", milliseconds("durationMs", "p50")],
  ["max ms", milliseconds("durationMs", "max")],
  ["start delay ms", milliseconds("startDelayMs", "p50")],
  ["alignment ms", milliseconds("alignmentMs", "p50")],
  ["captured", (row) => number(spreadOf(row, "inFlightRecords")?.p50, 0)],
  ["their bytes", (row) => number(spreadOf(row, "persistedInFlightBytes")?.p50, 0)],
  ["delayed", (row) => number(spreadOf(row, "delayedRecords")?.p50, 0)],
];
