import type { LogLevel } from "../../actors/logger.ts";
import type { Key } from "../graph/key.ts";
import type { KeyedDescriptors, OperatorDescriptors, ReplicateDescriptor, StateHandles } from "../state/descriptor.ts";
import type { ValueState } from "../state/handle.ts";
import type { KeyedProcessContext, NoSides, ProcessContext, Sides } from "./process_context.ts";

/** The `broadcastState` of a process function: names to `replicate(…)`. */
export type BroadcastDescriptors = Readonly<Record<string, ReplicateDescriptor<unknown>>>;

/** Broadcast state as the main stream's records see it: it can be read. */
export type BroadcastView<R extends BroadcastDescriptors> = {
  readonly [N in keyof R]: R[N] extends ReplicateDescriptor<infer T> ? Pick<ValueState<T>, "get"> : never;
};

/** What a process function with broadcast state works with, for a record of the main stream. */
export interface ConnectedContext<D extends OperatorDescriptors, R extends BroadcastDescriptors, Out, S extends Sides = NoSides>
  extends ProcessContext<D, Out, S> {
  readonly broadcast: BroadcastView<R>;
}

/** The same on a keyed stream. */
export interface KeyedConnectedContext<
  K extends Key,
  D extends KeyedDescriptors,
  R extends BroadcastDescriptors,
  Out,
  S extends Sides = NoSides,
> extends KeyedProcessContext<K, D, Out, S> {
  readonly broadcast: BroadcastView<R>;
}

/**
 * What a process function works with for a broadcast record. It changes the broadcast state and nothing else: every subtask
 * sees the record, so what it emitted would come once for each.
 */
export interface BroadcastContext<R extends BroadcastDescriptors> {
  readonly broadcast: StateHandles<R>;
  /** Event time of the record in milliseconds; NaN on streams without event time. */
  readonly timestamp: number;
  /** Event time has come this far, for this subtask. */
  readonly watermark: number;
  /** Aborts when the attempt ends. */
  readonly signal: AbortSignal;
  /** Writes to the runtime's log, under the operator's name. */
  log(level: LogLevel, message: string, cause?: unknown): void;
}
