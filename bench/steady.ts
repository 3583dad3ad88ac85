import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChannelOptions, type CheckpointMode, start, type StartOptions } from "../mod.ts";
import { checkpointSpreads, followCheckpoints } from "./checkpoint_figures.ts";
import { Emitted } from "./emitted.ts";
import { makeEvent } from "./jobs/event.ts";
import { keyedCountJob, newCount } from "./jobs/keyed_count.ts";
import { makeTimedEvent, newResults, windowJob } from "./jobs/window_sum.ts";
import { cpuMs, machineCpuMs } from "./machine.ts";
import { pause } from "./pause.ts";
import type { Figures } from "./report.ts";

/** An endless job in a time box, as the programs in `peers/` run it. */
export interface Steady {
  readonly workload: "keyed-count" | "window";
  /** `none`, or how checkpoints are taken, into a folder. */
  readonly mode: string;
  /** How often. @default 1,000 */
  readonly intervalMs?: number;
  /** Of keyed-count. @default 2 */
  readonly parallelism?: 1 | 2;
  readonly channels?: ChannelOptions;
  /** Both in seconds. */
  readonly warm: number;
  readonly seconds: number;
}

/** The modes by the names that all engines' figures have. */
export const modesByName: Readonly<Record<string, CheckpointMode>> = {
  unaligned: "unaligned",
  "aligned-timeout": { alignedTimeoutMs: 500 },
  aligned: "aligned",
  "at-least-once": "at-least-once",
};

/** Warms up, measures in a time box, stops the sources and lets everything drain. */
export async function runSteady(steady: Steady): Promise<Figures> {
  const { workload, mode, warm, seconds, parallelism = 2, intervalMs = 1_000, channels = {} } = steady;
  const emitted = new Emitted(parallelism);
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const options: StartOptions = mode === "none"
    ? { channels }
    : { channels, checkpoints: { mode: modesByName[mode]!, intervalMs, directory } };
  const counts = newCount();
  const windows = newResults();
  const job = workload === "window"
    ? windowJob(Number.MAX_SAFE_INTEGER, windows, emitted.counting(makeTimedEvent))
    : keyedCountJob(Number.MAX_SAFE_INTEGER, counts, emitted.counting(makeEvent), parallelism);
  try {
    const run = await start(job, options);
    const completed = followCheckpoints(run);
    await pause(warm * 1_000);
    const [records, cpu, machine, begin] = [emitted.records, cpuMs(), machineCpuMs(), performance.now()];
    await pause(seconds * 1_000);
    const [done, usedMs, tookMs] = [emitted.records - records, cpuMs() - cpu, performance.now() - begin];
    const othersMs = machine === undefined ? NaN : (machineCpuMs() ?? NaN) - machine - usedMs;
    await run.stop({ mode: "aligned" }); // an unaligned one would hold records that have not come to the sink
    const answer = workload === "window" ? windows : { ...counts, summed: 0 };
    const totalEmitted = emitted.records;
    if (workload === "keyed-count" && counts.records !== totalEmitted) {
      throw new Error(`${totalEmitted} records were emitted, ${counts.records} came to the sink`);
    }
    return {
      workload,
      mode,
      parallelism,
      records: done,
      seconds: tookMs / 1_000,
      recordsPerSecond: Math.round(done / tookMs * 1_000),
      cpuSecondsPerMillion: usedMs / done * 1_000,
      cpuCores: usedMs / tookMs,
      othersCpuCores: othersMs / tookMs,
      totalEmitted,
      emittedByReader: emitted.byReader,
      ...answer,
      ...(mode === "none" ? {} : checkpointSpreads(completed)),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
