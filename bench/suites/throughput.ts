/** How many records per second does keyed-count do in one process, beside a bare loop with the same work and no guarantees? */
import { start } from "../../mod.ts";
import type { ChannelOptions } from "../../mod.ts";
import { alternate, type Measured, share, type Side } from "../alternate.ts";
import { contender } from "../contender.ts";
import { keyedCountFrames, keyedCountJob, keyedCountLoop, newCount } from "../jobs/keyed_count.ts";
import { type BenchEvent, makeEvent, mapEvent } from "../jobs/event.ts";
import { runKeyedCountPeers } from "../peer_runs.ts";
import { type Column, type Figures, number, percentSpread, type Report, spreadOf } from "../report.ts";
import { median } from "../spread.ts";
import { modesByName } from "../steady.ts";
import type { Effort } from "../suite.ts";

interface Case {
  readonly mode: string;
  /** @default 2 */
  readonly parallelism?: number;
  readonly intervalMs?: number;
  readonly channels?: ChannelOptions;
}

interface RxJs {
  keyedCount(work: {
    readonly records: number;
    readonly makeEvent: (n: number) => BenchEvent;
    readonly mapEvent: (event: BenchEvent) => BenchEvent;
    readonly onCount: (count: number) => void;
  }): void;
}

export async function run(report: Report, effort: Effort): Promise<void> {
  if (effort.peers) {
    report.begin("keyed-count beside other engines, parallelism 2, each run in a process of its own");
    return await runKeyedCountPeers(report, effort);
  }
  const rounds = effort.quick ? 2 : 5;
  const records = effort.quick ? 300_000 : await recordsFor(effort.seconds / rounds);
  report.begin(`keyed-count, ${records.toLocaleString("en")} records a round, ${rounds} rounds after a warm-up`);

  const loop: Side = { name: "bare loop", run: () => answerOf(keyedCountLoop, records) };
  const frames: Side = { name: "loop with frames", run: () => answerOf(keyedCountFrames, records) };
  const none = jobSide(records, "no checkpoints", { mode: "none" });
  const rxjs = await contender<RxJs>("rxjs");
  await compare(report, "beside a bare loop", rounds, records, [
    [loop, { mode: "bare-loop" }],
    [frames, { mode: "frames-loop" }],
    ...(rxjs === undefined ? [] : [[rxJsSide(rxjs, records), { mode: "rxjs" }] as const]),
    ...[1, 2].flatMap((parallelism) => [
      sideOf(records, { mode: "none", parallelism }),
      ...Object.keys(modesByName).map((mode) => sideOf(records, { mode, intervalMs: 1_000, parallelism })),
    ]),
  ]);
  if (effort.quick) return;
  const often = ["aligned", "unaligned"].flatMap((mode) => [100, 20].map((intervalMs) => ({ mode, intervalMs })));
  await compare(report, "what checkpoints cost, by interval", rounds, records, [
    [none, { mode: "none" }],
    ...often.map((of) => sideOf(records, of)),
  ]);
  const sizes = [1, 8, 64, 256, 512].map((frameRecords) => ({ mode: "none", channels: { frameRecords, windowBytes: 65_536 } }));
  await compare(report, "by frame size, with windows of 64 KB", rounds, records, [
    [none, { mode: "none" }],
    ...sizes.map((of) => sideOf(records, of)),
  ]);
}

async function compare(
  report: Report,
  title: string,
  rounds: number,
  records: number,
  cases: readonly (readonly [Side, Case])[],
): Promise<void> {
  const measured = await alternate(cases.map(([side]) => side), rounds);
  const base = measured[0] as Measured;
  const rows = measured.map((side, index) => {
    const { mode, intervalMs, channels, parallelism = 2 } = (cases[index] as (typeof cases)[number])[1];
    return report.add({
      workload: "keyed-count",
      name: side.name,
      mode,
      intervalMs,
      frameRecords: channels?.frameRecords,
      parallelism,
      records,
      rounds,
      recordsPerSecond: Math.round(records / median(side.wallMs) * 1_000),
      cpuSecondsPerMillion: median(side.cpuMs) / records * 1_000,
      base: base.name,
      shareOfBase: share(base, side, "wallMs"),
      shareOfBaseByCpu: share(base, side, "cpuMs"),
      othersCpuCores: side.othersCpuCores,
    });
  });
  report.table(columns(base.name), rows, title);
}

const columns = (base: string): readonly Column[] => [
  ["side", (row) => String(row["name"])],
  ["M records/s", (row) => number((row["recordsPerSecond"] as number) / 1e6)],
  ["CPU s per M", (row) => number(row["cpuSecondsPerMillion"])],
  [`of the ${base}`, (row: Figures) => percentSpread(spreadOf(row, "shareOfBase"))],
  ["by CPU time", (row) => percentSpread(spreadOf(row, "shareOfBaseByCpu"))],
  ["others' CPUs", (row) => number(row["othersCpuCores"], 1)],
];

function sideOf(records: number, of: Case): readonly [Side, Case] {
  const every = of.intervalMs === undefined ? "" : `, every ${of.intervalMs} ms`;
  const frames = of.channels?.frameRecords === undefined ? "" : `, frames of ${of.channels.frameRecords}`;
  const many = of.parallelism === undefined ? "" : `parallelism ${of.parallelism}, `;
  return [jobSide(records, `${many}${of.mode === "none" ? "no checkpoints" : of.mode}${every}${frames}`, of), of];
}

function jobSide(records: number, name: string, { mode, intervalMs, channels = {}, parallelism }: Case): Side {
  const checkpoints = mode === "none" || intervalMs === undefined
    ? {}
    : { checkpoints: { mode: modesByName[mode]!, intervalMs } };
  return {
    name,
    async run() {
      const result = newCount();
      const job = await start(keyedCountJob(records, result, makeEvent, parallelism), { ...checkpoints, channels });
      await job.finished;
      return result.records === records ? result.counted : NaN;
    },
  };
}

function rxJsSide(rxjs: RxJs, records: number): Side {
  return {
    name: "RxJS",
    run() {
      const result = newCount();
      const onCount = (count: number) => {
        result.records++;
        result.counted += count;
      };
      rxjs.keyedCount({ records, makeEvent, mapEvent, onCount });
      return result.counted;
    },
  };
}

function answerOf(loop: typeof keyedCountLoop, records: number): number {
  const result = newCount();
  loop(records, result);
  return result.counted;
}

/** How many records take a job that long. */
async function recordsFor(seconds: number): Promise<number> {
  const trial = 1_000_000;
  const side = jobSide(trial, "trial", { mode: "none" });
  await side.run();
  const begin = performance.now();
  await side.run();
  return Math.ceil(trial * seconds * 1_000 / (performance.now() - begin) / 100_000) * 100_000;
}
