import { SluiceError } from "../../actors/error.ts";

const asynchronous: ReadonlySet<string> = new Set(["[object AsyncFunction]", "[object AsyncGeneratorFunction]"]);

/**
 * Sees to it that what a stateless operator is given is a function, and one that answers at once.
 * @throws {SluiceError} `NOT_A_FUNCTION`, `ASYNC_FUNCTION`
 */
export function assertSynchronous(operator: string, fn: unknown): void {
  if (typeof fn !== "function") {
    const what = fn === null ? "null" : `a value of type ${typeof fn}`;
    throw new SluiceError("NOT_A_FUNCTION", `${operator} was given ${what}; give a function`);
  }
  if (asynchronous.has(Object.prototype.toString.call(fn))) {
    throw new SluiceError(
      "ASYNC_FUNCTION",
      `${operator} was given an async function, whose result is a promise; give a synchronous one, or use .process(), whose ` +
        `handlers may be async`,
    );
  }
}
