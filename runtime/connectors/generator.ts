import type { Source } from "../graph/source.ts";
import { NumberedReader, numberedSplits } from "./numbered_reader.ts";
import { checkFunction, checkPositive, checkWhole } from "./option.ts";

/** What a generator can be told. */
export interface GenerateOptions<T> {
  /** Gives record `n`, and always the same for the same `n`: it is asked again after a recovery. */
  readonly make: (n: number) => T;
  /**
   * How many records there are; with it the source is bounded.
   * @default endless
   */
  readonly count?: number;
  /**
   * Into how many splits the numbers are dealt: split i of P gives i, i + P, i + 2P … Fixed by the first start: a job
   * restored from a snapshot goes on with the number of splits that it had.
   * @default the parallelism of the source at its first start
   */
  readonly splits?: number;
  /**
   * How many records go out in a second, all splits together. What a pause of over 100 ms held up is not made up for.
   * @default as fast as they are taken
   */
  readonly ratePerSecond?: number;
}

/**
 * A source that computes its records: record `n` is `make(n)`. Replays exactly, as far as `make` gives the same again.
 *
 * Within a split numbers come in order; a position is the next number.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`
 *
 * @example
 * ```ts
 * flow.from("ticks", generate({ count: 1_000, make: (n) => ({ n, user: `user-${n % 7}` }) }));
 * ```
 */
export function generate<T>(options: GenerateOptions<T>): Source<T, number> {
  const { make, count, splits, ratePerSecond } = Object(options) as GenerateOptions<T>;
  checkFunction("generate", "make", make);
  checkWhole("generate", "count", count, 0);
  checkWhole("generate", "splits", splits, 1);
  checkPositive("generate", "ratePerSecond", ratePerSecond);
  const numbered = { make, count: count ?? Infinity, ratePerSecond };
  return {
    kind: "generator",
    bounded: count !== undefined,
    splits: (context, known) => numberedSplits(context, splits ?? context.parallelism, known),
    open: (split, position, context) => new NumberedReader(numbered, split, position, context),
  };
}
