import type { Static, TSchema } from "@sinclair/typebox";
import type { Key } from "../graph/key.ts";
import type { LogicalRole } from "../graph/logical.ts";
import type { OperatorFactory } from "../graph/operator.ts";
import type { Sink } from "../graph/sink.ts";
import { filterOperator } from "../operators/filter.ts";
import { flatMapOperator } from "../operators/flat_map.ts";
import { mapOperator } from "../operators/map.ts";
import { type Aggregate, reduce } from "../operators/aggregate.ts";
import { type KeyedProcessDefinition, type NoState, type ProcessDefinition, processOperator } from "../operators/process.ts";
import { runningAggregate, type RunningResult } from "../operators/running_aggregate.ts";
import type { TumblingWindow } from "../operators/tumbling.ts";
import { type WatermarkOptions, watermarksOperator } from "../operators/watermarks.ts";
import { windowOperator, type WindowResult } from "../operators/window.ts";
import { type KeyedDescriptors, type OperatorDescriptors, schemaOf, type Shape, type Typed } from "../state/descriptor.ts";
import { byKey, type GraphBuilder, type OperatorOptions, type Tap } from "./graph_builder.ts";

/** The role of an operator made by a factory. */
function transform<In, Out>(create: OperatorFactory<In, Out>, head: boolean): LogicalRole {
  return { kind: "transform", create: create as unknown as OperatorFactory<never>, head };
}

/**
 * A stream of records. Every call gives a new stream; one stream may go to several operators.
 *
 * `Timed` says whether its records have an event time: only then can they be windowed.
 */
export class Stream<T, Timed extends boolean = boolean> {
  declare readonly timed: Timed;
  readonly #builder: GraphBuilder;
  readonly #taps: readonly Tap[];

  constructor(builder: GraphBuilder, taps: readonly Tap[]) {
    this.#builder = builder;
    this.#taps = taps;
  }

  /** One result for each record. `fn` is pure and synchronous. */
  map<Out>(fn: (value: T) => Out, options: OperatorOptions = {}): Stream<Out, Timed> {
    return this.#then("map", transform(mapOperator(fn), false), options);
  }

  /** Any number of results for each record. An iterable that is no array is pulled only as fast as what follows takes it. */
  flatMap<Out>(fn: (value: T) => Iterable<Out>, options: OperatorOptions = {}): Stream<Out, Timed> {
    return this.#then("flatMap", transform(flatMapOperator(fn), false), options);
  }

  /** The records for which `keep` is true; a type guard narrows the stream. */
  filter<Kept extends T>(keep: (value: T) => value is Kept, options?: OperatorOptions): Stream<Kept, Timed>;
  filter(keep: (value: T) => boolean, options?: OperatorOptions): Stream<T, Timed>;
  filter(keep: (value: T) => boolean, options: OperatorOptions = {}): Stream<T, Timed> {
    return this.#then("filter", transform(filterOperator(keep), false), options);
  }

  /**
   * Gives records their event time, in milliseconds since the Unix epoch, and says how far it has come: up to `outOfOrderMs`
   * behind the latest seen. Directly behind a source it is kept for each of its splits.
   */
  watermarks(timestampOf: (value: T) => number, options: WatermarkOptions & OperatorOptions = {}): Stream<T, true> {
    const role = transform(watermarksOperator(timestampOf, options), false);
    return this.#then<T, true>("watermarks", role, options, true);
  }

