/**
 * How many records per second does keyed-count do in one process, beside a bare loop with the same work and no guarantees?
 *
 * The sides take turns in one run; each round's figure is divided by the bare loop's of the same round, since these ratios
 * hold on a noisy machine where absolute figures do not.
 */
import { start } from "../mod.ts";
import type { CheckpointMode } from "../mod.ts";
import { type CountResult, keyedCountJob, keyedCountLoop } from "./keyed_count.ts";
import { describeMachine, median } from "./machine.ts";

interface Side {
  readonly name: string;
  run(records: number, result: CountResult): Promise<number> | number;
}

const modes: readonly [string, CheckpointMode][] = [
  ["aligned, every 1 s", "aligned"],
  ["unaligned, every 1 s", "unaligned"],
  ["aligned 500 ms, then unaligned, every 1 s", { alignedTimeoutMs: 500 }],
  ["at-least-once, every 1 s", "at-least-once"],
];

const sides: readonly Side[] = [
  { name: "bare loop", run: (records, result) => (keyedCountLoop(records, result), 0) },
  { name: "no checkpoints", run: (records, result) => runJob(records, result, undefined) },
  ...modes.map(([name, mode]): Side => ({ name, run: (records, result) => runJob(records, result, mode) })),
];

/** Runs the job to its end; returns how many checkpoints it completed. */
async function runJob(records: number, result: CountResult, mode: CheckpointMode | undefined): Promise<number> {
  const run = await start(keyedCountJob(records, result), mode === undefined ? {} : { checkpoints: { mode, intervalMs: 1_000 } });
  await run.finished;
  let completed = 0;
  for await (const event of run.events) if (event.kind === "checkpoint-completed") completed++;
  return completed;
}

export async function throughput(options: { readonly records: number; readonly rounds: number }): Promise<void> {
  const { records, rounds } = options;
  console.log(
    `keyed-count, ${records.toLocaleString("en")} records a round, ${rounds} rounds after a warm-up; ${describeMachine()}`,
  );
  const rates = new Map<string, number[]>();
  const ratios = new Map<string, number[]>();
  const checkpoints = new Map<string, number>();
  for (let round = -1; round < rounds; round++) {
    let bare = NaN;
    let counted: number | undefined;
    for (const side of sides) {
      const result: CountResult = { records: 0, counted: 0 };
      const begin = performance.now();
      const completed = await side.run(records, result);
      const rate = records / (performance.now() - begin) / 1_000;
      counted ??= result.counted;
      if (result.records !== records || result.counted !== counted) {
        throw new Error(
          `${side.name} computed ${result.records} records, ${result.counted}; the bare loop ${records}, ${counted}`,
        );
      }
      if (side.name === "bare loop") bare = rate;
      if (round < 0) continue; // warm-up
      rates.set(side.name, [...rates.get(side.name) ?? [], rate]);
      ratios.set(side.name, [...ratios.get(side.name) ?? [], rate / bare]);
      checkpoints.set(side.name, (checkpoints.get(side.name) ?? 0) + completed);
    }
  }
  console.log("");
  console.log(
    `${"side".padEnd(44)}${"M records/s".padStart(12)}${"of the loop".padStart(13)}${"spread".padStart(14)}${
      "checkpoints".padStart(13)
    }`,
  );
  for (const { name } of sides) {
    const share = ratios.get(name) ?? [];
    const spread = `${percent(Math.min(...share))} - ${percent(Math.max(...share))}`;
    const row = [median(rates.get(name) ?? []).toFixed(2).padStart(12), percent(median(share)).padStart(13), spread.padStart(14)];
    console.log(`${name.padEnd(44)}${row.join("")}${String(checkpoints.get(name) ?? 0).padStart(13)}`);
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
