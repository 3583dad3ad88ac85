import { writeFileSync } from "node:fs";
import { contender } from "./contender.ts";
import { type Figures, type Report, spreadOf } from "./report.ts";

interface Theme {
  readonly background: string;
  readonly text: string;
  readonly grid: string;
  readonly range: readonly string[];
}

const light: Theme = {
  background: "white",
  text: "#1f2328",
  grid: "#d1d9e0",
  range: ["#0969da", "#8250df", "#bf3989", "#9a6700"],
};
const dark: Theme = {
  background: "#0d1117",
  text: "#e6edf3",
  grid: "#3d444d",
  range: ["#58a6ff", "#bc8cff", "#ff7bac", "#d29922"],
};

/** A picture of what a suite has measured: bars of one figure, lines over another one, or a dot for each sample. */
interface Chart {
  /** What the name of its file ends with. */
  readonly suffix?: string;
  readonly title: string;
  /** What is drawn of a case: none, one or many values. */
  readonly of: (row: Figures) => readonly Readonly<Record<string, string | number>>[];
  readonly mark: "bar" | "line" | "point";
  readonly x: { readonly field: string; readonly title: string };
  readonly y: { readonly field: string; readonly title: string; readonly scale: "linear" | "log" };
}

/** The cases of alignment that differ in mode and depth only. */
const plainPressure = (row: Figures) => row.workload === "backpressure" && row["slowUs"] === 1_000 && row["skew"] === 0;

const charts: Readonly<Record<string, readonly Chart[]>> = {
  alignment: [
    {
      title: "Checkpoint duration under full backpressure",
      of: (row) =>
        plainPressure(row) && row["everyMs"] === 0
          ? [{ series: seriesOf(row), stages: row["stages"] as number, ms: spreadOf(row, "durationMs")?.p50 ?? NaN }]
          : [],
      mark: "line",
      x: { field: "stages", title: "keyed stages" },
      y: { field: "ms", title: "median, ms", scale: "log" },
    },
    {
      suffix: "-over-time",
      title: "Each checkpoint under full backpressure, three keyed stages",
      of: (row) => plainPressure(row) && row["everyMs"] !== 0 ? eachCheckpoint(row) : [],
      mark: "point",
      x: { field: "seconds", title: "seconds since the first trigger" },
      y: { field: "ms", title: "duration, ms", scale: "log" },
    },
  ],
  interval: [{
    title: "keyed-count with a million keys, by checkpoint interval",
    of: (row) =>
      row["keys"] === 1_000_000
        ? [{ series: seriesOf(row), every: String(row["every"]), share: (spreadOf(row, "shareOfNone")?.p50 ?? NaN) * 100 }]
        : [],
    mark: "line",
    x: { field: "every", title: "a checkpoint every" },
    y: { field: "share", title: "% of the records/s without checkpoints", scale: "linear" },
  }],
  throughput: [{
    title: "keyed-count, as a share of a bare loop",
    of: (row) =>
      row["base"] === "bare loop"
        ? [{ series: String(row["name"]), side: String(row["name"]), share: (spreadOf(row, "shareOfBase")?.p50 ?? NaN) * 100 }]
        : [],
    mark: "bar",
    x: { field: "side", title: "" },
    y: { field: "share", title: "% of the bare loop's records/s", scale: "linear" },
  }],
};

function eachCheckpoint(row: Figures): readonly Readonly<Record<string, string | number>>[] {
  const [triggered, durations] = [row["triggeredAtMs"], row["durationsMs"]].map((list) => list as readonly number[]);
  return (triggered ?? []).map((at, nth) => ({ series: seriesOf(row), seconds: at / 1_000, ms: durations?.[nth] ?? NaN }));
}

function seriesOf(row: Figures): string {
  return row.engine === "sluice" ? String(row.mode) : `${row.engine} ${row.mode}`;
}

/** Draws what the suite has measured, light into `path` and dark next to it. @throws {Error} when there is nothing to draw */
export async function plot(report: Report, suite: string, path: string): Promise<void> {
  const drawn = charts[suite];
  if (drawn === undefined) throw new Error(`there is no plot of ${suite}; there are: ${Object.keys(charts).join(", ")}`);
  const stem = path.replace(/\.svg$/, "");
  const pictures = drawn.map((chart) => [chart, report.figures.flatMap((row) => chart.of(row))] as const)
    .filter(([, values]) => values.length > 0);
  if (pictures.length === 0) throw new Error(`nothing of ${suite} was measured that is drawn`);
  const vega = await contender<{ toSvg(specification: unknown): Promise<string> }>("vega");
  if (vega === undefined) return;
  for (const [chart, values] of pictures) {
    for (const [ending, theme] of [["", light], ["-dark", dark]] as const) {
      const file = `${stem}${chart.suffix ?? ""}${ending}.svg`;
      writeFileSync(file, await vega.toSvg(specification(chart, values, theme)));
      console.log(`drawn: ${file}`);
    }
  }
}

function specification(chart: Chart, values: readonly unknown[], theme: Theme): unknown {
  const { x, y, mark, title } = chart;
  const ordinal = mark === "bar";
  return {
    title,
    width: 520,
    height: 300,
    background: theme.background,
    data: { values },
    mark: ordinal ? "bar" : mark === "point" ? { type: "point", filled: true, size: 45 } : { type: "line", point: true },
    encoding: {
      x: mark === "point"
        ? { field: x.field, title: x.title, type: "quantitative" }
        : { field: x.field, title: x.title, type: "ordinal", sort: null, axis: { labelAngle: ordinal ? -35 : 0 } },
      y: { field: y.field, title: y.title, type: "quantitative", scale: { type: y.scale } },
      color: {
        field: "series",
        type: "nominal",
        title: "",
        sort: null,
        scale: { range: theme.range },
        ...(ordinal ? { legend: null } : {}),
      },
    },
    config: {
      title: { color: theme.text },
      axis: {
        labelColor: theme.text,
        titleColor: theme.text,
        gridColor: theme.grid,
        domainColor: theme.grid,
        tickColor: theme.grid,
      },
      legend: { labelColor: theme.text, titleColor: theme.text },
      view: { stroke: theme.grid },
    },
  };
}
