/** Does the memory of a running job stay flat, over ten minutes with `--seconds 600`? */
import { freshRun } from "../fresh_run.ts";
import { type Column, type Figures, number, type Report } from "../report.ts";
import type { Effort } from "../suite.ts";

/** A slope of the second half that is less than this over a whole run is that of chance: a share of what is in use, and MiB. */
const [flatShare, flatMiB] = [0.05, 1];

export async function run(report: Report, effort: Effort): Promise<void> {
  const seconds = effort.quick ? 4 : effort.seconds;
  report.begin(
    `keyed-count with unaligned checkpoints every second into files, for ${seconds} s; the heap after full garbage collections`,
  );
  const figures = await freshRun("retained", { seconds, samples: effort.quick ? 4 : 20 });
  const [first = NaN] = list(figures, "heapMiB");
  const grownMiB = Number(figures["heapMiBPerMinute"]) * seconds / 60;
  const flat = grownMiB <= Math.max(flatMiB, first * flatShare);
  report.table(columns, [report.add({ ...figures, flat })]);
}

function list(figures: Figures, name: string): readonly number[] {
  return figures[name] as readonly number[];
}

const columns: readonly Column[] = [
  ["M records", (row) => number((row["records"] as number) / 1e6)],
  ["heap at first, MiB", (row) => number(list(row, "heapMiB")[0])],
  ["at the end", (row) => number(list(row, "heapMiB").at(-1))],
  ["most", (row) => number(Math.max(...list(row, "heapMiB")))],
  ["MiB a minute, second half", (row) => number(row["heapMiBPerMinute"], 3)],
  ["resident at first, MiB", (row) => number(list(row, "rssMiB")[0], 0)],
  ["at the end", (row) => number(list(row, "rssMiB").at(-1), 0)],
  ["flat", (row) => row["flat"] === true ? "yes" : "NO"],
];
