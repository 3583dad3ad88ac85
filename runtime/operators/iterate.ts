import type { OperatorFactory } from "../graph/operator.ts";

/** The head of a loop: where what comes in and what comes back meet. It passes on every record as it is. */
export function iterateOperator<T>(): OperatorFactory<T, T> {
  return (_, out) => ({
    process(value) {
      out.collect(value);
    },
  });
}
