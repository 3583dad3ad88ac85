import type { Collector, Operator, OperatorFactory } from "../graph/operator.ts";
import { assertSynchronous } from "./synchronous.ts";

/**
 * Lets through the records for which `keep` is true.
 * @throws {SluiceError} `NOT_A_FUNCTION`, `ASYNC_FUNCTION`
 */
export function filterOperator<T>(keep: (value: T) => boolean): OperatorFactory<T, T> {
  assertSynchronous("filter", keep);
  return (_, out) => new FilterOperator(keep, out);
}

class FilterOperator<T> implements Operator<T> {
  private readonly keep: (value: T) => boolean;
  private readonly out: Collector<T>;

  constructor(keep: (value: T) => boolean, out: Collector<T>) {
    this.keep = keep;
    this.out = out;
  }

  process(value: T): void {
    const { keep } = this;
    if (keep(value)) this.out.collect(value);
  }
}
