/**
 * Chance, as everything in Sluice sees it. A seeded source gives the same draws in every runtime.
 *
 * Draws are named by forking: two parts that draw from forks of different names never disturb each other's sequence.
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, bound); `bound` is a whole number of at least 1. */
  int(bound: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** A source of its own, whose draws depend on this source's seed and on `name` only, never on draws made so far. */
  fork(name: string): Random;
  /** 32 lower-case hexadecimal digits, for identifiers. */
  id(): string;
}
