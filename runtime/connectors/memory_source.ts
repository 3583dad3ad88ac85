import { SluiceError } from "../../actors/error.ts";
import type { Source } from "../graph/source.ts";
import { NumberedReader, numberedSplits } from "./numbered_reader.ts";
import { checkWhole } from "./option.ts";

/** What a memory source can be told. */
export interface MemorySourceOptions {
  /**
   * Into how many splits the values are dealt: split i of P gives values i, i + P, i + 2P … Fixed by the first start.
   * @default the parallelism of the source at its first start
   */
  readonly splits?: number;
}

/**
 * A bounded source of values that are at hand. The list is copied; a position is the index of the next value.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`
 */
export function memorySource<T>(values: Iterable<T>, options: MemorySourceOptions = {}): Source<T, number> {
  checkWhole("memorySource", "splits", options.splits, 1);
  if (typeof Object(values)[Symbol.iterator] !== "function") {
    throw new SluiceError(
      "OPTION_OUT_OF_RANGE",
      `memorySource: the values must be an array or another iterable, not ${String(values)}`,
    );
  }
  const copy = [...values];
  const numbered = { make: (index: number) => copy[index] as T, count: copy.length, ratePerSecond: undefined };
  return {
    kind: "memory",
    bounded: true,
    splits: (context, known) => numberedSplits(context, options.splits ?? context.parallelism, known),
    open: (split, position, context) => new NumberedReader(numbered, split, position, context),
  };
}
