import type { Static, TSchema } from "@sinclair/typebox";
import { SluiceError } from "../../actors/error.ts";
import type { Key } from "../graph/key.ts";
import type { ListState, MapState, ValueState } from "./handle.ts";
import { checkTimeToLive, type TimeToLive } from "./time_to_live.ts";
import { mismatch } from "../../actors/schema_check.ts";

declare const phantom: unique symbol;

/** Stands where a schema could stand and carries a static type only: see {@link type}. */
export interface TypeToken<T> {
  readonly kind: "type";
  readonly [phantom]?: T;
}

/** A TypeBox schema, or a {@link type} without one. */
export type Shape = TSchema | TypeToken<unknown>;

/** The static type of a shape. */
export type Typed<S> = S extends TSchema ? Static<S> : S extends TypeToken<infer T> ? T : never;

/** The static type of a shape of keys. */
export type KeyTyped<S> = Typed<S> extends Key ? Typed<S> : never;

const token: TypeToken<never> = { kind: "type" };

/**
 * A static type where no schema is wanted: `type<Alert>()`. Nothing is checked at run time, and schema evolution has nothing to
 * go by.
 */
export function type<T>(): TypeToken<T> {
  return token as TypeToken<T>;
}

/** The schema of a shape, where it has one. */
export function schemaOf(shape: Shape): TSchema | undefined {
  return isTypeToken(shape) ? undefined : shape as TSchema;
}

function isTypeToken(shape: Shape): shape is TypeToken<unknown> {
  return shape === token;
}

/** Keyed state: one value for each key. */
export interface ValueDescriptor<T> {
  readonly kind: "value";
  readonly schema: TSchema | undefined;
  readonly initial: T;
  readonly ttl?: TimeToLive | undefined;
}

/** Keyed state: one list for each key. */
export interface ListDescriptor<T> {
  readonly kind: "list";
  readonly schema: TSchema | undefined;
  readonly ttl?: TimeToLive | undefined;
  readonly [phantom]?: T;
}

/** Keyed state: one map for each key. */
export interface MapDescriptor<K extends Key, V> {
  readonly kind: "map";
  readonly keySchema: TSchema | undefined;
  readonly schema: TSchema | undefined;
  readonly ttl?: TimeToLive | undefined;
  readonly [phantom]?: readonly [K, V];
}

/** Operator state: a list of items that is dealt out over the subtasks when the parallelism changes. */
export interface SplitDescriptor<T> {
  readonly kind: "split";
  readonly schema: TSchema | undefined;
  readonly [phantom]?: T;
}

/** Operator state: a value that every subtask has. */
export interface ReplicateDescriptor<T> {
  readonly kind: "replicate";
  readonly schema: TSchema | undefined;
  readonly initial: T;
}

/** What a keyed process function can declare. */
export type KeyedDescriptor = ValueDescriptor<unknown> | ListDescriptor<unknown> | MapDescriptor<Key, unknown>;

/** What a process function without keys can declare. */
export type OperatorDescriptor = SplitDescriptor<unknown> | ReplicateDescriptor<unknown>;

/** The `state` of a keyed process function: names to descriptors. */
export type KeyedDescriptors = Readonly<Record<string, KeyedDescriptor>>;

/** The `state` of a process function without keys: names to descriptors. */
export type OperatorDescriptors = Readonly<Record<string, OperatorDescriptor>>;

/** The handle that a descriptor gives. */
export type StateHandle<D> = D extends ValueDescriptor<infer T> ? ValueState<T>
  : D extends ReplicateDescriptor<infer T> ? ValueState<T>
  : D extends ListDescriptor<infer T> ? ListState<T>
  : D extends SplitDescriptor<infer T> ? ListState<T>
  : D extends MapDescriptor<infer K, infer V> ? MapState<K, V>
  : never;

/** The handles that a `state: { … }` declaration gives, under the same names. */
export type StateHandles<D> = { readonly [N in keyof D]: StateHandle<D[N]> };

/**
 * One value per key.
 *
 * @param initial what a key has that was never set; every key gets a copy of its own
 * @param ttl lets values expire
 * @throws {SluiceError} `STATE_INITIAL` when the initial value does not match the schema; `OPTION_OUT_OF_RANGE`
 */
export function value<S extends Shape>(shape: S, initial: Typed<S>, ttl?: TimeToLive): ValueDescriptor<Typed<S>> {
  checkInitial(shape, initial);
  return { kind: "value", schema: schemaOf(shape), initial, ttl: checkTimeToLive(ttl) };
}

/** One list of items per key. */
export function list<S extends Shape>(shape: S, ttl?: TimeToLive): ListDescriptor<Typed<S>> {
  return { kind: "list", schema: schemaOf(shape), ttl: checkTimeToLive(ttl) };
}

/** One map per key. Its keys are strings, or of a shape of their own: strings, numbers, booleans, bigints, tuples of these. */
export function map<S extends Shape>(shape: S, ttl?: TimeToLive): MapDescriptor<string, Typed<S>>;
export function map<KS extends Shape, S extends Shape>(
  keyShape: KS,
  shape: S,
  ttl?: TimeToLive,
): MapDescriptor<KeyTyped<KS>, Typed<S>>;
export function map(first: Shape, second?: Shape | TimeToLive, third?: TimeToLive): MapDescriptor<Key, unknown> {
  if (second !== undefined && !("ttlMs" in second)) {
    return { kind: "map", keySchema: schemaOf(first), schema: schemaOf(second), ttl: checkTimeToLive(third) };
  }
  return { kind: "map", keySchema: undefined, schema: schemaOf(first), ttl: checkTimeToLive(second as TimeToLive | undefined) };
}

/** Operator state: items that belong together with no key, such as open files. On a rescale each goes to one subtask. */
export function split<S extends Shape>(shape: S): SplitDescriptor<Typed<S>> {
  return { kind: "split", schema: schemaOf(shape) };
}

/**
 * Operator state: one value, such as the parameters of a model. On a rescale every subtask gets the one of the lowest old
 * subtask.
 *
 * @throws {SluiceError} `STATE_INITIAL` when the initial value does not match the schema
 */
export function replicate<S extends Shape>(shape: S, initial: Typed<S>): ReplicateDescriptor<Typed<S>> {
  checkInitial(shape, initial);
  return { kind: "replicate", schema: schemaOf(shape), initial };
}

function checkInitial(shape: Shape, initial: unknown): void {
  const schema = schemaOf(shape);
  if (schema === undefined) return;
  const wrong = mismatch(schema, initial);
  if (wrong !== undefined) {
    throw new SluiceError(
      "STATE_INITIAL",
      `the initial value of a state does not match its schema: ${wrong}; give one that does`,
    );
  }
}

/** @throws {SluiceError} `STATE_NAME` for names that a state cannot have */
export function assertStateName(uid: string, name: string): void {
  if (name === "" || name.startsWith("~") || name === "__proto__" || !name.isWellFormed()) {
    throw new SluiceError(
      "STATE_NAME",
      `operator ${uid} declares a state named ${
        JSON.stringify(name)
      }; give it a name that is not empty and does not start with ~`,
    );
  }
}
