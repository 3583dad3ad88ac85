/** What do checkpoints of a large keyed state cost the records meanwhile, and how fast does the state come back? */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../actors/clock.ts";
import { forEach, generate, type Job, job, type JobEvent, type Run, start, type, value } from "../../mod.ts";
import { Collections } from "../collections.ts";
import { cpuMs } from "../machine.ts";
import { pause } from "../pause.ts";
import { type Column, type Figures, number, type Report } from "../report.ts";
import { median } from "../spread.ts";
import { StepClock } from "../step_clock.ts";
import type { Effort } from "../suite.ts";

const valueBytes = 100;

/** How long records go without a checkpoint, at least: about as long as one is written, so that as much garbage is collected. */
const plainMs = 3_000;

/** Shorter gaps are not looked at. */
const notedGapMs = 0.5;

interface Gaps {
  readonly longest: number;
  readonly own: number;
  /** The longest turn of the event loop without a record, less garbage collection: a step of the writer, if one writes. */
  readonly step: number;
}

/** What the records of the job see to. */
class Load {
  records = 0;
  /** The keys that records go to. */
  keys: number;
  readonly #collections: Collections;
  #last = performance.now();
  #gaps: { readonly from: number; readonly to: number }[] = [];
  readonly #steps = new StepClock(() => this.records);

  constructor(keys: number, collections: Collections) {
    this.keys = keys;
    this.#collections = collections;
  }

  get clock(): Clock {
    return this.#steps.clock;
  }

  record(): void {
    this.records++;
    const now = performance.now();
    if (now - this.#last > notedGapMs) this.#gaps.push({ from: this.#last, to: now });
    this.#last = now;
  }

  /** The longest times between two records since the last call: whole, and without the garbage collection in them. */
  async takeGaps(): Promise<Gaps> {
    await pause(0); // the event loop hears of collections late
    const gaps = this.#gaps;
    this.#gaps = [];
    const own = ({ from, to }: { readonly from: number; readonly to: number }) => to - from - this.#collections.within(from, to);
    const longest = Math.max(0, ...gaps.map(({ from, to }) => to - from));
    const step = this.#steps.take().reduce((most, one) => Math.max(most, own(one)), 0);
    const figures = { longest, own: Math.max(0, ...gaps.map(own)), step };
    this.#collections.reset();
    return figures;
  }

