import { canonicalKey, type Key, type KeyIdentity, keyIdentity, keyText } from "../graph/key.ts";
import type { Immutable, MapState } from "./handle.ts";
import { type HandledState, HeapHandle } from "./heap_handle.ts";
import { notMutable } from "./heap_value.ts";
import type { Invocation } from "./invocation.ts";
import { StaleContextError } from "./stale_context.ts";

/** What a map holds under one of its keys. */
class Item {
  readonly key: Key;
  value: unknown;

  constructor(key: Key, value: unknown) {
    this.key = key;
    this.value = value;
  }
}

type Items = Map<KeyIdentity, Item>;

/** The kind's value in a table, as columns of keys and values and back. */
export const mapItems = {
  pack: (value: unknown): unknown => {
    const keys: Key[] = [];
    const values: unknown[] = [];
    for (const item of (value as Items).values()) {
      keys.push(item.key);
      values.push(item.value);
    }
    return [keys, values];
  },
  unpack: (packed: unknown): unknown => {
    const [keys, values] = packed as [Key[], unknown[]];
    const items: Items = new Map();
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      items.set(keyIdentity(key), new Item(key, values[index]));
    }
    return items;
  },
};

/** A {@link MapState} on the heap. */
export class HeapMapState<K extends Key, V> extends HeapHandle implements MapState<K, V> {
  constructor(state: HandledState, invocation: Invocation) {
    super(state, invocation);
  }

  get size(): number {
    return this.#items()?.size ?? 0;
  }

  get(key: K): Immutable<V> | undefined {
    const item = this.#items()?.get(keyIdentity(key));
    if (item === undefined) return undefined;
    if (this.changes.writing) this.handOut(this.entry!, item.value);
    if (this.guard !== undefined) this.guard.handOut(item.value, this.#whereItem(key));
    return item.value as Immutable<V>;
  }

  has(key: K): boolean {
    return this.#items()?.has(keyIdentity(key)) ?? false;
  }

  set(key: K, value: Immutable<V>): void {
    const identity = keyIdentity(key);
    const items = this.#items();
    if (this.entry !== undefined) this.touch(this.entry);
    const item = items?.get(identity);
    if (item !== undefined) item.value = value;
    else if (items !== undefined) items.set(identity, new Item(canonicalKey(key), value));
    else this.store(new Map([[identity, new Item(canonicalKey(key), value)]]));
    if (this.guard !== undefined) this.guard.watch(value, this.#whereItem(key));
  }

  mutate(key: K, fn: (value: V) => void): boolean {
    const item = this.#items()?.get(keyIdentity(key));
    if (item === undefined) return false;
    if (typeof item.value !== "object" || item.value === null) throw notMutable(this.#whereItem(key));
    this.touch(this.entry!);
    fn(item.value as V);
    if (this.guard !== undefined) this.guard.watch(item.value, this.#whereItem(key));
    return true;
  }

  delete(key: K): boolean {
    const items = this.#items();
    const identity = keyIdentity(key);
    if (items === undefined || !items.has(identity)) return false;
    if (items.size === 1) this.drop();
    else this.touch(this.entry!);
    return items.delete(identity);
  }

  *keys(): IterableIterator<K> {
    for (const [key] of this.entries()) yield key;
  }

  *entries(): IterableIterator<[K, Immutable<V>]> {
    const { invocation } = this;
    const items = this.#items();
    if (items === undefined) return;
    const serial = invocation.serial;
    for (const item of items.values()) {
      if (invocation.serial !== serial) throw new StaleContextError(invocation.uid);
      if (this.changes.writing && this.entry !== undefined) this.handOut(this.entry, item.value);
      if (this.guard !== undefined) this.guard.handOut(item.value, this.#whereItem(item.key as K));
      yield [item.key as K, item.value as Immutable<V>];
    }
  }

  clear(): void {
    const items = this.#items();
    this.drop();
    items?.clear(); // ends the walks over it
  }

  #items(): Items | undefined {
    if (this.seen !== this.invocation.serial) this.resolve();
    return this.entry?.value as Items | undefined;
  }

  #whereItem(key: K): string {
    return `${this.where()}.get(${keyText(key)})`;
  }
}
