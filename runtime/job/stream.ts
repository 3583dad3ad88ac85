import type { Static, TSchema } from "@sinclair/typebox";
import type { Key } from "../graph/key.ts";
import type { LogicalRole, Partitioner } from "../graph/logical.ts";
import type { Sink } from "../graph/sink.ts";
import { filterOperator } from "../operators/filter.ts";
import { flatMapOperator } from "../operators/flat_map.ts";
import { mapOperator } from "../operators/map.ts";
import { type NoState, type ProcessDefinition, processOperator } from "../operators/process.ts";
import type { NoSides, Sides } from "../operators/process_context.ts";
import { type WatermarkOptions, watermarksOperator } from "../operators/watermarks.ts";
import { type OperatorDescriptors, schemaOf, type Shape, type Typed } from "../state/descriptor.ts";
import { ConnectedStream } from "./connected_stream.ts";
import { type GraphBuilder, transform } from "./graph_builder.ts";
import { KeyedStream } from "./keyed_stream.ts";
import { checkedEnds, type LoopEnds, loopHead } from "./loop.ts";
import type { IterateOptions, OperatorOptions, ProcessOperatorOptions } from "./operator_options.ts";
import { areTimed, byKey, forward, inMode, type Tap } from "./tap.ts";

declare const dealtOut: unique symbol;

/** A stream of which every record goes to every subtask of what follows. Made by `stream.broadcast`. */
export type BroadcastStream<T, Timed extends boolean = boolean> = Stream<T, Timed> & { readonly [dealtOut]: "broadcast" };

/**
 * A stream of records. Every call gives a new stream; one stream may go to several operators, and each gets every record.
 *
 * - **Types:** `Timed` says whether its records have an event time: only then can they be windowed.
 * - **Purity:** functions given to `map`, `flatMap`, `filter`, `watermarks` and `keyBy` depend on nothing but the record, so that
 *   what is done again after a failure comes to the same. Records are never changed in place.
 */
export class Stream<T, Timed extends boolean = boolean, S extends Sides = NoSides> {
  /** Whether the records have an event time; for the compiler only. */
  declare readonly timed: Timed;
  readonly #builder: GraphBuilder;
  readonly #taps: readonly Tap[];

