/** How many records per second go through tumbling windows per key, in event time and out of order, beside a bare loop? */
import { type CheckpointMode, start } from "../../mod.ts";
import { alternate, type Measured, share, type Side } from "../alternate.ts";
import { newResults, windowJob, windowLoop, type WindowResults } from "../jobs/window_sum.ts";
import { runWindowPeers } from "../peer_runs.ts";
import { type Column, number, percentSpread, type Report, spreadOf } from "../report.ts";
import { median } from "../spread.ts";
import type { Effort } from "../suite.ts";

const modes: readonly (CheckpointMode & string | "none")[] = ["none", "aligned", "unaligned"];

export async function run(report: Report, effort: Effort): Promise<void> {
  if (effort.peers) {
    report.begin("windows of a minute beside other engines, parallelism 2, each run in a process of its own");
    return await runWindowPeers(report, effort);
  }
  const rounds = effort.quick ? 2 : 5;
  const records = effort.quick ? 300_000 : Math.ceil(effort.seconds * 1.5e6 / rounds);
  report.begin(
    `1,000 keys, windows of a minute, up to 5 s out of order, parallelism 2; ${records.toLocaleString("en")} records a round, ` +
      `${rounds} rounds after a warm-up`,
  );
  const loop: Side = {
    name: "bare loop",
    run() {
      const results = newResults();
      windowLoop(records, results);
      return answerOf(results);
    },
  };
  const measured = await alternate([loop, ...modes.map((mode) => jobSide(mode, records))], rounds);
  const rows = measured.map((side, index) =>
    report.add({
      workload: "window",
      name: side.name,
      mode: index === 0 ? "bare-loop" : modes[index - 1] as string,
      parallelism: 2,
      records,
      recordsPerSecond: Math.round(records / median(side.wallMs) * 1_000),
      cpuSecondsPerMillion: median(side.cpuMs) / records * 1_000,
      shareOfBase: share(measured[0] as Measured, side, "wallMs"),
      shareOfBaseByCpu: share(measured[0] as Measured, side, "cpuMs"),
    })
  );
  report.table(columns, rows);
}

const columns: readonly Column[] = [
  ["side", (row) => String(row["name"])],
  ["M records/s", (row) => number((row["recordsPerSecond"] as number) / 1e6)],
  ["CPU s per M", (row) => number(row["cpuSecondsPerMillion"])],
  ["of the bare loop", (row) => percentSpread(spreadOf(row, "shareOfBase"))],
  ["by CPU time", (row) => percentSpread(spreadOf(row, "shareOfBaseByCpu"))],
];

function jobSide(mode: CheckpointMode & string | "none", records: number): Side {
  return {
    name: mode === "none" ? "no checkpoints" : `${mode}, every 1000 ms`,
    async run() {
      const results = newResults();
      const options = mode === "none" ? {} : { checkpoints: { mode, intervalMs: 1_000 } };
      const job = await start(windowJob(records, results), options);
      await job.finished;
      return answerOf(results);
    },
  };
}

/** One number for three. */
function answerOf({ windows, counted, summed }: WindowResults): number {
  return windows + counted * 31 + summed * 37;
}
