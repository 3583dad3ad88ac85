import type { Key } from "../graph/key.ts";
import type { Aggregate } from "../operators/aggregate.ts";
import { type KeyedProcessDefinition, type NoState, processOperator } from "../operators/process.ts";
import type { TumblingWindow } from "../operators/tumbling.ts";
import { type KeyedDescriptors, schemaOf, type Shape, type Typed } from "../state/descriptor.ts";
import { runningAggregate, type RunningResult } from "../operators/running_aggregate.ts";
import type { GraphBuilder, OperatorOptions, Tap } from "./graph_builder.ts";
import { Stream, transform } from "./stream.ts";
import { WindowedStream } from "./windowed_stream.ts";

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