  /** Streams are made by `flow.from` and by operators. */
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
   *
   * @example
   * ```ts ignore
   * flights.keyBy("route", (flight) => [flight.origin, flight.destination])
   * ```
   * @throws {SluiceError} `JOB_DEFINITION`
   */
  keyBy<const K extends Key>(name: string, keyOf: (value: T) => K): KeyedStream<K, T, Timed> {
    if (typeof name !== "string" || typeof keyOf !== "function") {
      throw this.#builder.mistake('keyBy takes the key\'s name and a function, such as keyBy("user", (click) => click.user)');
    }
    return new KeyedStream({
      builder: this.#builder,
      taps: byKey(this.#taps, name, keyOf as (value: never) => Key),
      keyOf,
      streamOf: (operator, timed) => new Stream(this.#builder, [forward(operator, timed)]),
      tapsOf: (other) => other.#taps,
    });
  }

  /** The records of this stream and of others, in no particular order between them. */
  union<Other>(...others: readonly Stream<Other, Timed>[]): Stream<T | Other, Timed> {
    return new Stream(this.#builder, [...this.#taps, ...others.flatMap((other) => other.#taps)]);
  }

  /** The same records, dealt out evenly over what follows. */
  rebalance(): Stream<T, Timed> {
    return new Stream(this.#builder, this.#taps.map((tap) => ({ ...tap, partitioner: { kind: "rebalance" } })));
  }

  /**
   * Every record to every subtask of what follows: for the parameters and rules of {@link connect}. Any other operator behind it
   * handles each record once in every subtask, and a change of parallelism may repeat or skip some of these.
   */
  broadcast(): BroadcastStream<T, Timed> {
    const taps = this.#taps.map((tap): Tap => ({ ...tap, partitioner: { kind: "broadcast" } }));
    return new Stream<T, Timed>(this.#builder, taps) as BroadcastStream<T, Timed>;
  }

  /**
   * The same records, each to the subtask of what follows that `indexOf` gives.
   *
   * @param name what plans and messages call it
   * @param indexOf pure; a whole number from 0 to `subtasks` less 1. Another one fails the task with `PARTITION_OUT_OF_RANGE`
   * @throws {SluiceError} `JOB_DEFINITION`
   */
  partition(name: string, indexOf: (value: T, subtasks: number) => number): Stream<T, Timed> {
    if (typeof name !== "string" || typeof indexOf !== "function") {
      throw this.#builder.mistake(
        'partition takes a name and a function, such as partition("region", (order, n) => order.region % n)',
      );
    }
    const partitioner: Partitioner = {
      kind: "custom",
      label: name,
      indexOf: indexOf as (value: never, subtasks: number) => number,
    };
    return new Stream(this.#builder, this.#taps.map((tap) => ({ ...tap, partitioner })));
  }

  /** This stream beside a broadcast one, for one process function with state that the broadcast records change. */
  connect<B>(other: BroadcastStream<B>): ConnectedStream<T, B, Timed> {
    return new ConnectedStream({
      builder: this.#builder,
      main: this.#taps,
      broadcast: other.#taps,
      keyOf: undefined,
      streamOf: (operator, timed) => new Stream(this.#builder, [forward(operator, timed)]),
    });
  }

  /** A side output of the process function that this stream comes from: one of the names in its `sides`. */
  side<N extends keyof S & string>(name: N): Stream<Typed<S[N]>, Timed> {
    return new Stream(this.#builder, this.#taps.map((tap) => ({ ...tap, side: name })));
  }

  /** How barriers go from here to what follows, whatever the job's mode: `aligned` edges never hold captured records. */
  checkpointMode(mode: "aligned" | "unaligned"): Stream<T, Timed> {
    return new Stream(this.#builder, inMode(this.#taps, mode));
  }

  /** Says of what schema the records are: snapshots keep it with records under way. */
  as<S extends TSchema>(schema: T extends Static<S> ? S : never): Stream<T, Timed> {
    for (const tap of this.#taps) this.#builder.setSchema(tap.from, schema);
    return this;
  }

  /**
   * A process function: state of the subtask, several results or none, handlers that may be asynchronous.
   *
   * @param uid the name under which its state is kept: unique in the job, and never changed
   * @throws {SluiceError} `DUPLICATE_UID`, `PROCESS_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  process<D extends OperatorDescriptors = NoState, E extends Shape = Shape, OutS extends Sides = NoSides>(
    uid: string,
    definition: ProcessDefinition<T, D, E, OutS>,
    options: ProcessOperatorOptions = {},
  ): Stream<Typed<E>, Timed, OutS> {
    const role = transform(processOperator(definition, options), true, definition.state ?? {});
    const emits = schemaOf(definition.emits);
    return this.#then<Typed<E>, Timed, OutS>("process", role, { ...options, emits }, undefined, uid);
  }

  /**
   * A loop: what `body` returns as `feedback` comes to it again, beside the records of this stream. Exactly once holds in it as
   * everywhere: what is under way in the loop is part of checkpoints.
   *
   * - **End:** when the input has ended and nothing moves in the loop any more, event-time timers and windows in it fire (those
   *   at `MAX_WATERMARK`, too), and may send something round once more; when it is quiet again, it ends.
   * - **Event time:** the watermark is that of the input. What goes round may be late to windows inside.
   * - **Order:** what comes back is read before new input. Records of one key may overtake each other on the way round.
   *
   * A loop may stand behind another, not within one.
   *
   * @param uid names the loop's head in plans and messages: unique in the job, and never changed
   * @param body builds the loop, once, at once
   * @returns the `output` that `body` returned
   *
   * @example
   * ```ts ignore
   * const halved = numbers.iterate("halve", (loop) => {
   *   const half = loop.map((n) => n / 2);
   *   return { feedback: half.filter((n) => n >= 1), output: half.filter((n) => n < 1) };
   * });
   * ```
   * @throws {SluiceError} `DUPLICATE_UID`, `BAD_UID`, `BAD_PARALLELISM`, `OPTION_OUT_OF_RANGE`, `JOB_DEFINITION`; `job` throws
   * `BAD_GRAPH` for loops within loops, and for `watermarks` within a loop
   */
  iterate<Back extends T, Out>(
    uid: string,
    body: (loop: Stream<T, Timed>) => LoopEnds<Back, Timed, Out>,
    options: IterateOptions = {},
  ): Out {
    const loop = this.#then<T, Timed>("iterate", loopHead(uid, options), options, undefined, uid);
    const { feedback, output } = checkedEnds(this.#builder, uid, body(loop), (value) => value instanceof Stream);
    this.#builder.feedBack(feedback.#taps, uid);
    return output;
  }

  /**
   * Ends the stream in a sink.
   *
   * @param uid the name under which the sink's output is known: unique in the job, and never changed
   * @throws {SluiceError} `DUPLICATE_UID`, `JOB_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  to(uid: string, sink: Sink<T>, options: OperatorOptions = {}): void {
    if (typeof sink?.open !== "function" || "splits" in sink) {
      throw this.#builder.mistake(`to(${JSON.stringify(uid)}, …) was not given a sink; give one, such as stdout()`);
    }
    this.#builder.add(uid, "sink", { kind: "sink", sink: sink as unknown as Sink<never> }, this.#taps, options);
  }

  #then<Out, OutTimed extends boolean = Timed, OutS extends Sides = NoSides>(
    kind: string,
    role: LogicalRole,
    options: OperatorOptions & { readonly emits?: TSchema | undefined },
    timed: boolean = areTimed(this.#taps),
    uid?: string,
  ): Stream<Out, OutTimed, OutS> {
    const from = this.#builder.add(uid, kind, role, this.#taps, options);
    return new Stream<Out, OutTimed, OutS>(this.#builder, [forward(from, timed)]);
  }
}
