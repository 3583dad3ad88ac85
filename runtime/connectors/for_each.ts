import type { Sink } from "../graph/sink.ts";
import { checkFunction } from "./option.ts";

/**
 * A sink that calls a function with every value: at least once, so after a recovery some again.
 *
 * When the function returns a promise, the next value waits for it, and so does the acknowledgement of a checkpoint. What it
 * throws, or rejects with, fails the task. Anything else that it returns is ignored.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE` for something that is no function
 */
export function forEach<T>(fn: (value: T) => void | Promise<void>): Sink<T> {
  checkFunction("forEach", "its argument", fn);
  return {
    kind: "forEach",
    delivery: "at-least-once",
    open: () => ({
      write: fn,
      close() {},
    }),
  };
}
