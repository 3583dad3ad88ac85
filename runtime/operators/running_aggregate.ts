import type { Key } from "../graph/key.ts";
import type { OperatorFactory } from "../graph/operator.ts";
import { type, value } from "../state/descriptor.ts";
import type { Aggregate } from "./aggregate.ts";
import { processOperator } from "./process.ts";

/** What an aggregate of a key has come to. */
export interface RunningResult<K extends Key, Result> {
  readonly key: K;
  readonly value: Result;
}

/** An aggregate of all records of a key so far, whose result is given after each of them. */
export function runningAggregate<In, K extends Key, Acc, Result>(
  aggregate: Aggregate<In, Acc, Result>,
  keyOf: (value: In) => K,
): OperatorFactory<In, RunningResult<K, Result>> {
  // What one call hands to the step: accumulators change in place by `mutate` only, and a closure per record costs.
  let record: In;
  let after: Acc;
  const step = (accumulator: Acc | undefined): void => {
    after = aggregate.add(accumulator as Acc, record);
  };
  return processOperator(
    {
      state: { accumulator: value(type<Acc | undefined>(), undefined) },
      emits: type<RunningResult<K, Result>>(),
      onRecord(value, ctx) {
        const { accumulator } = ctx.state;
        const before = accumulator.get() as Acc | undefined;
        if (typeof before === "object" && before !== null) {
          record = value;
          accumulator.mutate(step);
          if (after !== before) accumulator.set(after as never);
        } else {
          after = aggregate.add(before === undefined ? aggregate.create() : before, value);
          accumulator.set(after as never);
        }
        ctx.emit({ key: ctx.key, value: aggregate.result(after) });
      },
    },
    { keyOf },
  );
}
