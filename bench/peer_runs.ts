/** Each suite's comparison with other engines: the same workload with the same options, and what is to be reached. */
import { byCpu, bySpeed, byTime, compareEngines, type Opponent, type Target } from "./comparison.ts";
import { freshRun } from "./fresh_run.ts";
import { type Answer, checkAnswer } from "./jobs/replay.ts";
import { runOverNats } from "./nats_cluster.ts";
import { type PeerName, type PeerOptions, runPeer } from "./peer.ts";
import type { Keeping } from "./pressure.ts";
import { type Column, type Figures, number, type Report, spreadOf } from "./report.ts";
import { type Form, runStarting } from "./starting.ts";
import type { Effort } from "./suite.ts";

type Workload = "keyed-count" | "window";

/** How a throughput workload runs on every side. */
interface Box {
  readonly workload: Workload;
  readonly mode: string;
  readonly warm: number;
  readonly seconds: number;
}

function checked(side: string, workload: Workload, figures: Figures): Figures {
  checkAnswer(side, workload, figures as unknown as Answer);
  return figures;
}

/** Ours, in a process of its own. */
function own(box: Box) {
  return { side: "sluice", run: async () => checked("sluice", box.workload, await freshRun("steady", box)) };
}

function opponent(
  side: string,
  peer: PeerName,
  { workload, ...box }: Box,
  more: PeerOptions,
  targets: readonly Target[],
): Opponent {
  return { side, targets, run: async () => checked(side, workload, await runPeer(peer, workload, { ...box, ...more })) };
}

function boxOf(workload: Workload, mode: string, effort: Effort): Box {
  return { workload, mode, warm: effort.quick ? 2 : 5, seconds: effort.quick ? 2 : effort.seconds };
}

/** keyed-count, checkpoints every second included, beside Flink as its users write it and beside its hand-tuned best. */
export async function runKeyedCountPeers(report: Report, effort: Effort): Promise<void> {
  for (const mode of effort.quick ? ["aligned"] : ["aligned", "unaligned"]) {
    const box = boxOf("keyed-count", mode, effort);
    await compareEngines(report, {
      title: `keyed-count, ${mode} checkpoints every second`,
      own: own(box),
      opponents: [
        opponent("Flink, POJO", "flink", box, { objectReuse: "true" }, [bySpeed(2.5), byCpu(5)]),
        opponent("Flink, own serializer", "flink", box, { objectReuse: "true", serializer: "custom" }, [bySpeed(1.3), byCpu(3)]),
      ],
      rounds: effort.quick ? 1 : 3,
      columns: throughputColumns,
    });
  }
}

/** Tumbling windows, checkpoints every second included. Jet has no unaligned checkpoints. */
export async function runWindowPeers(report: Report, effort: Effort): Promise<void> {
  for (const mode of effort.quick ? ["aligned"] : ["aligned", "unaligned"]) {
    const box = boxOf("window", mode, effort);
    const jet = opponent("Jet", "jet", { ...box, mode: "exactly-once" }, {}, [bySpeed(1), byCpu(2)]);
    await compareEngines(report, {
      title: `window, ${mode} checkpoints every second`,
      own: own(box),
      opponents: [
        opponent("Flink, POJO", "flink", box, { objectReuse: "true" }, [bySpeed(2), byCpu(5)]),
        ...(mode === "aligned" ? [jet] : []),
      ],
      rounds: effort.quick ? 1 : 3,
      columns: throughputColumns,
    });
  }
}

const throughputColumns: readonly Column[] = [
  ["M records/s", (row) => number((row["recordsPerSecond"] as number) / 1e6)],
  ["CPU s per M", (row) => number(row["cpuSecondsPerMillion"], 3)],
  ["CPUs", (row) => number(row["cpuCores"])],
  ["others' CPUs", (row) => number(row["othersCpuCores"])],
];

/** Beside which of Flink's options each mode is measured, and what is to be reached. */
const pressureModes: Readonly<
  Record<string, { readonly theirs: PeerOptions; readonly atLeast: number; readonly enough?: number }>
> = {
  unaligned: { theirs: { checkpoints: 20 }, atLeast: 5, enough: 5 },
  "aligned-timeout": { theirs: { checkpoints: 6 }, atLeast: Infinity, enough: 510 },
  aligned: { theirs: { checkpoints: 5, debloat: "true", fill: 10, limitSeconds: 40 }, atLeast: 2 },
};

