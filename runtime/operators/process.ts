import { SluiceError } from "../../actors/error.ts";
import type { Key } from "../graph/key.ts";
import type { OperatorFactory } from "../graph/operator.ts";
import type { KeyedDescriptors, OperatorDescriptors, Shape, Typed } from "../state/descriptor.ts";
import { KeyedProcessOperator } from "./keyed_process.ts";
import { PlainProcessOperator } from "./plain_process.ts";
import type { FiredTimer, KeyedProcessContext, NoSides, ProcessContext, Sides } from "./process_context.ts";

/** No declared state. */
export type NoState = Readonly<Record<never, never>>;

/**
 * A process function on a stream without keys. Its state belongs to the subtask: `split` and `replicate`.
 *
 * Handlers may be asynchronous: nothing else of the subtask happens until the promise settles.
 */
export interface ProcessDefinition<
  In,
  D extends OperatorDescriptors = NoState,
  E extends Shape = Shape,
  S extends Sides = NoSides,
> {
  readonly state?: D;
  /** What `ctx.emit` takes: a schema, or `type<T>()`. */
  readonly emits: E;
  /** Further outputs: what `ctx.side` takes under each name. */
  readonly sides?: S;
  onRecord(value: In, ctx: ProcessContext<D, Typed<E>, S>): void | Promise<void>;
  /**
   * All input has ended. Called once: not again after a restart from a checkpoint that was taken after it, unless more records
   * came.
   */
  onEnd?(ctx: ProcessContext<D, Typed<E>, S>): void | Promise<void>;
}

/**
 * A process function on a keyed stream. State and timers are those of the current key: `value`, `list` and `map`.
 *
 * Handlers may be asynchronous: nothing else of the subtask happens until the promise settles.
 */
export interface KeyedProcessDefinition<
  In,
  K extends Key,
  D extends KeyedDescriptors = NoState,
  E extends Shape = Shape,
  S extends Sides = NoSides,
> {
  readonly state?: D;
  /** What `ctx.emit` takes: a schema, or `type<T>()`. */
  readonly emits: E;
  /** Further outputs: what `ctx.side` takes under each name. */
  readonly sides?: S;
  onRecord(value: In, ctx: KeyedProcessContext<K, D, Typed<E>, S>): void | Promise<void>;
  /** A timer of `timer.key` is due. Without this, timers cannot be set. */
  onTimer?(timer: FiredTimer<K>, ctx: KeyedProcessContext<K, D, Typed<E>, S>): void | Promise<void>;
  /**
   * All input has ended, for the subtask as a whole: there is no current key. (For each key: set an event-time timer at
   * `MAX_WATERMARK`.) Called once, as {@link ProcessDefinition.onEnd}.
   */
  onEnd?(ctx: KeyedProcessContext<K, D, Typed<E>, S>): void | Promise<void>;
}

/** Options of a process operator. */
export interface ProcessOptions {
  /**
   * Development mode: state values that are changed in place outside `mutate` fail the task with `STATE_MUTATED`.
   * @default false
   */
  readonly checkMutations?: boolean;
}

/** Options of a process operator on a keyed stream. */
export interface KeyedProcessOptions<In, K extends Key> extends ProcessOptions {
  /** The key of a record: the same function as that of the `keyBy`. Pure. */
  readonly keyOf: (value: In) => K;
}

/**
 * The operator of a process function. It must be the head of its task: it has timers, and may be asynchronous.
 *
 * @throws {SluiceError} `PROCESS_DEFINITION` when the definition is not one
 */
export function processOperator<
  In,
  K extends Key,
  D extends KeyedDescriptors = NoState,
  E extends Shape = Shape,
  S extends Sides = NoSides,
>(
  definition: KeyedProcessDefinition<In, K, D, E, S>,
  options: KeyedProcessOptions<In, K>,
): OperatorFactory<In, Typed<E>>;
export function processOperator<
  In,
  D extends OperatorDescriptors = NoState,
  E extends Shape = Shape,
  S extends Sides = NoSides,
>(
  definition: ProcessDefinition<In, D, E, S>,
  options?: ProcessOptions,
): OperatorFactory<In, Typed<E>>;
export function processOperator(
  definition: ProcessDefinition<unknown, OperatorDescriptors> | KeyedProcessDefinition<unknown, Key, KeyedDescriptors>,
  options: ProcessOptions & { readonly keyOf?: (value: unknown) => Key } = {},
): OperatorFactory<unknown, unknown> {
  assertDefinition(definition);
  const { keyOf, checkMutations = false } = options;
  return (context, out) =>
    keyOf === undefined
      ? new PlainProcessOperator(definition as ProcessDefinition<unknown, OperatorDescriptors>, checkMutations, context, out)
      : new KeyedProcessOperator(
        definition as KeyedProcessDefinition<unknown, Key, KeyedDescriptors>,
        { keyOf, checkMutations },
        context,
        out,
      );
}

/** @throws {SluiceError} `PROCESS_DEFINITION` */
export function assertDefinition(definition: unknown): void {
  const { onRecord, onTimer, onEnd, state, sides } = Object(definition) as Record<string, unknown>;
  const wrong = typeof onRecord !== "function"
    ? "has no onRecord"
    : onTimer !== undefined && typeof onTimer !== "function"
    ? "has an onTimer that is no function"
    : onEnd !== undefined && typeof onEnd !== "function"
    ? "has an onEnd that is no function"
    : state !== undefined && (typeof state !== "object" || state === null)
    ? "has a state that is no object of descriptors"
    : sides !== undefined && (typeof sides !== "object" || sides === null)
    ? "has sides that are no object of schemas"
    : undefined;
  if (wrong !== undefined) {
    throw new SluiceError(
      "PROCESS_DEFINITION",
      `a process function ${wrong}; give { state?, emits, sides?, onRecord, onTimer?, onEnd? }`,
    );
  }
}
