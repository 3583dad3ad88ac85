import type { Key } from "../graph/key.ts";
import { type Aggregate, reduce } from "../operators/aggregate.ts";
import type { TumblingWindow } from "../operators/tumbling.ts";
import { windowOperator, type WindowResult } from "../operators/window.ts";
import type { TypeToken } from "../state/descriptor.ts";
import { type GraphBuilder, transform } from "./graph_builder.ts";
import type { KeyedOrigin } from "./keyed_stream.ts";
import type { OperatorOptions } from "./operator_options.ts";
import type { Stream } from "./stream.ts";

/** Records that came after their window had fired. */
export type LateSide<T> = { readonly late: TypeToken<T> };

/** An aggregate of records of type `In`: one of anything more general will do, one of anything more special is refused. */
export type AggregateOf<In, Acc, Out> = Aggregate<In, Acc, Out> & { readonly add: (accumulator: Acc, value: In) => Acc };

/**
 * The records of each key, in windows of event time. Made by `keyedStream.window`.
 *
 * - **Firing:** a window gives one result for each key when event time has passed its end, or all input has ended; never twice.
 * - **Late:** a record whose window has fired is counted as `lateRecords` and goes to the side output `late`:
 *   `.aggregate(…).side("late")`.
 */
export class WindowedStream<K extends Key, T> {
  readonly #origin: KeyedOrigin<K, T>;
  readonly #window: TumblingWindow;

  /** Windowed streams are made by `keyedStream.window`. */
  constructor(origin: KeyedOrigin<K, T>, window: TumblingWindow) {
    if (window?.kind !== "tumbling") throw origin.builder.mistake("window() takes a window, such as tumbling(minutes(1))");
    this.#origin = origin;
    this.#window = window;
  }

  /**
   * One aggregate for each key and window, computed record by record: what is kept is the accumulator, not the records.
   *
   * @param uid the name under which its state is kept: unique in the job, and never changed
   * @param toResult what is emitted for `{ key, start, end, value }` @default that itself
   *
   * @example
   * ```ts ignore
   * windows.aggregate("per-airport", combine({ flights: count(), worst: max((flight: Flight) => flight.delay) }),
   *   ({ key, start, value }) => ({ airport: key, day: new Date(start), ...value }))
   * ```
   * @throws {SluiceError} `DUPLICATE_UID`, `JOB_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  aggregate<Acc, Value, Out = WindowResult<K, Value>>(
    uid: string,
    aggregate: AggregateOf<T, Acc, Value>,
    toResult?: (result: WindowResult<K, Value>) => Out,
    options: OperatorOptions = {},
  ): Stream<Out, true, LateSide<T>> {
    const { builder, taps, keyOf, streamOf } = this.#origin;
    assertAggregate(builder, uid, aggregate);
    if (toResult !== undefined && typeof toResult !== "function") {
      throw builder.mistake(`aggregate(${JSON.stringify(uid)}, …): the third argument makes a result of a window: a function`);
    }
    const definition = { window: this.#window, keyOf, aggregate };
    const create = windowOperator<T, K, Acc, Value, Out>(toResult === undefined ? definition : { ...definition, toResult });
    return streamOf<Out, true, LateSide<T>>(builder.add(uid, "window", transform(create, true), taps, options), true);
  }

  /**
   * The records of each key and window, two at a time made one, in the order of their arrival.
   *
   * @param uid the name under which its state is kept: unique in the job, and never changed
   * @param fn gives one value for two; pure, and must not change them
   *
   * @example
   * ```ts ignore
   * windows.reduce("latest", (a, b) => b.at >= a.at ? b : a)
   * ```
   * @throws {SluiceError} `DUPLICATE_UID`, `JOB_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  reduce(uid: string, fn: (a: T, b: T) => T, options: OperatorOptions = {}): Stream<WindowResult<K, T>, true, LateSide<T>> {
    if (typeof fn !== "function") {
      throw this.#origin.builder.mistake(`reduce(${JSON.stringify(uid)}, …) was not given a function; give one`);
    }
    return this.aggregate<T[], T>(uid, reduce(fn), undefined, options);
  }
}

/** @throws {SluiceError} `JOB_DEFINITION` unless it is an aggregate */
export function assertAggregate(builder: GraphBuilder, uid: string, aggregate: unknown): void {
  const { create, add, result } = Object(aggregate) as Record<string, unknown>;
  if (typeof create === "function" && typeof add === "function" && typeof result === "function") return;
  throw builder.mistake(`aggregate(${JSON.stringify(uid)}, …) was not given an aggregate; give one, such as count()`);
}