  async until(records: number): Promise<void> {
    while (this.records < records) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function stateJob(load: Load): Job {
  const text = "v".repeat(valueBytes - 10);
  return job("state", (flow) => {
    flow.from("numbers", generate({ make: (n) => n, splits: 1 }))
      .keyBy("key", (n) => n % load.keys)
      .process("keep", {
        state: { kept: value(type<string>(), "") },
        emits: type<number>(),
        onRecord(n, ctx) {
          load.record();
          ctx.state.kept.set(text + String(n).padStart(10, "0"));
          if (n % 1_000 === 0) ctx.emit(n);
        },
      })
      .to("sink", forEach(() => {}));
  });
}

type Completed = Extract<JobEvent, { readonly kind: "checkpoint-completed" }>;

/** The figures of a checkpoint that has completed. */
async function completed(run: Run, id: number): Promise<Completed> {
  for await (const event of run.events) if (event.kind === "checkpoint-completed" && event.checkpoint === id) return event;
  throw new Error(`checkpoint ${id} has not completed`);
}

interface Round {
  readonly plainGaps: Gaps;
  readonly gaps: Gaps;
  readonly share: number;
  readonly syncMs: number;
  readonly tookMs: number;
  readonly fullBytes: number;
  readonly deltaShare: number;
  readonly restoreRate: number;
  readonly waitedRate: number;
}

async function round(keys: number, directory: string, collections: Collections): Promise<Round> {
  const load = new Load(keys, collections);
  const run = await start(stateJob(load), {
    clock: load.clock,
    checkpoints: { directory, mode: "aligned", baseEvery: 10 },
  });
  await load.until(2 * keys);
  await load.takeGaps();
  const before = load.records;
  const begun = cpuMs();
  const plainUntil = performance.now() + plainMs;
  await load.until(before + keys);
  await pause(plainUntil - performance.now());
  const plainRate = (load.records - before) / (cpuMs() - begun);
  const plainGaps = await load.takeGaps();

  const records = load.records;
  const triggered = performance.now();
  const used = cpuMs();
  const full = (await completed(run, await run.checkpoint())).figures;
  const tookMs = performance.now() - triggered;
  const rate = (load.records - records) / (cpuMs() - used);
  const gaps = await load.takeGaps();

  // From now on only every hundredth key; what was touched before goes with the checkpoint between.
  load.keys = Math.max(1, Math.floor(keys / 100));
  await load.until(load.records + 100_000);
  await run.checkpoint();
  await load.until(load.records + 2 * load.keys);
  const delta = (await completed(run, await run.checkpoint())).figures;
  await run.stop();

  const again = new Load(load.keys, collections);
  const restoring = cpuMs();
  const waiting = performance.now();
  const restored = await start(stateJob(again), { checkpoints: { directory, mode: "aligned" } });
  let restoreMs = NaN;
  let waitedMs = NaN;
  for await (const event of restored.events) {
    if (event.kind !== "started") continue;
    restoreMs = cpuMs() - restoring;
    waitedMs = performance.now() - waiting;
    break;
  }
  await restored.cancel();
  return {
    plainGaps,
    gaps,
    share: rate / plainRate,
    syncMs: Math.max(...full.subtasks.map((subtask) => subtask.syncMs)),
    tookMs,
    fullBytes: full.writtenBytes,
    deltaShare: delta.writtenBytes / full.writtenBytes,
    restoreRate: keys / restoreMs * 1_000,
    waitedRate: keys / waitedMs * 1_000,
  };
}

/**
 * One job: a source of numbers → keyBy → a value of 100 bytes for each key → a sink, all in one process. Whatever holds up a
 * record shows as a gap between two; gaps without any checkpoint are measured beside, and gaps without the garbage collection
 * in them where the engine says what that took: what is left is the runtime's own. Rates are per processor second, which holds
 * on a machine that others use, too.
 */
export async function run(report: Report, effort: Effort): Promise<void> {
  const keys = effort.quick ? 100_000 : 1_000_000;
  const rounds = effort.quick ? 1 : 3;
  report.begin(`${keys.toLocaleString("en")} keys of ${valueBytes} bytes, ${rounds} rounds`);
  const collections = new Collections();
  const results: Round[] = [];
  for (let n = 0; n < rounds; n++) {
    const directory = await mkdtemp(join(tmpdir(), "sluice-state-"));
    try {
      results.push(await round(keys, directory, collections));
    } finally {
      await rm(directory, { recursive: true });
    }
  }
  collections.close();
  const row = (what: string, unit: string, of: (round: Round) => number): Figures => {
    const figures = results.map(of);
    const [median_, least, most] = [median(figures), Math.min(...figures), Math.max(...figures)];
    return report.add({ workload: "state", what, unit, median: median_, least, most });
  };
  const columns: readonly Column[] = [
    ["what", ({ what }) => String(what)],
    ["median", (figures) => `${number(figures["median"])} ${String(figures["unit"])}`],
    ["least - most", (figures) => `${number(figures["least"])} - ${number(figures["most"])}`],
  ];
  report.table(columns, [
    row("longest gap between two records, no checkpoint", "ms", (of) => of.plainGaps.longest),
    row("longest gap while a whole checkpoint is written", "ms", (of) => of.gaps.longest),
    ...(collections.known
      ? [
        row("the same without garbage collection, no checkpoint", "ms", (of) => of.plainGaps.own),
        row("the same without garbage collection, while it is written", "ms", (of) => of.gaps.own),
      ]
      : []),
    row("the synchronous part of it", "ms", (of) => of.syncMs),
    row("the longest step of the writer between records", "ms", (of) => of.gaps.step),
    row("records a processor second meanwhile, of those without", "%", (of) => of.share * 100),
    row("the whole checkpoint: time", "ms", (of) => of.tookMs),
    row("the whole checkpoint: written", "MB", (of) => of.fullBytes / 1e6),
    row("after 1 % of the keys was touched: written, of that", "%", (of) => of.deltaShare * 100),
    row("restored, a second", "M keys", (of) => of.waitedRate / 1e6),
    row("restored, a processor second", "M keys", (of) => of.restoreRate / 1e6),
  ]);
}
