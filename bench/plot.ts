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

/** What of a suite is drawn: bars of one figure, or points over another one. */
interface Chart {
  readonly title: string;
  readonly of: (row: Figures) => Readonly<Record<string, string | number>> | undefined;
  readonly mark: "bar" | "line";
  readonly x: { readonly field: string; readonly title: string };
  readonly y: { readonly field: string; readonly title: string; readonly scale: "linear" | "log" };
}

const charts: Readonly<Record<string, Chart>> = {
  alignment: {
    title: "Checkpoint duration under full backpressure",
    of: (row) =>
      row["slowUs"] === 1_000 && row["skew"] === 0
        ? { series: seriesOf(row), stages: row["stages"] as number, ms: spreadOf(row, "durationMs")?.p50 ?? NaN }
        : undefined,
    mark: "line",
    x: { field: "stages", title: "keyed stages" },
    y: { field: "ms", title: "median, ms", scale: "log" },
  },
  throughput: {
    title: "keyed-count, as a share of a bare loop",
    of: (row) =>
      row["base"] === "bare loop"
        ? { series: String(row["name"]), side: String(row["name"]), share: spreadOf(row, "shareOfBase")?.p50 ?? NaN }
        : undefined,
    mark: "bar",
    x: { field: "side", title: "" },
    y: { field: "share", title: "share of the bare loop's speed", scale: "linear" },
  },
};

function seriesOf(row: Figures): string {
  return row.engine === "sluice" ? String(row.mode) : `${row.engine} ${row.mode}`;
}

/** Draws what the suite has measured, light into `path` and dark next to it. @throws {Error} when there is nothing to draw */
export async function plot(report: Report, suite: string, path: string): Promise<void> {
  const chart = charts[suite];
  if (chart === undefined) throw new Error(`there is no plot of ${suite}; there are: ${Object.keys(charts).join(", ")}`);
  const values = report.figures.map((row) => chart.of(row)).filter((row) => row !== undefined);
  if (values.length === 0) throw new Error(`nothing of ${suite} was measured that is drawn`);
  const vega = await contender<{ toSvg(specification: unknown): Promise<string> }>("vega");
  if (vega === undefined) return;
  for (const [file, theme] of [[path, light], [path.replace(/(\.svg)?$/, "-dark.svg"), dark]] as const) {
    writeFileSync(file, await vega.toSvg(specification(chart, values, theme)));
    console.log(`drawn: ${file}`);
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
    mark: ordinal ? "bar" : { type: "line", point: true },
    encoding: {
      x: { field: x.field, title: x.title, type: "ordinal", sort: null, axis: { labelAngle: ordinal ? -35 : 0 } },
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
