import { cpuMs, machineCpuMs } from "./machine.ts";
import { type Spread, spread } from "./spread.ts";
import { orderIn } from "./turns.ts";

/** One side of a comparison: does the same amount of work in every round, and says what it came to. */
export interface Side {
  readonly name: string;
  /** Gives a number that is the same for all sides that computed the same. */
  run(): Promise<number> | number;
}

/** What one side took, round by round. */
export interface Measured {
  readonly name: string;
  readonly answer: number | undefined;
  readonly wallMs: readonly number[];
  readonly cpuMs: readonly number[];
  /** Processors that the rest of the machine kept busy meanwhile; near 0 on a quiet machine. */
  readonly othersCpuCores: number;
}

/**
 * Lets sides take turns: `rounds` times, after a warm-up round that does not count, every other round in reverse order. So
 * what disturbs the machine disturbs all of them, and the ratio of two sides in one round holds where their times do not.
 *
 * @throws {Error} when two sides come to different answers
 */
export async function alternate(sides: readonly Side[], rounds: number): Promise<Measured[]> {
  const measured = sides.map(({ name }) => ({
    name,
    answer: undefined as number | undefined,
    wallMs: [] as number[],
    cpuMs: [] as number[],
    others: 0,
  }));
  for (let round = -1; round < rounds; round++) {
    for (const index of orderIn(round, sides.length)) {
      const side = sides[index] as Side;
      const into = measured[index] as (typeof measured)[number];
      const [wall, cpu, machine] = [performance.now(), cpuMs(), machineCpuMs()];
      const answer = await side.run();
      const [tookMs, usedMs] = [performance.now() - wall, cpuMs() - cpu];
      into.answer = answer;
      const other = measured.find((one) => one.answer !== undefined && one.answer !== answer);
      if (other !== undefined) {
        throw new Error(`${side.name} came to ${answer}, ${other.name} to ${other.answer}: they do not do the same`);
      }
      if (round < 0) continue;
      into.wallMs.push(tookMs);
      into.cpuMs.push(usedMs);
      if (machine !== undefined) into.others += Math.max(0, (machineCpuMs() ?? 0) - machine - usedMs) / tookMs / rounds;
    }
  }
  return measured.map(({ others, ...side }) => ({ ...side, othersCpuCores: others }));
}

/** How fast `side` was as a share of `base`, round by round: by the clock, or by processor time. */
export function share(base: Measured, side: Measured, by: "wallMs" | "cpuMs"): Spread {
  return spread(side[by].map((ms, round) => (base[by][round] as number) / ms));
}

/** The same by the best round of each: what is left when nothing else ran. */
export function bestShare(base: Measured, side: Measured): number {
  return Math.min(...base.cpuMs) / Math.min(...side.cpuMs);
}
