import type { LogLevel } from "../../actors/logger.ts";
import type { Key } from "../graph/key.ts";
import type { KeyedDescriptors, OperatorDescriptors, Shape, StateHandles, Typed } from "../state/descriptor.ts";

/** The `sides` of a process function: names of further outputs, and what each takes. */
export type Sides = Readonly<Record<string, Shape>>;

/** No side outputs. */
export type NoSides = Readonly<Record<never, never>>;

/**
 * What a process function works with. Valid for one invocation of one attempt: used later, everything but `signal` and `log`
 * throws `StaleContextError` and has no effect, and so do the state handles. Its methods need their object: call
 * `ctx.emit(…)`, do not take them off it.
 */
export interface ProcessContext<D extends KeyedDescriptors | OperatorDescriptors, Out, S extends Sides = NoSides> {
  /** The handles of the declared state, under their names. */
  readonly state: StateHandles<D>;
  /** Hands a result to what follows, with the event time of the record or timer. The value must not be changed afterwards. */
  emit(value: Out): void;
  /** As `emit`, on the side output of that name: what follows is `stream.side(name)`. */
  side<N extends keyof S & string>(name: N, value: Typed<S[N]>): void;
  /** Event time of the record or timer in milliseconds; NaN on streams without event time. */
  readonly timestamp: number;
  /** Event time has come this far, for this subtask. */
  readonly watermark: number;
  /** Processing time: wall-clock milliseconds, by the runtime's clock. */
  now(): number;
  /** Aborts when the attempt ends. */
  readonly signal: AbortSignal;
  /** Writes to the runtime's log, under the operator's name. */
  log(level: LogLevel, message: string, cause?: unknown): void;
}

/** What a process function on a keyed stream works with: state and timers are those of the current key. */
export interface KeyedProcessContext<K extends Key, D extends KeyedDescriptors, Out, S extends Sides = NoSides>
  extends ProcessContext<D, Out, S> {
  /** The current key. @throws {SluiceError} `STATE_NO_KEY` in `onEnd` */
  readonly key: K;
  readonly timers: Timers;
}

/**
 * The timers of the current key. They are state: they survive a restart. Setting one again with the same name and time does
 * nothing. Those due at the same time fire in the order in which they were set.
 *
 * Every method throws `SluiceError` `TIMER_TIME` for a time that is no number or lies beyond `MAX_WATERMARK`, and
 * `TIMER_NO_HANDLER` when the process function has no `onTimer`.
 */
export interface Timers {
  /**
   * Fires when event time has come to `at`; one in the past fires with the next watermark, one at `MAX_WATERMARK` at the end of
   * input.
   */
  event(at: number, name?: string): void;
  /** Fires when the wall clock has come to `at`, in milliseconds since the Unix epoch. */
  processing(at: number, name?: string): void;
  /** Takes one back; false when there was none. */
  cancelEvent(at: number, name?: string): boolean;
  /** Takes one back; false when there was none. */
  cancelProcessing(at: number, name?: string): boolean;
}

/** A timer that fires. */
export interface FiredTimer<K extends Key> {
  readonly at: number;
  readonly name: string | undefined;
  readonly key: K;
}