  /**
   * The same records, those of one key in one place. Per key they keep their order.
   *
   * @param name what the key is, such as `user`, for plans and messages
   * @param keyOf pure; a string, number, boolean, bigint, or a tuple of these
   */
  keyBy<const K extends Key>(name: string, keyOf: (value: T) => K): KeyedStream<K, T, Timed> {
    void name;
    return new KeyedStream(this.#builder, byKey(this.#taps, keyOf as (value: never) => Key), keyOf);
  }

  /** The records of this stream and of others, in no particular order between them. */
  union<Other>(...others: readonly Stream<Other, Timed>[]): Stream<T | Other, Timed> {
    return new Stream(this.#builder, [...this.#taps, ...others.flatMap((other) => other.#taps)]);
  }

  /** The same records, dealt out evenly over what follows. */
  rebalance(): Stream<T, Timed> {
    return new Stream(this.#builder, this.#taps.map((tap) => ({ ...tap, partitioner: { kind: "rebalance" } })));
  }

  /** How barriers go from here to what follows, whatever the job's mode: `aligned` edges never hold captured records. */
  checkpointMode(mode: "aligned" | "unaligned"): Stream<T, Timed> {
    return new Stream(this.#builder, this.#taps.map((tap) => ({ ...tap, mode })));
  }

  /** Says of what schema the records are: snapshots keep it with records under way. */
  as<S extends TSchema>(schema: T extends Static<S> ? S : never): Stream<T, Timed> {
    for (const tap of this.#taps) this.#builder.setSchema(tap.from, schema);
    return this;
  }

  /**
   * A process function: state of the subtask, several results or none, handlers that may be asynchronous.
   *
   * @param uid names its state in checkpoints
   */
  process<D extends OperatorDescriptors = NoState, E extends Shape = Shape>(
    uid: string,
    definition: ProcessDefinition<T, D, E>,
    options: OperatorOptions = {},
  ): Stream<Typed<E>, Timed> {
    const role = transform(processOperator(definition), true);
    const emits = schemaOf(definition.emits);
    return this.#then<Typed<E>, Timed>("process", role, { ...options, emits }, undefined, uid);
  }

  /** Ends the stream in a sink. */
  to(uid: string, sink: Sink<T>, options: OperatorOptions = {}): void {
    this.#builder.add(uid, "sink", { kind: "sink", sink: sink as unknown as Sink<never> }, this.#taps, options);
  }

  #then<Out, OutTimed extends boolean = Timed>(
    kind: string,
    role: LogicalRole,
    options: OperatorOptions & { readonly emits?: TSchema | undefined },
    timed: boolean = this.#taps.every((tap) => tap.timed),
    uid?: string,
  ): Stream<Out, OutTimed> {
    const from = this.#builder.add(uid, kind, role, this.#taps, options);
    return new Stream<Out, OutTimed>(this.#builder, [{ from, partitioner: { kind: "forward" }, mode: undefined, timed }]);
  }
}

/** A stream of which the records of one key are in one place, in order. */
export class KeyedStream<K extends Key, T, Timed extends boolean = boolean> {
  declare readonly timed: Timed;
  readonly #builder: GraphBuilder;
  readonly #taps: readonly Tap[];
  readonly #keyOf: (value: T) => K;

  constructor(builder: GraphBuilder, taps: readonly Tap[], keyOf: (value: T) => K) {
    this.#builder = builder;
    this.#taps = taps;
    this.#keyOf = keyOf;
  }

  /** How barriers go on this edge, whatever the job's mode: see {@link Stream.checkpointMode}. */
  checkpointMode(mode: "aligned" | "unaligned"): KeyedStream<K, T, Timed> {
    return new KeyedStream(this.#builder, this.#taps.map((tap) => ({ ...tap, mode })), this.#keyOf);
  }

  /**
   * A process function with state and timers of each key.
   *
   * @param uid names its state in checkpoints
   */
  process<D extends KeyedDescriptors = NoState, E extends Shape = Shape>(
    uid: string,
    definition: KeyedProcessDefinition<T, K, D, E>,
    options: OperatorOptions = {},
  ): Stream<Typed<E>, Timed> {
    const role = transform(processOperator(definition, { keyOf: this.#keyOf }), true);
    return this.#then(this.#builder.add(uid, "process", role, this.#taps, { ...options, emits: schemaOf(definition.emits) }));
  }

  /** A running aggregate: its result so far after each record. */
  aggregate<Acc, Result>(
    uid: string,
    aggregate: Aggregate<T, Acc, Result>,
    options: OperatorOptions = {},
  ): Stream<RunningResult<K, Result>, Timed> {
    const role = transform(runningAggregate(aggregate, this.#keyOf), true);
    return this.#then(this.#builder.add(uid, "aggregate", role, this.#taps, options));
  }

  /** Event-time windows: only on streams that have been given {@link Stream.watermarks}. */
  window(this: KeyedStream<K, T, true>, window: TumblingWindow): WindowedStream<K, T> {
    return new WindowedStream(this.#builder, this.#taps, this.#keyOf, window);
  }

  #then<Out>(from: string): Stream<Out, Timed> {
    const timed = this.#taps.every((tap) => tap.timed);
    return new Stream<Out, Timed>(this.#builder, [{ from, partitioner: { kind: "forward" }, mode: undefined, timed }]);
  }
}

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
