import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Run, start } from "../mod.ts";
import { eventsOf } from "./jobs/event.ts";
import { keyedCountJob, newCount } from "./jobs/keyed_count.ts";
import { cpuMs } from "./machine.ts";
import { pause } from "./pause.ts";
import type { Figures } from "./report.ts";
import { modesByName } from "./steady.ts";

/** For how long keyed-count runs on, and with a checkpoint how often: never, if it is not said. Both in milliseconds. */
export interface Stretch {
  readonly lengthMs: number;
  readonly intervalMs?: number;
}

/** An endless keyed-count, with checkpoints in files in some stretches of its life. */
export interface Stretches {
  readonly mode: string;
  readonly keys: number;
  /** Before the first one: until nearly every key is there, and the code is compiled. */
  readonly warmRecords: number;
  readonly stretches: readonly Stretch[];
}

/** Gives, for each stretch in turn, its records a second, CPU seconds per million records, and checkpoints. */
export async function runStretches({ mode, keys, warmRecords, stretches }: Stretches): Promise<Figures> {
  const result = newCount();
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  try {
    const job = keyedCountJob(Number.MAX_SAFE_INTEGER, result, eventsOf(keys));
    await using run = await start(job, { checkpoints: { mode: modesByName[mode]!, directory } });
    while (result.records < warmRecords) await pause(50);
    await run.checkpoint();
    const recordsPerSecond: number[] = [];
    const cpuSecondsPerMillion: number[] = [];
    const checkpoints: number[] = [];
    for (const of of stretches) {
      const [records, cpu, begin] = [result.records, cpuMs(), performance.now()];
      checkpoints.push(await pass(run, of, begin));
      const [done, usedMs, tookMs] = [result.records - records, cpuMs() - cpu, performance.now() - begin];
      recordsPerSecond.push(Math.round(done / tookMs * 1_000));
      cpuSecondsPerMillion.push(usedMs / done * 1_000);
    }
    return { workload: "interval", mode, keys, recordsPerSecond, cpuSecondsPerMillion, checkpoints };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Lets it pass; the first checkpoint comes after half an interval, so that each stretch has its share. Gives how many came. */
async function pass(run: Run, { lengthMs, intervalMs = Infinity }: Stretch, begin: number): Promise<number> {
  let latest: Promise<unknown> = Promise.resolve();
  for (let nth = 0;; nth++) {
    const dueMs = Math.min(lengthMs, (nth + 0.5) * intervalMs);
    await pause(begin + dueMs - performance.now());
    await latest; // one that takes longer than the interval holds up the next one, as the runtime's own interval does
    if (dueMs === lengthMs) return nth;
    latest = run.checkpoint();
  }
}
