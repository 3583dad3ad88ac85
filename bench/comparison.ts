import { type Column, type Figures, number, type Report } from "./report.ts";
import { type Spread, spread } from "./spread.ts";
import { inTurn } from "./turns.ts";

/** A side of a comparison between engines: one run, in a process of its own. */
export interface Contestant {
  /** How tables name it. */
  readonly side: string;
  run(): Promise<Figures>;
}

/** What ours is to reach beside another side. */
export interface Target {
  readonly what: string;
  /** How many times as good ours was in one round. */
  readonly ratio: (own: Figures, theirs: Figures) => number;
  /** `Infinity`: only the figure of ours counts. */
  readonly atLeast: number;
  /** It is enough, too, that this figure of ours is not above `enough`. */
  readonly figure?: (own: Figures) => number;
  readonly enough?: number;
}

/** Another side, with what is to be reached beside it. */
export interface Opponent extends Contestant {
  readonly targets: readonly Target[];
}

/** One comparison: the same workload with the same options on every side. */
export interface Comparison {
  readonly title: string;
  readonly own: Contestant;
  readonly opponents: readonly Opponent[];
  readonly rounds: number;
  readonly columns: readonly Column[];
}

/**
 * Runs all sides in turn, every other round in reverse order, and says the ratios of each round: the median, the least and the
 * greatest, and whether the median reaches its target.
 *
 * @throws {Error} when a side fails, or comes to another answer than the workload has
 */
export async function compareEngines(report: Report, { title, own, opponents, rounds, columns }: Comparison): Promise<void> {
  const sides = [own, ...opponents];
  const width = Math.max(...sides.map(({ side }) => side.length));
  report.say(`\n${title}: ${rounds} rounds, sides in turn`);
  const running = sides.map(({ side, run }) => ({
    async run(round: number) {
      report.say(`  ${side.padEnd(width)} …`);
      return report.add({ ...await run(), side, comparison: title, round });
    },
  }));
  const figures = await inTurn(running, rounds);
  report.table([["side", (row) => String(row["side"])], ...columns], figures.flat());
  const [ours = [], ...others] = figures;
  const verdicts = opponents.flatMap(({ side, targets }, index) =>
    targets.map((target) => report.add(verdictOn(title, side, target, ours, others[index] ?? [])))
  );
  report.table(verdictColumns, verdicts);
}

/** Whether ours reaches a target, by the median of the ratios within rounds. */
export function verdictOn(
  comparison: string,
  side: string,
  target: Target,
  ours: readonly Figures[],
  theirs: readonly Figures[],
): Figures {
  const { what, atLeast, figure, enough } = target;
  const ratios = spread(ours.map((own, round) => target.ratio(own, theirs[round] as Figures)));
  const reached = figure === undefined ? undefined : spread(ours.map(figure)).p50;
  const met = ratios.p50 >= atLeast || (reached !== undefined && enough !== undefined && reached <= enough);
  return { workload: "target", engine: "", comparison, side, what, ratio: ratios, atLeast, enough, met };
}

const verdictColumns: readonly Column[] = [
  ["beside", (row) => String(row["side"])],
  ["figure", (row) => String(row["what"])],
  ["ours is … times as good", (row) => {
    const { p50, min, max } = row["ratio"] as Spread;
    return `${number(p50)} (${number(min)} - ${number(max)})`;
  }],
  ["target", (row) => targetText(Number(row["atLeast"]), row["enough"])],
  ["", (row) => row["met"] === true ? "met" : "MISSED"],
];

function targetText(atLeast: number, enough: unknown): string {
  const times = atLeast === Infinity ? [] : [number(atLeast, 1)];
  return [...times, ...(enough === undefined ? [] : [`${String(enough)} ms`])].join(", or ");
}

const ratioOf = (name: string) => (over: Figures, under: Figures) => Number(over[name]) / Number(under[name]);

/** More records a second, by the clock. */
export function bySpeed(atLeast: number): Target {
  return { what: "records/s", ratio: ratioOf("recordsPerSecond"), atLeast };
}

/** More records a second of processor time. */
export function byCpu(atLeast: number): Target {
  return { what: "records per CPU second", ratio: (own, theirs) => ratioOf("cpuSecondsPerMillion")(theirs, own), atLeast };
}

/** A shorter time; `enough` milliseconds of ours are good enough whatever theirs is. */
export function byTime(what: string, of: (figures: Figures) => number, atLeast: number, enough?: number): Target {
  const ratio = (own: Figures, theirs: Figures) => of(theirs) / of(own);
  return { what, ratio, atLeast, ...(enough === undefined ? {} : { figure: of, enough }) };
}
