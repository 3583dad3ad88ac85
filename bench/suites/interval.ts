/** What do checkpoints cost keyed-count, by mode and by interval, with a million keys in the state? */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Run, start } from "../../mod.ts";
import { eventsOf } from "../jobs/event.ts";
import { keyedCountJob, newCount } from "../jobs/keyed_count.ts";
import { cpuMs } from "../machine.ts";
import { pause } from "../pause.ts";
import { type Column, type Figures, number, percentSpread, type Report, spreadOf } from "../report.ts";
import { spread } from "../spread.ts";
import { modesByName } from "../steady.ts";
import type { Effort } from "../suite.ts";

/** How often checkpoints are taken, and what of the speed without any is to be left with a million keys. */
const intervals: readonly { readonly every: string; readonly intervalMs: number; readonly least?: number }[] = [
  { every: "never", intervalMs: Infinity },
  { every: "10 s", intervalMs: 10_000 },
  { every: "1 s", intervalMs: 1_000, least: 0.95 },
  { every: "100 ms", intervalMs: 100, least: 0.85 },
];

/** One stretch of a running job. */
interface Stretch {
  readonly recordsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  readonly checkpoints: number;
}

export async function run(report: Report, effort: Effort): Promise<void> {
  const rounds = effort.quick ? 1 : 2;
  report.begin(
    `one job a mode, checkpoints in files; it runs on while stretches with and without checkpoints take turns, ${rounds} rounds`,
  );
  const rows: Figures[] = [];
  for (const mode of Object.keys(modesByName)) {
    rows.push(...await measure(report, effort, mode, effort.quick ? 50_000 : 1_000_000, rounds));
  }
  for (const mode of effort.quick ? [] : ["unaligned", "aligned"]) {
    rows.push(...await measure(report, effort, mode, 1_000, rounds));
  }
  report.table(columns, rows);
}

const columns: readonly Column[] = [
  ["mode", (row) => String(row.mode)],
  ["keys", (row) => (row["keys"] as number).toLocaleString("en")],
  ["a checkpoint every", (row) => String(row["every"])],
  ["M records/s", (row) => number((row["recordsPerSecond"] as number) / 1e6)],
  ["of those without", (row) => percentSpread(spreadOf(row, "shareOfNone"))],
  ["by CPU time", (row) => percentSpread(spreadOf(row, "shareOfNoneByCpu"))],
  ["checkpoints", (row) => String(row["checkpoints"])],
  ["target", (row) => row["least"] === undefined ? "" : row["met"] === true ? "met" : "MISSED"],
];

async function measure(report: Report, effort: Effort, mode: string, keys: number, rounds: number): Promise<Figures[]> {
  const result = newCount();
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  try {
    const job = keyedCountJob(Number.MAX_SAFE_INTEGER, result, eventsOf(keys));
    await using run = await start(job, { checkpoints: { mode: modesByName[mode]!, directory } });
    // Until nearly every key is there, and the code is compiled.
    while (result.records < Math.max(4 * keys, effort.quick ? 0 : 4_000_000)) await pause(50);
    await run.checkpoint();
    const stretches = intervals.map((): Stretch[] => []);
    for (let round = 0; round < rounds; round++) {
      const order = intervals.map((_, index) => (round % 2 === 0 ? index : intervals.length - 1 - index));
      for (const index of order) {
        const { intervalMs } = intervals[index] as (typeof intervals)[number];
        const shortMs = effort.quick ? 1_000 : effort.seconds * 500;
        const lengthMs = intervalMs === 10_000 && !effort.quick ? 10_000 : shortMs;
        stretches[index]?.push(await stretch(run, result, intervalMs, lengthMs));
      }
    }
    const none = stretches[0] as readonly Stretch[];
    return stretches.map((of, index) => {
      const { every, intervalMs, least: bound } = intervals[index] as (typeof intervals)[number];
      const least = keys === 1_000_000 ? bound : undefined;
      const shareOfNone = spread(of.map((one, round) => one.recordsPerSecond / (none[round] as Stretch).recordsPerSecond));
      return report.add({
        workload: "interval",
        mode,
        keys,
        every,
        intervalMs,
        recordsPerSecond: Math.round(spread(of.map((one) => one.recordsPerSecond)).p50),
        cpuSecondsPerMillion: spread(of.map((one) => one.cpuSecondsPerMillion)).p50,
        shareOfNone,
        shareOfNoneByCpu: spread(
          of.map((one, round) => (none[round] as Stretch).cpuSecondsPerMillion / one.cpuSecondsPerMillion),
        ),
        checkpoints: of.reduce((sum, { checkpoints }) => sum + checkpoints, 0),
        least,
        met: least === undefined ? undefined : shareOfNone.mean >= least,
      });
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Runs on for so long; the first checkpoint comes after half an interval, so that each stretch has its share. */
async function stretch(run: Run, result: { readonly records: number }, intervalMs: number, lengthMs: number): Promise<Stretch> {
  let checkpoints = 0;
  let latest: Promise<unknown> = Promise.resolve();
  const [records, cpu, begin] = [result.records, cpuMs(), performance.now()];
  for (let nth = 0;; nth++) {
    const dueMs = Math.min(lengthMs, (nth + 0.5) * intervalMs);
    await pause(begin + dueMs - performance.now());
    if (dueMs === lengthMs) break;
    await latest; // one that takes longer than the interval holds up the next one, as the runtime's own interval does
    latest = run.checkpoint();
    checkpoints++;
  }
  await latest;
  const [done, usedMs, tookMs] = [result.records - records, cpuMs() - cpu, performance.now() - begin];
  return { recordsPerSecond: done / tookMs * 1_000, cpuSecondsPerMillion: usedMs / done * 1_000, checkpoints };
}
