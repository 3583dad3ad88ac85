/** How samples lie. The names are those of the programs in `peers/`. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly min: number;
  readonly mean: number;
}

/** Nearest-rank percentiles; everything is NaN without samples. */
export function spread(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
  const mean = sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length;
  return { p50: at(0.5), p95: at(0.95), max: at(1), min: at(0), mean };
}

export function median(samples: readonly number[]): number {
  return spread(samples).p50;
}
