import type { Collector, Operator, OperatorFactory } from "../graph/operator.ts";
import { assertSynchronous } from "./synchronous.ts";

/**
 * One result for each record.
 * @throws {SluiceError} `NOT_A_FUNCTION`, `ASYNC_FUNCTION`
 */
export function mapOperator<In, Out>(fn: (value: In) => Out): OperatorFactory<In, Out> {
  assertSynchronous("map", fn);
  return (_, out) => new MapOperator(fn, out);
}

class MapOperator<In, Out> implements Operator<In> {
  private readonly fn: (value: In) => Out;
  private readonly out: Collector<Out>;

  constructor(fn: (value: In) => Out, out: Collector<Out>) {
    this.fn = fn;
    this.out = out;
  }

  process(value: In): void {
    const { fn } = this;
    this.out.collect(fn(value));
  }
}
