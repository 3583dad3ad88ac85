/** What a run must have come to, from what its sources emitted: computed again without any engine. */
import { finalize, keys } from "./event.ts";
import { endOf, timeOf } from "./window_sum.ts";

/** The sums over a run's results, as every engine reports them. */
export interface Answer {
  /** How many records each reader has emitted: reader i of P gives i, i + P, i + 2P … */
  readonly emittedByReader: readonly number[];
  readonly counted: number;
  readonly summed?: number;
  /** Of windows: the end of the latest one that fired. */
  readonly lastEnd?: number;
}

/** The sum over all results of keyed-count: 1 + 2 + … for each key. */
export function replayKeyedCount(emittedByReader: readonly number[]): number {
  const counts = new Float64Array(keys);
  forEachRecord(emittedByReader, (n) => counts[finalize(n) % keys]!++);
  return counts.reduce((sum, count) => sum + count * (count + 1) / 2, 0);
}

/** What is in the windows that end at `lastEnd` or before. */
export function replayWindows(emittedByReader: readonly number[], lastEnd: number): { counted: number; summed: number } {
  const sums = { counted: 0, summed: 0 };
  forEachRecord(emittedByReader, (n) => {
    if (endOf(timeOf(n)) > lastEnd) return;
    sums.counted++;
    sums.summed += (finalize(n) & 1_023) + 1;
  });
  return sums;
}

/** @throws {Error} when a run of `workload` has come to something else than a replay does */
export function checkAnswer(engine: string, workload: string, answer: Answer): void {
  const { emittedByReader, counted, summed, lastEnd = 0 } = answer;
  const expected = workload === "window"
    ? replayWindows(emittedByReader, lastEnd)
    : { counted: replayKeyedCount(emittedByReader), summed };
  if (emittedByReader.length === 0 || counted !== expected.counted || summed !== expected.summed) {
    throw new Error(
      `${engine} came to another answer in ${workload} than a replay, ${JSON.stringify(expected)}: ${JSON.stringify(answer)}`,
    );
  }
}

function forEachRecord(emittedByReader: readonly number[], visit: (n: number) => void): void {
  const readers = emittedByReader.length;
  for (const [reader, emitted] of emittedByReader.entries()) {
    for (let nth = 0, n = reader; nth < emitted; nth++, n += readers) visit(n);
  }
}
