/** How many records per second does keyed-count do in one process, beside a bare loop with the same work and no guarantees? */
import { contender } from "../contender.ts";
import { freshRun } from "../fresh_run.ts";
import { type Answer, checkAnswer } from "../jobs/replay.ts";
import type { Looping } from "../looping.ts";
import { runKeyedCountPeers } from "../peer_runs.ts";
import { type Column, type Figures, number, percentSpread, type Report, spreadOf } from "../report.ts";
import { median, spread } from "../spread.ts";
import { modesByName, type Steady } from "../steady.ts";
import type { Effort } from "../suite.ts";
import { inTurn } from "../turns.ts";

/** For how long a process runs: both in seconds. */
interface Box {
  readonly warm: number;
  readonly seconds: number;
}

interface Side {
  readonly name: string;
  run(): Promise<Figures>;
}

export async function run(report: Report, effort: Effort): Promise<void> {
  if (effort.peers) {
    report.begin("keyed-count beside other engines, parallelism 2, each run in a process of its own");
    return await runKeyedCountPeers(report, effort);
  }
  const rounds = effort.quick ? 1 : 5;
  const box: Box = effort.quick ? { warm: 0.3, seconds: 0.3 } : { warm: 1.2, seconds: effort.seconds / rounds };
  report.begin(
    `keyed-count, each run in a process of its own: ${box.seconds} s after ${box.warm} s of warm-up, ${rounds} rounds; ` +
      "checkpoints every second, in files",
  );
  const rxjs = await contender("rxjs") === undefined ? [] : [loopSide("RxJS", "rxjs", box)];
  const modes = ["none", ...Object.keys(modesByName)];
  await compare(report, "beside a bare loop", rounds, [
    loopSide("bare loop", "bare", box),
    loopSide("loop with frames", "frames", box),
    ...rxjs,
    ...([1, 2] as const).flatMap((parallelism) => modes.map((mode) => jobSide({ mode, parallelism }, box))),
  ]);
  if (effort.quick) return;
  const often = ["aligned", "unaligned"].flatMap((mode) => [100, 20].map((intervalMs) => ({ mode, intervalMs })));
  await compare(report, "what checkpoints cost, by interval", rounds, [
    jobSide({ mode: "none" }, box),
    ...often.map((of) => jobSide(of, box)),
  ]);
  const sizes = [1, 8, 64, 256, 512].map((frameRecords) => ({ mode: "none", channels: { frameRecords, windowBytes: 65_536 } }));
  await compare(report, "by frame size, with windows of 64 KB", rounds, [
    jobSide({ mode: "none" }, box),
    ...sizes.map((of) => jobSide(of, box)),
  ]);
}

/** Shares are those of the first side. */
async function compare(report: Report, title: string, rounds: number, sides: readonly Side[]): Promise<void> {
  const measured = await inTurn(sides, rounds);
  const base = sides[0]?.name ?? "";
  const shares = (index: number, share: (side: Figures, base: Figures) => number) =>
    spread((measured[index] ?? []).map((figures, round) => share(figures, measured[0]?.[round] as Figures)));
  const of = (name: string) => (figures: Figures) => Number(figures[name]);
  const rows = sides.map(({ name }, index) => {
    const figures = measured[index] ?? [];
    const { mode = "", parallelism, intervalMs, frameRecords } = figures[0] as Figures;
    return report.add({
      workload: "keyed-count",
      name,
      mode,
      parallelism,
      intervalMs,
      frameRecords,
      rounds,
      recordsPerSecond: median(figures.map(of("recordsPerSecond"))),
      cpuSecondsPerMillion: median(figures.map(of("cpuSecondsPerMillion"))),
      base,
      shareOfBase: shares(index, (side, base) => Number(side["recordsPerSecond"]) / Number(base["recordsPerSecond"])),
      shareOfBaseByCpu: shares(
        index,
        (side, base) => Number(base["cpuSecondsPerMillion"]) / Number(side["cpuSecondsPerMillion"]),
      ),
      othersCpuCores: median(figures.map(of("othersCpuCores"))),
    });
  });
  report.table(columns(base), rows, title);
}

const columns = (base: string): readonly Column[] => [
  ["side", (row) => String(row["name"])],
  ["M records/s", (row) => number((row["recordsPerSecond"] as number) / 1e6)],
  ["CPU s per M", (row) => number(row["cpuSecondsPerMillion"], 3)],
  [`of the ${base}`, (row: Figures) => percentSpread(spreadOf(row, "shareOfBase"))],
  ["by CPU time", (row) => percentSpread(spreadOf(row, "shareOfBaseByCpu"))],
  ["others' CPUs", (row) => number(row["othersCpuCores"], 1)],
];

/** A job, what matters of it; parallelism 2 unless it says otherwise. */
type Job = Pick<Steady, "mode" | "parallelism" | "intervalMs" | "channels">;

function jobSide(job: Job, box: Box): Side {
  const { mode, parallelism = 2, intervalMs, channels } = job;
  const every = intervalMs === undefined ? "" : `, every ${intervalMs} ms`;
  const frames = channels?.frameRecords === undefined ? "" : `, frames of ${channels.frameRecords}`;
  const name = `parallelism ${parallelism}, ${mode === "none" ? "no checkpoints" : mode}${every}${frames}`;
  return {
    name,
    async run() {
      const figures = await freshRun("steady", { workload: "keyed-count", ...job, ...box });
      checkAnswer(name, "keyed-count", figures as unknown as Answer);
      return { ...figures, intervalMs, frameRecords: channels?.frameRecords };
    },
  };
}

function loopSide(name: string, loop: Looping["loop"], box: Box): Side {
  return { name, run: () => freshRun("looping", { loop, ...box }) };
}
