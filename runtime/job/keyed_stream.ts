import type { Key } from "../graph/key.ts";
import { type KeyedProcessDefinition, type NoState, processOperator } from "../operators/process.ts";
import type { NoSides, Sides } from "../operators/process_context.ts";
import { runningAggregate, type RunningResult } from "../operators/running_aggregate.ts";
import type { TumblingWindow } from "../operators/tumbling.ts";
import { type KeyedDescriptors, schemaOf, type Shape, type Typed } from "../state/descriptor.ts";
import { KeyedConnectedStream } from "./connected_stream.ts";
import { type GraphBuilder, transform } from "./graph_builder.ts";
import type { OperatorOptions, ProcessOperatorOptions } from "./operator_options.ts";
import type { BroadcastStream, Stream } from "./stream.ts";
import { areTimed, inMode, type Tap } from "./tap.ts";
import { type AggregateOf, assertAggregate, WindowedStream } from "./windowed_stream.ts";

/** Where a keyed stream comes from, and how the streams of its results are made. */
export interface KeyedOrigin<K extends Key, T> {
  readonly builder: GraphBuilder;
  readonly taps: readonly Tap[];
  /** A method, so that a stream of something special passes for one of something general. */
  keyOf(value: T): K;
  /** The stream of an operator's results. */
  readonly streamOf: <U, B extends boolean, S extends Sides = NoSides>(operator: string, timed: boolean) => Stream<U, B, S>;
  /** By which ways another stream comes. */
  readonly tapsOf: (other: Stream<never>) => readonly Tap[];
}

/**
 * A stream whose records are grouped by key: what follows has state and timers by key. Made by `stream.keyBy`.
 *
 * - **Place:** all records of a key go to the same subtask.
 * - **Order:** there they come in the order in which each sender sent them.
 */
export class KeyedStream<K extends Key, T, Timed extends boolean = boolean> {
  /** Whether the records have an event time; for the compiler only. */
  declare readonly timed: Timed;
  readonly #origin: KeyedOrigin<K, T>;

  /** Keyed streams are made by `stream.keyBy`. */
  constructor(origin: KeyedOrigin<K, T>) {
    this.#origin = origin;
  }

  /** How barriers go on this edge, whatever the job's mode: see `stream.checkpointMode`. */
  checkpointMode(mode: "aligned" | "unaligned"): KeyedStream<K, T, Timed> {
    return new KeyedStream({ ...this.#origin, taps: inMode(this.#origin.taps, mode) });
  }

  /**
   * A process function: state and timers by key, any number of results, handlers that may be asynchronous. `state` gives the
   * handles in `ctx.state` their types, `emits` the stream of the results its own.
   *
   * @param uid the name under which its state is kept: unique in the job, and never changed
   *
   * @example
   * ```ts ignore
   * payments.keyBy("account", (payment) => payment.account).process("fraud", {
   *   state: { total: value(Type.Number(), 0) },
   *   emits: Alert,
   *   onRecord(payment, ctx) {
   *     const total = ctx.state.total.get() + payment.amount;
   *     ctx.state.total.set(total);
   *     ctx.timers.event(payment.at + 60_000);
   *     if (total > 10_000) ctx.emit({ account: ctx.key, total });
   *   },
   *   onTimer(_, ctx) {
   *     ctx.state.total.clear();
   *   },
   * })
   * ```
   * @throws {SluiceError} `DUPLICATE_UID`, `PROCESS_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  process<D extends KeyedDescriptors = NoState, E extends Shape = Shape, S extends Sides = NoSides>(
    uid: string,
    definition: KeyedProcessDefinition<T, K, D, E, S>,
    options: ProcessOperatorOptions = {},
  ): Stream<Typed<E>, Timed, S> {
    const { builder, taps, keyOf } = this.#origin;
    const role = transform(processOperator(definition, { ...options, keyOf }), true, definition.state ?? {});
    return this.#then(builder.add(uid, "process", role, taps, { ...options, emits: schemaOf(definition.emits) }));
  }

  /**
   * A running aggregate: its result so far after each record.
   *
   * @param uid the name under which its state is kept: unique in the job, and never changed
   *
   * @example
   * ```ts ignore
   * words.keyBy("word", (word) => word).aggregate("count", count()) // { key: "the", value: 1 }, { key: "the", value: 2 }, …
   * ```
   * @throws {SluiceError} `DUPLICATE_UID`, `JOB_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  aggregate<Acc, Result>(
    uid: string,
    aggregate: AggregateOf<T, Acc, Result>,
    options: OperatorOptions = {},
  ): Stream<RunningResult<K, Result>, Timed> {
    const { builder, taps, keyOf } = this.#origin;
    assertAggregate(builder, uid, aggregate);
    return this.#then(builder.add(uid, "aggregate", transform(runningAggregate(aggregate, keyOf), true), taps, options));
  }

  /**
   * Cuts the records of each key into windows of event time. Only on streams that have one: call `.watermarks()` before `keyBy`.
   *
   * @example
   * ```ts ignore
   * clicks.watermarks((click) => click.at)
   *   .keyBy("user", (click) => click.user)
   *   .window(tumbling(minutes(1)))
   *   .aggregate("n", count())
   * ```
   * @throws {SluiceError} `JOB_DEFINITION`
   */
  window(this: KeyedStream<K, T, true>, window: TumblingWindow): WindowedStream<K, T> {
    return new WindowedStream<K, T>(this.#origin, window);
  }

  /**
   * This stream beside a broadcast one, for one process function with state by key, and state that the broadcast records change.
   *
   * @example
   * ```ts ignore
   * payments.keyBy("account", (payment) => payment.account).connect(limits.broadcast()).process("check", { … })
   * ```
   */
  connect<B>(other: BroadcastStream<B>): KeyedConnectedStream<K, T, B, Timed> {
    const { builder, taps, keyOf, streamOf, tapsOf } = this.#origin;
    const broadcast = tapsOf(other as unknown as Stream<never>);
    return new KeyedConnectedStream({ builder, main: taps, broadcast, keyOf: keyOf as (value: never) => Key, streamOf });
  }

  #then<Out, S extends Sides = NoSides>(operator: string): Stream<Out, Timed, S> {
    return this.#origin.streamOf(operator, areTimed(this.#origin.taps));
  }
}
