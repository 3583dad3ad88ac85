import type { Key } from "../graph/key.ts";

/** A type whose values cannot be changed through it, at any depth. Class instances keep their methods. */
export type Immutable<T> = T extends string | number | boolean | bigint | symbol | null | undefined ? T
  : T extends (...args: never[]) => unknown ? T
  : T extends Date | ArrayBufferView | ArrayBuffer ? T
  : T extends ReadonlyMap<infer K, infer V> ? ReadonlyMap<Immutable<K>, Immutable<V>>
  : T extends ReadonlySet<infer V> ? ReadonlySet<Immutable<V>>
  : { readonly [P in keyof T]: Immutable<T[P]> };

/**
 * One value.
 *
 * Handles belong to one invocation of a handler: used after it, every method throws `StaleContextError` and has no effect.
 */
export interface ValueState<T> {
  /** The value, or the initial one. Not to be changed: see {@link ValueState.mutate}. */
  get(): Immutable<T>;
  /** Replaces the value. The runtime keeps what it is given: the caller must not change it afterwards. */
  set(value: Immutable<T>): void;
  /**
   * Changes the value in place, and gives what `fn` returns. What was handed out by `get` changes with it: emit a copy, never the
   * value itself, of what is mutated later.
   *
   * A function that returns its result is faster than one that assigns it to a variable outside: engines then allocate nothing.
   * @throws {SluiceError} `STATE_NOT_MUTABLE` when the value is a primitive: use `set`
   */
  mutate<R>(fn: (value: T) => R): R;
  /** Back to the initial value; nothing of it remains in the state. */
  clear(): void;
}

/** A list, in order. Handles are valid for one invocation, as those of {@link ValueState}. */
export interface ListState<T> {
  /** The items as of now; later changes of the state do not show in it. */
  get(): readonly Immutable<T>[];
  /** Appends one item. */
  add(item: Immutable<T>): void;
  /** Replaces all items. */
  set(items: readonly Immutable<T>[]): void;
  /** Removes all items. */
  clear(): void;
}

/**
 * A map, in order of insertion. Handles are valid for one invocation, as those of {@link ValueState}; iterators too.
 * Changing the map while iterating is allowed, as for a `Map`.
 */
export interface MapState<K extends Key, V> {
  readonly size: number;
  get(key: K): Immutable<V> | undefined;
  has(key: K): boolean;
  set(key: K, value: Immutable<V>): void;
  /** Changes the value in place, as {@link ValueState.mutate}; false (and no call) when there is none. */
  mutate(key: K, fn: (value: V) => void): boolean;
  /** False when there was none. */
  delete(key: K): boolean;
  keys(): IterableIterator<K>;
  entries(): IterableIterator<[K, Immutable<V>]>;
  /** Removes all entries. */
  clear(): void;
}
