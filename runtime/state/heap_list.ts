import type { Immutable, ListState } from "./handle.ts";
import { type HandledState, HeapHandle } from "./heap_handle.ts";
import type { Invocation } from "./invocation.ts";

/** The items of one key. */
class Items {
  items: unknown[];
  /** Whether somebody outside holds the array: it must not change any more. */
  shared = false;

  constructor(items: unknown[]) {
    this.items = items;
  }
}

/** The kind's value in a table, as an array and back. */
export const listItems = {
  pack: (value: unknown): unknown => (value as Items).items,
  unpack: (packed: unknown): unknown => new Items(packed as unknown[]),
};

const none: readonly never[] = Object.freeze([]);

/** A {@link ListState} on the heap. An array that was handed out is copied before the next change. */
export class HeapListState<T> extends HeapHandle implements ListState<T> {
  constructor(state: HandledState, invocation: Invocation) {
    super(state, invocation);
  }

  get(): readonly Immutable<T>[] {
    if (this.seen !== this.invocation.serial) this.resolve();
    if (this.entry === undefined) return none;
    if (this.changes.writing) this.handOut(this.entry, this.entry.value);
    const kept = this.entry.value as Items;
    kept.shared = true;
    if (this.guard !== undefined) this.guard.handOut(kept.items, this.where());
    return kept.items as Immutable<T>[];
  }

  add(item: Immutable<T>): void {
    if (this.seen !== this.invocation.serial) this.resolve();
    if (this.entry === undefined) {
      this.store(new Items([item]));
    } else {
      this.touch(this.entry);
      const kept = this.entry.value as Items;
      if (kept.shared) {
        kept.items = kept.items.slice();
        kept.shared = false;
      }
      kept.items.push(item);
    }
    if (this.guard !== undefined) this.guard.watch(item, this.where());
  }

  set(items: readonly Immutable<T>[]): void {
    if (this.seen !== this.invocation.serial) this.resolve();
    if (items.length === 0) return this.drop();
    const copy = items.slice();
    if (this.entry === undefined) {
      this.store(new Items(copy));
    } else {
      this.touch(this.entry);
      this.entry.value = new Items(copy);
    }
    if (this.guard !== undefined) {
      for (const item of copy) this.guard.watch(item, this.where());
    }
  }

  clear(): void {
    if (this.seen !== this.invocation.serial) this.resolve();
    this.drop();
  }
}
