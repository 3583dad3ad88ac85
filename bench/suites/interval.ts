/** What do checkpoints cost keyed-count, by mode and by interval, with a million keys in the state? */
import { freshRun } from "../fresh_run.ts";
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

export async function run(report: Report, effort: Effort): Promise<void> {
  const rounds = effort.quick ? 1 : 3;
  report.begin(
    `one job a mode, in a process of its own, checkpoints in files; it runs on while stretches with and without checkpoints ` +
      `take turns, ${rounds} rounds`,
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
  const order: number[] = [];
  for (let round = 0; round < rounds; round++) {
    order.push(...intervals.map((_, index) => (round % 2 === 0 ? index : intervals.length - 1 - index)));
  }
  const shortMs = effort.quick ? 1_000 : effort.seconds * 500;
  const stretches = order.map((index) => {
    const { intervalMs } = intervals[index] as (typeof intervals)[number];
    const lengthMs = intervalMs === 10_000 && !effort.quick ? 10_000 : shortMs;
    return { lengthMs, ...(intervalMs === Infinity ? {} : { intervalMs }) };
  });
  const warmRecords = Math.max(4 * keys, effort.quick ? 0 : 4_000_000);
  const measured = await freshRun("stretches", { mode, keys, warmRecords, stretches });
  /** One figure of an interval, by round. */
  const figures = (index: number, name: string) => (measured[name] as readonly number[]).filter((_, at) => order[at] === index);
  return intervals.map(({ every, intervalMs, least: bound }, index) => {
    const least = keys === 1_000_000 ? bound : undefined;
    const share = (name: string, of: (own: number, none: number) => number) => {
      const none = figures(0, name);
      return spread(figures(index, name).map((own, round) => of(own, none[round] as number)));
    };
    const shareOfNone = share("recordsPerSecond", (own, none) => own / none);
    return report.add({
      workload: "interval",
      mode,
      keys,
      every,
      intervalMs,
      recordsPerSecond: Math.round(spread(figures(index, "recordsPerSecond")).p50),
      cpuSecondsPerMillion: spread(figures(index, "cpuSecondsPerMillion")).p50,
      shareOfNone,
      shareOfNoneByCpu: share("cpuSecondsPerMillion", (own, none) => none / own),
      checkpoints: figures(index, "checkpoints").reduce((sum, count) => sum + count, 0),
      least,
      met: least === undefined ? undefined : shareOfNone.p50 >= least,
    });
  });
}
