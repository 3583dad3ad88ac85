import { start } from "../mod.ts";
import type { CheckpointMode } from "../mod.ts";
import { checkpointSpreads, followCheckpoints } from "./checkpoint_figures.ts";
import { backpressureJob } from "./jobs/backpressure.ts";
import { keyedCountJob, newCount } from "./jobs/keyed_count.ts";
import { cpuMs } from "./machine.ts";
import { pause } from "./pause.ts";
import { type PeerName, runPeer } from "./peer.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "./report.ts";
import { median } from "./spread.ts";
import type { Effort } from "./suite.ts";

/** How the modes are called by each peer; a peer takes no part in the others. */
const modesOf: Readonly<Record<PeerName, Readonly<Record<string, string>>>> = {
  flink: { none: "none", aligned: "aligned", unaligned: "unaligned" },
  jet: { none: "none", aligned: "exactly-once" },
};

/** keyed-count on ours and on other engines, in turn: records per second and processor time, as ratios of one run. */
export async function runKeyedCountPeers(report: Report, effort: Effort, modes: readonly string[]): Promise<void> {
  const rounds = effort.quick ? 1 : 2;
  const [warm, seconds] = [Math.max(2, effort.seconds / 2), effort.seconds];
  const rows: Figures[] = [];
  for (const mode of modes) {
    const rates = new Map<string, number[]>();
    const note = (figures: Figures) => {
      const engine = String(figures.engine);
      rates.set(engine, [...rates.get(engine) ?? [], figures["recordsPerSecond"] as number]);
      rows.push(figures);
    };
    for (let round = 0; round < rounds; round++) {
      note(report.add(await ownKeyedCount(mode, warm, seconds)));
      for (const peer of ["flink", "jet"] as const) {
        const theirs = modesOf[peer][mode];
        if (theirs === undefined) continue;
        const reuse = peer === "flink" ? { objectReuse: "true" } : {};
        const figures = await runPeer(peer, "keyed-count", { mode: theirs, warm, seconds, ...reuse });
        if (figures["totalEmitted"] !== figures["totalSunk"]) throw new Error(`${peer} lost records: ${JSON.stringify(figures)}`);
        note(report.add({ ...figures, mode }));
      }
    }
    const own = median(rates.get("sluice") ?? []);
    for (const [engine, of] of rates) {
      if (engine !== "sluice") report.say(`keyed-count, ${mode}: sluice ${number(own / median(of))} x ${engine}`);
    }
  }
  report.table(throughputColumns, rows);
}

/** Checkpoints under backpressure on ours and on Flink, in turn. */
export async function runBackpressurePeers(report: Report, modes: readonly string[], depths: readonly number[]): Promise<void> {
  const rows: Figures[] = [];
  for (const mode of modes) {
    for (const stages of depths) {
      const own = report.add(await ownBackpressure(mode as CheckpointMode, stages));
      const theirs = report.add(await runPeer("flink", "backpressure", { mode, stages, work: "busy", checkpoints: 10 }));
      const ratio = (spreadOf(theirs, "durationMs")?.p50 ?? NaN) / (spreadOf(own, "durationMs")?.p50 ?? NaN);
      report.say(`backpressure, ${mode}, ${stages} stages: ${number(ratio, 1)} times as fast as Flink`);
      rows.push(own, theirs);
    }
  }
  report.table(checkpointColumns, rows);
}

const throughputColumns: readonly Column[] = [
  ["engine", (row) => String(row.engine)],
  ["mode", (row) => String(row.mode)],
  ["M records/s", (row) => number((row["recordsPerSecond"] as number) / 1e6)],
  ["CPU s per M", (row) => number(row["cpuSecondsPerMillion"])],
];

const checkpointColumns: readonly Column[] = [
  ["engine", (row) => String(row.engine)],
  ["mode", (row) => String(row.mode)],
  ["stages", (row) => String(row["stages"])],
  ["p50 ms", (row) => number(spreadOf(row, "durationMs")?.p50)],
  ["max ms", (row) => number(spreadOf(row, "durationMs")?.max)],
  ["in flight bytes", (row) => number(spreadOf(row, "persistedInFlightBytes")?.p50, 0)],
];

/** As the peers do it: an endless source, a time box after a warm-up, then the sources stop and everything drains. */
async function ownKeyedCount(mode: string, warm: number, seconds: number): Promise<Figures> {
  const result = newCount();
  const options = mode === "none" ? {} : { checkpoints: { mode: mode as CheckpointMode, intervalMs: 1_000 } };
  const job = await start(keyedCountJob(Number.MAX_SAFE_INTEGER, result), options);
  await pause(warm * 1_000);
  const [records, cpu, begin] = [result.records, cpuMs(), performance.now()];
  await pause(seconds * 1_000);
  const [done, usedMs, tookMs] = [result.records - records, cpuMs() - cpu, performance.now() - begin];
  await job.stop();
  return {
    workload: "keyed-count",
    mode,
    parallelism: 2,
    records: done,
    seconds: tookMs / 1_000,
    recordsPerSecond: Math.round(done / tookMs * 1_000),
    cpuSecondsPerMillion: usedMs / done * 1_000,
    totalSunk: result.records,
  };
}

async function ownBackpressure(mode: CheckpointMode, stages: number): Promise<Figures> {
  const shape = { stages, slowUs: 1_000, skew: 0 };
  await using job = await start(backpressureJob(shape, { records: 0 }), { checkpoints: { mode } });
  const completed = followCheckpoints(job);
  await pause(5_000);
  for (let i = 0; i < 10; i++) {
    await job.checkpoint();
    await pause(200);
  }
  return { workload: "backpressure", mode: String(mode), parallelism: 2, ...shape, ...checkpointSpreads(completed) };
}
