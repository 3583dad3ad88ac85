/** Has the hot path become much slower than it was, measured against a plain loop and between modes? */
import { start } from "../../mod.ts";
import type { CheckpointMode } from "../../mod.ts";
import { alternate, bestShare, type Measured, type Side } from "../alternate.ts";
import { keyedCountFrames, keyedCountJob, newCount } from "../jobs/keyed_count.ts";
import { makeEvent } from "../jobs/event.ts";
import { type Column, number, percent, type Report } from "../report.ts";
import type { Effort } from "../suite.ts";

/** The least share of its base's speed that a side must reach. */
export interface Bound {
  readonly name: string;
  readonly base: string;
  readonly least: number;
}

/** Well below what is measured on a quiet machine, so that a noisy one passes and a path that got twice as slow does not. */
export const bounds: readonly Bound[] = [
  { name: "no checkpoints", base: "loop with frames", least: 0.2 },
  { name: "parallelism 1", base: "loop with frames", least: 0.2 },
  { name: "aligned", base: "no checkpoints", least: 0.4 },
  { name: "unaligned", base: "no checkpoints", least: 0.4 },
];

/** The bounds that do not hold. */
export function broken(measured: readonly Measured[], of: readonly Bound[] = bounds): string[] {
  const find = (name: string) => {
    const side = measured.find((one) => one.name === name);
    if (side === undefined) throw new RangeError(`${name} was not measured`);
    return side;
  };
  return of.flatMap(({ name, base, least }) => {
    const reached = bestShare(find(base), find(name));
    return reached >= least ? [] : [`${name} reaches ${percent(reached)} of ${base}, at least ${percent(least)} is expected`];
  });
}

const records = 250_000;

export async function run(report: Report, effort: Effort): Promise<void> {
  const sides: Side[] = [
    { name: "loop with frames", run: loopAnswer },
    jobSide("no checkpoints", undefined),
    jobSide("parallelism 1", undefined, 1),
    jobSide("aligned", "aligned"),
    jobSide("unaligned", "unaligned"),
  ];
  report.begin("keyed-count by processor time, the best of several rounds; checkpoints every 50 ms");
  // A disturbed machine gets a second chance: what is really slower is so again.
  let measured = await alternate(sides, effort.quick ? 4 : 8);
  if (broken(measured).length > 0) measured = await alternate(sides, 12);
  const rows = bounds.map(({ name, base, least }) => {
    const [from, to] = [base, name].map((of) => measured.find((one) => one.name === of) as Measured) as [Measured, Measured];
    const nsPerRecord = Math.min(...to.cpuMs) / records * 1e6;
    return report.add({ workload: "guard", name, base, least, share: bestShare(from, to), nsPerRecord });
  });
  report.table(columns, rows);
  const wrong = broken(measured);
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
}

const columns: readonly Column[] = [
  ["side", (row) => String(row["name"])],
  ["reaches", (row) => percent(row["share"])],
  ["of", (row) => String(row["base"])],
  ["at least", (row) => percent(row["least"])],
  ["ns per record", (row) => number(row["nsPerRecord"], 0)],
];

function loopAnswer(): number {
  const result = newCount();
  keyedCountFrames(records, result);
  return result.counted;
}

function jobSide(name: string, mode: CheckpointMode | undefined, parallelism?: number): Side {
  return {
    name,
    async run() {
      const result = newCount();
      const job = await start(
        keyedCountJob(records, result, makeEvent, parallelism),
        mode === undefined ? {} : { checkpoints: { mode, intervalMs: 50 } },
      );
      await job.finished;
      return result.counted;
    },
  };
}
