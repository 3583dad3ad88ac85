import type { Key } from "../graph/key.ts";
import { type Aggregate, reduce } from "../operators/aggregate.ts";
import type { TumblingWindow } from "../operators/tumbling.ts";
import { windowOperator, type WindowResult } from "../operators/window.ts";
import type { GraphBuilder, OperatorOptions, Tap } from "./graph_builder.ts";
import { Stream, transform } from "./stream.ts";

/** The windows of a keyed stream. A window gives one result, when event time has passed its end. */
export class WindowedStream<K extends Key, T> {
  readonly #builder: GraphBuilder;
  readonly #taps: readonly Tap[];
  readonly #keyOf: (value: T) => K;
  readonly #window: TumblingWindow;

  constructor(builder: GraphBuilder, taps: readonly Tap[], keyOf: (value: T) => K, window: TumblingWindow) {
    this.#builder = builder;
    this.#taps = taps;
    this.#keyOf = keyOf;
    this.#window = window;
  }

  /**
   * One aggregate for each key and window. Late records, which come after their window has fired, are dropped and counted.
   *
   * @param uid names its state in checkpoints
   * @param toResult what comes of a window; by default `{ key, start, end, value }`
   */
  aggregate<Acc, Value, Out = WindowResult<K, Value>>(
    uid: string,
    aggregate: Aggregate<T, Acc, Value>,
    toResult?: (result: WindowResult<K, Value>) => Out,
    options: OperatorOptions = {},
  ): Stream<Out, true> {
    const definition = { window: this.#window, keyOf: this.#keyOf, aggregate };
    const create = windowOperator<T, K, Acc, Value, Out>(toResult === undefined ? definition : { ...definition, toResult });
    const from = this.#builder.add(uid, "window", transform(create, true), this.#taps, options);
    return new Stream<Out, true>(this.#builder, [{ from, partitioner: { kind: "forward" }, mode: undefined, timed: true }]);
  }

  /** The records of each window, two at a time made one. `fn` is pure. */
  reduce(uid: string, fn: (a: T, b: T) => T, options: OperatorOptions = {}): Stream<WindowResult<K, T>, true> {
    return this.aggregate(uid, reduce(fn), undefined, options);
  }
}