/** Checkpoints under full backpressure; Flink keeps its own in files that it does not sync. Aligned: Flink debloats. */
export async function runBackpressurePeers(report: Report, effort: Effort): Promise<void> {
  for (const mode of effort.quick ? ["unaligned"] : Object.keys(pressureModes)) {
    const { theirs, atLeast, enough } = pressureModes[mode] as (typeof pressureModes)[string];
    for (const stages of effort.quick ? [1] : [1, 3, 5]) {
      const shape = { stages, slowUs: 1_000 };
      const checkpoints = Number(theirs["checkpoints"]);
      const keeping = (keeping: Keeping) => () =>
        freshRun("pressure", { ...shape, skew: 0, mode, keeping, checkpoints, fillMs: 2_000, everyMs: 250 });
      const times = (["p50", "p95"] as const).map((of) =>
        byTime(`checkpoint ${of}`, (figures) => spreadOf(figures, "durationMs")?.[of] ?? NaN, atLeast, enough)
      );
      await compareEngines(report, {
        title: `backpressure, ${mode}, ${stages} keyed stages`,
        own: { side: "sluice, no fsync", run: keeping("file, no fsync") },
        opponents: [
          { side: "sluice, fsync", targets: [], run: keeping("file") },
          {
            side: mode === "aligned" ? "Flink, debloating" : "Flink",
            targets: times,
            run: () => runPeer("flink", "backpressure", { ...shape, mode, work: "busy", objectReuse: "true", ...theirs }),
          },
        ],
        rounds: 1,
        columns: checkpointColumns,
      });
    }
  }
}

const checkpointColumns: readonly Column[] = [
  ["checkpoints", (row) => String(row["checkpoints"])],
  ...(["p50", "p95", "max"] as const).map((of): Column => [`${of} ms`, (row) => number(spreadOf(row, "durationMs")?.[of], 1)]),
  ["in flight bytes", (row) => number(spreadOf(row, "persistedInFlightBytes")?.p50, 0)],
];

/** From a throw to the first record after the restart; checkpoints are kept in files. */
export async function runRecoveryPeers(report: Report, effort: Effort): Promise<void> {
  const [records, failures] = [effort.quick ? 1_000_000 : 10_000_000, effort.quick ? 2 : 5];
  let checksum: unknown;
  const same = (figures: Figures): Figures => {
    if (figures["exact"] !== true || (checksum !== undefined && figures["checksum"] !== checksum)) {
      throw new Error(`not the totals of a replay, or not those of the other engine: ${JSON.stringify(figures)}`);
    }
    checksum = figures["checksum"];
    return figures;
  };
  await compareEngines(report, {
    title: "recovery, unaligned checkpoints every 500 ms, restart without delay",
    own: { side: "sluice", run: async () => same(await freshRun("throwing", { keys: 1_000, records, failures, files: true })) },
    opponents: [{
      side: "Flink, POJO",
      targets: [byTime("throw to first record", (row) => (spreadOf(row, "throwToFirstProcessedUs")?.p50 ?? NaN) / 1_000, 5)],
      run: async () => same(await runPeer("flink", "recovery", { records, failures, mode: "unaligned", objectReuse: "true" })),
    }],
    rounds: effort.quick ? 1 : 3,
    columns: [
      ["p50 ms", (row) => number((spreadOf(row, "throwToFirstProcessedUs")?.p50 ?? NaN) / 1_000, 1)],
      ["max ms", (row) => number((spreadOf(row, "throwToFirstProcessedUs")?.max ?? NaN) / 1_000, 1)],
      ["failures", (row) => String(row["failures"])],
      ["exact", (row) => String(row["exact"])],
    ],
  });
}

/** keyed-count on two workers over NATS, the server's processor time included, beside Flink's two task managers. */
export async function runNatsPeers(report: Report, effort: Effort): Promise<void> {
  for (const mode of effort.quick ? ["aligned"] : ["aligned", "unaligned"]) {
    const { workload, warm, seconds } = boxOf("keyed-count", mode, effort);
    await compareEngines(report, {
      title: `two workers over the network of one machine, ${mode} checkpoints every second`,
      own: { side: "sluice", run: async () => checked("sluice", workload, await runOverNats({ mode, warm, seconds })) },
      opponents: [
        opponent("Flink, POJO, 2 TMs", "flink", { workload, mode, warm, seconds }, { objectReuse: "true", tms: 2 }, [byCpu(1.5)]),
      ],
      rounds: effort.quick ? 1 : 3,
      columns: throughputColumns,
    });
  }
}

/** From the start of the process to the first record at the sink, and memory when the job has been over for three seconds. */
export async function runStartupPeers(report: Report, effort: Effort, form: Form): Promise<void> {
  const started = (figures: Figures) => Number(figures["processStartToFirstRecordMs"] ?? figures["jvmStartToFirstRecordMs"]);
  const idle = (figures: Figures) => Number(figures["idleRssMiB"]);
  const targets = [byTime("start to first record", started, 8), byTime("idle memory", idle, 3)];
  await compareEngines(report, {
    title: `start and idle memory, ours ${form}`,
    own: { side: "sluice", run: () => runStarting(form) },
    opponents: [
      { side: "Flink", targets, run: () => runPeer("flink", "startup", {}) },
      { side: "Flink, heap as it grows", targets: targets.slice(1), run: () => runPeer("flink", "startup", {}, "-Xmx4g") },
      { side: "Jet", targets: [], run: () => runPeer("jet", "startup", {}) },
    ],
    rounds: effort.quick ? 1 : 5,
    columns: [
      ["first record, ms", (row) => number(started(row), 0)],
      ["idle MiB", (row) => number(idle(row), 0)],
    ],
  });
}
