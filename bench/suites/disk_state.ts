/** How fast is keyed state larger than memory, and how much memory does it take? */
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forEach, generate, type Job, job, type JobEvent, type Run, start, type StartOptions, type, value } from "../../mod.ts";
import { cpuMs } from "../machine.ts";
import { type Column, type Figures, number, type Report } from "../report.ts";
import type { Effort } from "../suite.ts";

const valueBytes = 1_000;
const mebi = 1024 * 1024;

/** What the process has in memory without what the system keeps of files and can drop; 0 where it does not say. */
function ownBytes(): number {
  try {
    return Number(/RssAnon:\s*(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Counts records, and the most memory that was in use when one of them came. */
class Meter {
  records = 0;
  heap = 0;
  own = 0;
  #last = performance.now();
  #gap = 0;

  record(): void {
    const now = performance.now();
    if (now - this.#last > this.#gap) this.#gap = now - this.#last;
    this.#last = now;
    if (++this.records % 1_000 !== 0) return;
    this.heap = Math.max(this.heap, process.memoryUsage().heapUsed);
    if (this.records % 10_000 === 0) this.own = Math.max(this.own, ownBytes());
  }

  takeGap(): number {
    const gap = this.#gap;
    this.#gap = 0;
    return gap;
  }

  async until(records: number): Promise<void> {
    while (this.records < records) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Record by record, every key gets a value; then keys are gone through again in a scattered order. */
function filling(meter: Meter, keys: number): Job {
  const text = "v".repeat(valueBytes - 12);
  const keyOf = (n: number) => n < keys ? n : n * 7_919 % keys;
  return job("disk-state", (flow) =>
    flow.from("numbers", generate({ make: (n) => n, splits: 1 }))
      .keyBy("key", keyOf)
      .process("keep", {
        state: { kept: value(type<string>(), "") },
        emits: type<number>(),
        onRecord(n, ctx) {
          meter.record();
          const before = ctx.state.kept.get();
          if (n >= keys && before === "") throw new Error(`the state of key ${keyOf(n)} is lost`);
          ctx.state.kept.set(text + String(n).padStart(12, "0"));
        },
      })
      .to("sink", forEach(() => {})));
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    // Space that was never written takes none.
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).blocks * 512;
  }
  return bytes;
}

async function written(run: Run, id: number): Promise<number> {
  for await (const event of run.events) {
    if (event.kind === "checkpoint-aborted") throw new Error(JSON.stringify(event));
    if (event.kind !== "checkpoint-completed" || event.checkpoint !== id) continue;
    return (event as Extract<JobEvent, { kind: "checkpoint-completed" }>).figures.writtenBytes;
  }
  throw new Error(`checkpoint ${id} has not completed`);
}

/**
 * Rates are per processor second.
 *
 * One job: a source of numbers → keyBy → a value of 1,000 bytes for each key on the disk. The state is filled, then read and
 * changed in a scattered order, written as a whole checkpoint meanwhile, then as what has changed, and restored.
 */
export async function run(report: Report, effort: Effort): Promise<void> {
  const gigabytes = effort.gb ?? (effort.quick ? 0.05 : 0.5);
  const keys = Math.ceil(gigabytes * 1e9 / valueBytes);
  report.begin(`${gigabytes} GB of state: ${keys.toLocaleString("en")} keys of ${valueBytes} bytes`);
  const folder = await mkdtemp(join(tmpdir(), "sluice-disk-state-"));
  const rows: Figures[] = [];
  const row = (what: string, figure: number, unit: string): void => {
    rows.push(report.add({ workload: "disk-state", gigabytes, what, figure, unit }));
  };
  /** Processor seconds, which hold on a machine that others use, too. */
  const seconds = async (work: () => Promise<unknown>): Promise<number> => {
    const begun = cpuMs();
    await work();
    return (cpuMs() - begun) / 1_000;
  };
  const options: StartOptions = {
    state: { backend: "disk", directory: join(folder, "scratch") },
    checkpoints: { directory: join(folder, "checkpoints"), mode: "aligned", timeoutMs: 3_600_000, retain: 2 },
  };
  try {
    const meter = new Meter();
    const first = await start(filling(meter, keys), options);
    row("filled", keys / 1_000 / await seconds(() => meter.until(keys)), "k keys a CPU second");
    const some = Math.max(10_000, Math.floor(keys / 10));
    let records = meter.records;
    row("read and changed, scattered", some / 1_000 / await seconds(() => meter.until(records + some)), "k records a CPU second");
    row("scratch space", await bytesIn(join(folder, "scratch")) / 1e6, "MB");
    row("longest gap between two records so far", meter.takeGap(), "ms");
    records = meter.records;
    let bytes = 0;
    const took = await seconds(async () => bytes = await written(first, await first.checkpoint()));
    row("a whole checkpoint", bytes / 1e6, "MB");
    row("written beside records in", took, "CPU seconds");
    row("read and changed meanwhile", (meter.records - records) / 1_000 / took, "k records a CPU second");
    row("longest gap meanwhile", meter.takeGap(), "ms");
    row("scratch space after it", await bytesIn(join(folder, "scratch")) / 1e6, "MB");
    row("the next checkpoint: what has changed", await written(first, await first.checkpoint()) / 1e6, "MB");
    await first.cancel();

    const again = new Meter();
    let second: Run | undefined;
    const restored = await seconds(async () => second = await start(filling(again, keys), options));
    row("restored", keys / 1_000 / restored, "k keys a CPU second");
    records = again.records;
    await again.until(records + some);
    await second?.cancel();
    row("most memory: heap", Math.max(meter.heap, again.heap) / mebi, "MiB");
    row("most memory: all but what the system keeps of files", Math.max(meter.own, again.own) / mebi, "MiB");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const columns: readonly Column[] = [
    ["what", ({ what }) => String(what)],
    ["figure", ({ figure, unit }) => `${number(figure)} ${String(unit)}`],
  ];
  report.table(columns, rows);
}
