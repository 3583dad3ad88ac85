import type { Key } from "../graph/key.ts";
import type { BroadcastDescriptors } from "../operators/broadcast_context.ts";
import {
  broadcastPort,
  connectedOperator,
  type ConnectedProcessDefinition,
  type KeyedConnectedProcessDefinition,
} from "../operators/broadcast_process.ts";
import type { NoState } from "../operators/process.ts";
import type { NoSides, Sides } from "../operators/process_context.ts";
import { type KeyedDescriptors, type OperatorDescriptors, schemaOf, type Shape, type Typed } from "../state/descriptor.ts";
import { type GraphBuilder, transform } from "./graph_builder.ts";
import type { ProcessOperatorOptions } from "./operator_options.ts";
import type { Stream } from "./stream.ts";
import { areTimed, type Tap } from "./tap.ts";

/** The two streams of a connection, and how the stream of its results is made. */
export interface ConnectedOrigin {
  readonly builder: GraphBuilder;
  readonly main: readonly Tap[];
  readonly broadcast: readonly Tap[];
  readonly keyOf: ((value: never) => Key) | undefined;
  readonly streamOf: <U, B extends boolean, S extends Sides>(operator: string, timed: boolean) => Stream<U, B, S>;
}

/** What a connection does in both kinds. */
function connect<U, Timed extends boolean, S extends Sides>(
  origin: ConnectedOrigin,
  uid: string,
  definition: {
    readonly emits: Shape;
    readonly state?: OperatorDescriptors | KeyedDescriptors;
    readonly broadcastState: BroadcastDescriptors;
  },
  options: ProcessOperatorOptions,
): Stream<U, Timed, S> {
  const { builder, main, keyOf, streamOf } = origin;
  if (origin.broadcast.some(({ partitioner }) => partitioner.kind !== "broadcast")) {
    throw builder.mistake(`connect takes a broadcast stream: call .broadcast() on it, before connecting it for "${uid}"`);
  }
  const timed = areTimed(main);
  // Event time is the main stream's: a broadcast one takes part where both have it.
  const broadcast = origin.broadcast.map((tap) => ({ ...tap, port: broadcastPort, timed: tap.timed && timed }));
  const states = { ...definition.state, ...definition.broadcastState };
  const role = transform(connectedOperator(definition, { ...options, keyOf }), true, states);
  const from = builder.add(uid, "process", role, [...main, ...broadcast], { ...options, emits: schemaOf(definition.emits) });
  return streamOf<U, Timed, S>(from, timed);
}

/**
 * A stream beside a broadcast one of another type. Made by `stream.connect`.
 *
 * - **Broadcast state:** every subtask has a replica. Each broadcast record reaches every replica exactly once, those of one
 *   sender in order, so at the end all are the same.
 * - **Timing:** which version of it a record of the main stream meets is a matter of timing. When the parallelism changes, a key
 *   may meet an older version than before: all replicas go on from one of them, and the records it had still to read come again.
 */
export class ConnectedStream<T, B, Timed extends boolean = boolean> {
  readonly #origin: ConnectedOrigin;

  /** Connected streams are made by `stream.connect`. */
  constructor(origin: ConnectedOrigin) {
    this.#origin = origin;
  }

  /**
   * A process function with broadcast state: `onBroadcast` changes it, `onRecord` reads it.
   *
   * @param uid the name under which its state is kept: unique in the job, and never changed
   * @throws {SluiceError} `DUPLICATE_UID`, `PROCESS_DEFINITION`, `JOB_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  process<
    R extends BroadcastDescriptors,
    D extends OperatorDescriptors = NoState,
    E extends Shape = Shape,
    S extends Sides = NoSides,
  >(
    uid: string,
    definition: ConnectedProcessDefinition<T, B, D, R, E, S>,
    options: ProcessOperatorOptions = {},
  ): Stream<Typed<E>, Timed, S> {
    return connect<Typed<E>, Timed, S>(this.#origin, uid, definition, options);
  }
}

/** A keyed stream beside a broadcast one of another type: see {@link ConnectedStream}. Made by `keyedStream.connect`. */
export class KeyedConnectedStream<K extends Key, T, B, Timed extends boolean = boolean> {
  readonly #origin: ConnectedOrigin;

  /** Connected streams are made by `keyedStream.connect`. */
  constructor(origin: ConnectedOrigin) {
    this.#origin = origin;
  }

  /**
   * A process function with state and timers by key, and broadcast state: `onBroadcast` changes it, the others read it.
   *
   * @param uid the name under which its state is kept: unique in the job, and never changed
   *
   * @example
   * ```ts ignore
   * payments.keyBy("account", (payment) => payment.account)
   *   .connect(limits.broadcast())
   *   .process("check", {
   *     broadcastState: { limit: replicate(Type.Number(), 1_000) },
   *     emits: Alert,
   *     onBroadcast(limit, ctx) {
   *       ctx.broadcast.limit.set(limit.amount);
   *     },
   *     onRecord(payment, ctx) {
   *       if (payment.amount > ctx.broadcast.limit.get()) ctx.emit({ account: ctx.key, amount: payment.amount });
   *     },
   *   })
   * ```
   * @throws {SluiceError} `DUPLICATE_UID`, `PROCESS_DEFINITION`, `JOB_DEFINITION`, `BAD_UID`, `BAD_PARALLELISM`
   */
  process<
    R extends BroadcastDescriptors,
    D extends KeyedDescriptors = NoState,
    E extends Shape = Shape,
    S extends Sides = NoSides,
  >(
    uid: string,
    definition: KeyedConnectedProcessDefinition<T, B, K, D, R, E, S>,
    options: ProcessOperatorOptions = {},
  ): Stream<Typed<E>, Timed, S> {
    return connect<Typed<E>, Timed, S>(this.#origin, uid, definition, options);
  }
}
