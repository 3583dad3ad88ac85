import type { KeyGroupRange } from "../graph/operator.ts";

/** Items to be looked at one run after the other. */
export interface Items<T> {
  /**
   * Puts the next ones into a batch, from an index on, at most so many.
   * @returns how many: fewer only when none are left
   */
  take(batch: T[], from: number, most: number): number;
}

/** The values of a `Map` that are there now; a walk over it does not go on for ever while others are inserted. */
export function* present<V>(items: ReadonlyMap<unknown, V>): Iterable<V> {
  let left = items.size;
  for (const item of items.values()) {
    if (--left < 0) return;
    yield item;
  }
}

/** The same, without a generator between the map and the loop over it, which costs as much as what the loop does. */
export class PresentItems<V> implements Items<V> {
  private left: number;
  private readonly values: Iterator<V>;

  constructor(items: ReadonlyMap<unknown, V>) {
    this.left = items.size;
    this.values = items.values();
  }

  take(batch: V[], from: number, most: number): number {
    const { values } = this;
    const to = from + Math.min(most, this.left);
    let into = from;
    while (into < to) {
      const next = values.next();
      if (next.done === true) {
        this.left = 0;
        return into - from;
      }
      batch[into++] = next.value;
    }
    this.left -= into - from;
    return into - from;
  }
}

/** Those of several key groups, one group after the other. */
export class GroupedItems<T> implements Items<T> {
  private readonly of: (group: number) => Items<T>;
  private readonly last: number;
  private group: number;
  private items: Items<T>;

  constructor({ first, last }: KeyGroupRange, of: (group: number) => Items<T>) {
    this.of = of;
    this.last = last;
    this.group = first;
    this.items = of(first);
  }

  take(batch: T[], from: number, most: number): number {
    for (let taken = 0;;) {
      taken += this.items.take(batch, from + taken, most - taken);
      if (taken === most || this.group === this.last) return taken;
      this.items = this.of(++this.group);
    }
  }
}

/** What an iterator gives. */
export class IteratedItems<T> implements Items<T> {
  private readonly iterator: Iterator<T>;

  constructor(items: Iterable<T>) {
    this.iterator = items[Symbol.iterator]();
  }

  take(batch: T[], from: number, most: number): number {
    const to = from + most;
    let into = from;
    while (into < to) {
      const next = this.iterator.next();
      if (next.done === true) break;
      batch[into++] = next.value;
    }
    return into - from;
  }
}
