import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "../mod.ts";
import { keyedCountJob, newCount } from "./jobs/keyed_count.ts";
import { residentMiB, thisRuntime } from "./machine.ts";
import { pause } from "./pause.ts";
import type { Figures } from "./report.ts";

/** keyed-count with unaligned checkpoints every second, into files, for so long. */
export interface Retained {
  readonly seconds: number;
  /** How often the heap is looked at. */
  readonly samples: number;
}

/** A full garbage collection, whatever the runtime calls it. */
function collector(): () => void {
  const { Bun } = globalThis as { readonly Bun?: { gc(full: boolean): void } };
  if (thisRuntime().name === "bun" && Bun !== undefined) return () => Bun.gc(true);
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

/** What of memory is still in use after a full collection, again and again while the job runs. */
export async function runRetained({ seconds, samples }: Retained): Promise<Figures> {
  const collect = collector();
  const result = newCount();
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  try {
    const job = keyedCountJob(Number.MAX_SAFE_INTEGER, result);
    await using _run = await start(job, { checkpoints: { mode: "unaligned", intervalMs: 1_000, directory } });
    await pause(Math.min(5_000, seconds * 100)); // what is compiled and filled once does not count
    const [atSeconds, heapMiB, rssMiB]: [number[], number[], number[]] = [[], [], []];
    const [begin, records] = [performance.now(), result.records];
    for (let nth = 0; nth <= samples; nth++) {
      await pause(begin + nth / samples * seconds * 1_000 - performance.now());
      collect();
      atSeconds.push((performance.now() - begin) / 1_000);
      heapMiB.push(process.memoryUsage().heapUsed / 2 ** 20);
      rssMiB.push(residentMiB());
    }
    // The first half fills what is kept up to a bound, such as the latest events, and compiles what runs once a second.
    const later = Math.floor(samples / 2);
    return {
      workload: "memory",
      mode: "unaligned",
      seconds,
      records: result.records - records,
      atSeconds,
      heapMiB,
      rssMiB,
      heapMiBPerMinute: slope(atSeconds.slice(later), heapMiB.slice(later)) * 60,
      rssMiBPerMinute: slope(atSeconds.slice(later), rssMiB.slice(later)) * 60,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The slope of the line with the least squares. */
function slope(xs: readonly number[], ys: readonly number[]): number {
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  const [x, y] = [mean(xs), mean(ys)];
  const over = xs.reduce((sum, at, nth) => sum + (at - x) * ((ys[nth] as number) - y), 0);
  return over / xs.reduce((sum, at) => sum + (at - x) ** 2, 0);
}
