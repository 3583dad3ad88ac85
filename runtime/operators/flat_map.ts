import { SluiceError } from "../../actors/error.ts";
import { onAnotherAccount } from "../graph/blameless.ts";
import type { Collector, Cursor, Operator, OperatorContext, OperatorFactory } from "../graph/operator.ts";
import { assertSynchronous } from "./synchronous.ts";

/**
 * Any number of results for each record, with its event time: an array, or whatever can be iterated.
 *
 * - **Credit:** results are taken only while there is credit, one at a time; a generator that never ends stops with its readers.
 *   The rest of an array or iterator is kept and taken later.
 * - **Snapshots:** what is left of the current record's results is taken before a snapshot, so nothing of it is state. An endless
 *   generator therefore ends in `OUTPUT_OVERDRAWN` at the next checkpoint.
 *
 * From its `process`: `SluiceError` `FLAT_MAP_RESULT` when the function gives nothing that can be iterated.
 *
 * @throws {SluiceError} `NOT_A_FUNCTION`, `ASYNC_FUNCTION`
 */
export function flatMapOperator<In, Out>(fn: (value: In) => Iterable<Out>): OperatorFactory<In, Out> {
  assertSynchronous("flatMap", fn);
  return (context, out) => new FlatMapOperator(fn, context, out);
}

class FlatMapOperator<In, Out> implements Operator<In> {
  private readonly fn: (value: In) => Iterable<Out>;
  private readonly context: OperatorContext;
  private readonly cursor: Cursor;
  private readonly out: Collector<Out>;
  /** What is left of the last record's results, and where that record stands. */
  private rest: Iterator<Out> | undefined = undefined;
  #timestamp = Number.NaN;
  #keyGroup = -1;

  constructor(fn: (value: In) => Iterable<Out>, context: OperatorContext, out: Collector<Out>) {
    this.fn = fn;
    this.context = context;
    this.cursor = context.cursor;
    this.out = out;
  }

  process(value: In): void {
    // An operator above may go on, at a snapshot, while this one still has something to give: first things first.
    if (this.rest !== undefined) this.#finishRest();
    const { fn } = this;
    const results = fn(value);
    if (Array.isArray(results)) this.#emitArray(results);
    else this.#emitIterable(results);
  }

  resume(untilDone: boolean): boolean {
    if (this.rest === undefined) return true;
    this.cursor.timestamp = this.#timestamp;
    this.cursor.keyGroup = this.#keyGroup;
    return this.#pull(this.rest, untilDone);
  }

  close(): void {
    const { rest } = this;
    this.rest = undefined;
    rest?.return?.();
  }

  #emitArray(results: readonly Out[]): void {
    const { context, cursor, out } = this;
    const { timestamp, keyGroup } = cursor;
    for (let at = 0; at < results.length; at++) {
      cursor.timestamp = timestamp; // what follows may have set its own
      cursor.keyGroup = keyGroup;
      out.collect(results[at] as Out);
      if (context.halted && at + 1 < results.length) return this.#hold(results.slice(at + 1).values(), timestamp, keyGroup);
    }
  }

  #emitIterable(results: Iterable<Out>): void {
    const iterator = (results as Iterable<Out> | undefined | null)?.[Symbol.iterator]?.();
    if (iterator === undefined) throw this.#notIterable(results);
    this.#pull(iterator, false);
  }

  /** Takes results until there are no more, or no credit. True when there are no more. */
  #pull(iterator: Iterator<Out>, untilDone: boolean): boolean {
    const { context, cursor, out } = this;
    const { timestamp, keyGroup } = cursor;
    this.rest = undefined;
    while (untilDone || !context.halted) {
      const next = iterator.next();
      if (next.done === true) return true;
      cursor.timestamp = timestamp;
      cursor.keyGroup = keyGroup;
      out.collect(next.value);
    }
    this.#hold(iterator, timestamp, keyGroup);
    return false;
  }

  #finishRest(): void {
    const { timestamp, keyGroup } = this.cursor;
    try {
      this.resume(true);
    } catch (error) {
      throw onAnotherAccount(error);
    }
    this.cursor.timestamp = timestamp;
    this.cursor.keyGroup = keyGroup;
  }

  #hold(rest: Iterator<Out>, timestamp: number, keyGroup: number): void {
    this.rest = rest;
    this.#timestamp = timestamp;
    this.#keyGroup = keyGroup;
  }

  #notIterable(results: unknown): SluiceError {
    const plain = results === null ? "null" : `a value of type ${typeof results}`;
    const what = typeof results === "object" && results !== null ? "an object that cannot be iterated" : plain;
    return new SluiceError(
      "FLAT_MAP_RESULT",
      `the function of flatMap ${this.context.uid} gave ${what}; it must give an array or another ` +
        `iterable, such as [] for no results`,
    );
  }
}
