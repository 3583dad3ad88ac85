import { contender } from "./contender.ts";
import { type BenchEvent, makeEvent, mapEvent } from "./jobs/event.ts";
import { type CountResult, keyedCountFrames, keyedCountLoop, newCount } from "./jobs/keyed_count.ts";
import { checkAnswer } from "./jobs/replay.ts";
import { cpuMs, machineCpuMs } from "./machine.ts";
import type { Figures } from "./report.ts";

/** keyed-count without any engine, or with RxJS, for as long as it is told. */
export interface Looping {
  readonly loop: keyof typeof loops;
  /** Both in seconds. */
  readonly warm: number;
  readonly seconds: number;
}

interface RxJs {
  keyedCount(work: {
    readonly records: number;
    readonly makeEvent: (n: number) => BenchEvent;
    readonly mapEvent: (event: BenchEvent) => BenchEvent;
    readonly onCount: (count: number) => void;
  }): void;
}

type Loop = (records: number, result: CountResult) => void;

/** What makes each ready to run: only the one that is asked for. */
const loops = {
  bare: (): Loop => keyedCountLoop,
  frames: (): Loop => keyedCountFrames,
  rxjs: async (): Promise<Loop> => {
    const rxjs = await contender<RxJs>("rxjs");
    if (rxjs === undefined) throw new Error("RxJS cannot be had");
    return (records, result) => {
      const onCount = (count: number) => {
        result.records++;
        result.counted += count;
      };
      rxjs.keyedCount({ records, makeEvent, mapEvent, onCount });
    };
  },
};

/** So many records from the first one on, then again: a loop looks at no clock. */
const roundRecords = 1_000_000;

/** Warms up, then goes round until the time is over. @throws {Error} when a round comes to another answer than a replay */
export async function runLooping({ loop, warm, seconds }: Looping): Promise<Figures> {
  const run = await loops[loop]();
  const goRound = () => {
    const result = newCount();
    run(roundRecords, result);
    return result;
  };
  checkAnswer(loop, "keyed-count", { emittedByReader: [roundRecords], counted: goRound().counted });
  const warmUntil = performance.now() + warm * 1_000;
  while (performance.now() < warmUntil) goRound();
  const [cpu, machine, begin] = [cpuMs(), machineCpuMs(), performance.now()];
  const results: CountResult[] = [];
  while (performance.now() < begin + seconds * 1_000) results.push(goRound());
  const [usedMs, tookMs] = [cpuMs() - cpu, performance.now() - begin];
  const othersMs = machine === undefined ? NaN : (machineCpuMs() ?? NaN) - machine - usedMs;
  for (const { counted } of results) {
    if (counted !== results[0]?.counted) {
      throw new Error(`${loop} came to ${counted} in one round, ${results[0]?.counted} in another`);
    }
  }
  const records = results.length * roundRecords;
  return {
    workload: "keyed-count",
    mode: `${loop}-loop`,
    parallelism: 1,
    records,
    seconds: tookMs / 1_000,
    recordsPerSecond: Math.round(records / tookMs * 1_000),
    cpuSecondsPerMillion: usedMs / records * 1_000,
    cpuCores: usedMs / tookMs,
    othersCpuCores: othersMs / tookMs,
    counted: results[0]?.counted ?? NaN,
  };
}
