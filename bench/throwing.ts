import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "../mod.ts";
import { checkpointSpreads, followCheckpoints } from "./checkpoint_figures.ts";
import { expectedChecksum, recoveryJob } from "./jobs/recovery.ts";
import type { Figures } from "./report.ts";
import { spread } from "./spread.ts";

/** A job whose map throws at records spread over the stream, each once. */
export interface Throwing {
  readonly keys: number;
  readonly records: number;
  readonly failures: number;
  /** Keeps its checkpoints in a folder, as the programs in `peers/` do. @default false: in memory */
  readonly files?: boolean;
}

/** From each throw to the first record that is processed after the restart; every key's total is compared with a replay. */
export async function runThrowing({ keys, records, failures, files = false }: Throwing): Promise<Figures> {
  const due = Array.from({ length: failures }, (_, i) => Math.floor(records / (failures + 1) * (i + 1)));
  const tookUs: number[] = [];
  let thrownAt: number | undefined;
  let attempts = 0;
  const totals = new Map<number, number>();
  const job = recoveryJob({
    keys,
    records,
    onRecord(n) {
      if (n < (due[0] ?? Infinity)) return;
      due.shift();
      thrownAt = performance.now();
      throw new Error(`on purpose, at record ${n}`);
    },
    onTotal({ key, count, sum }) {
      totals.set(key, count + sum);
      if (thrownAt === undefined || attempts <= tookUs.length) return;
      tookUs.push((performance.now() - thrownAt) * 1_000);
      thrownAt = undefined;
    },
  });
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  try {
    await using run = await start(job, {
      checkpoints: { mode: "unaligned", intervalMs: 500, ...(files ? { directory } : {}) },
      restart: { kind: "fixed-delay", maxRestarts: failures + 1, delayMs: 0 },
      log: () => {},
    });
    void (async () => {
      for await (const event of run.events) if (event.kind === "restarting") attempts++;
    })();
    const completed = followCheckpoints(run);
    await run.finished;
    let checksum = 0;
    for (const [key, total] of totals) checksum += (key + 1) * total;
    const exact = checksum === expectedChecksum(keys, records);
    if (!exact) throw new Error(`the totals of ${keys} keys are not those of a replay: checksum ${checksum}`);
    return {
      workload: "recovery",
      mode: "unaligned",
      failure: "throw",
      keys,
      records,
      failures: tookUs.length,
      exact,
      checksum,
      throwToFirstProcessedUs: spread(tookUs),
      throwToFirstProcessedEachUs: tookUs,
      stateBytes: checkpointSpreads(completed).stateBytes,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
