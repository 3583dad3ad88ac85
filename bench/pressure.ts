import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bench } from "tinybench";
import { systemDisk } from "../actors/system_disk.ts";
import { start } from "../mod.ts";
import { checkpointSpreads, followCheckpoints } from "./checkpoint_figures.ts";
import { type Backpressure, backpressureJob } from "./jobs/backpressure.ts";
import { pause } from "./pause.ts";
import type { Figures } from "./report.ts";
import { modesByName } from "./steady.ts";
import { UnsyncedDisk } from "./unsynced_disk.ts";

/** Where the checkpoints of a run under pressure go. */
export type Keeping = "memory" | "file" | "file, no fsync";

/** Checkpoints one after another while every channel is full. */
export interface Pressure extends Backpressure {
  readonly mode: string;
  readonly keeping: Keeping;
  readonly checkpoints: number;
  /** Before the first trigger, in milliseconds. */
  readonly fillMs: number;
  /** From one trigger to the next, in milliseconds, unless the checkpoint takes longer. */
  readonly everyMs: number;
}

/** Fills the job up, takes the checkpoints, and gives their figures; those of each one, too. */
export async function runPressure(pressure: Pressure): Promise<Figures> {
  const { mode, keeping, checkpoints, fillMs, everyMs, stages, slowUs, skew, parallelism = 2, slowChannel = false } = pressure;
  const seen = { records: 0 };
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  try {
    await using run = await start(backpressureJob(pressure, seen), {
      checkpoints: { mode: modesByName[mode]!, ...(keeping === "memory" ? {} : { directory }) },
      ...(keeping === "file, no fsync" ? { disk: new UnsyncedDisk(systemDisk()) } : {}),
    });
    const completed = followCheckpoints(run);
    const triggeredAtMs: number[] = [];
    await pause(fillMs);
    const begin = performance.now();
    const bench = new Bench({ iterations: checkpoints, time: 0, warmup: false });
    const take = async () => void await run.checkpoint();
    bench.add(mode, take, {
      async beforeEach() {
        await pause(begin + triggeredAtMs.length * everyMs - performance.now());
        triggeredAtMs.push(performance.now() - begin);
      },
    });
    await bench.run();
    await pause(0);
    if (seen.records === 0) throw new Error("nothing was processed: the figures would mean nothing");
    return {
      workload: "backpressure",
      mode,
      parallelism,
      stages,
      slowUs,
      skew,
      slowChannel,
      keeping,
      everyMs,
      checkpoints: completed.length,
      ...checkpointSpreads(completed),
      triggeredAtMs,
      durationsMs: completed.map(({ endToEndMs }) => endToEndMs),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
