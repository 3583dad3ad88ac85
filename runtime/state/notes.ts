import type { KeyGroupRange } from "../graph/operator.ts";
import type { Items } from "./items.ts";

/** Notes are kept in blocks of so many: none is ever moved, and a scavenger copies no more than the youngest. */
const blockBits = 10;
const blockSize = 1 << blockBits;

/** So many notes are sorted in one step. */
const sortedAtOnce = 32 * blockSize;

const noGroups = new Uint16Array(0);

/**
 * Which items were touched in one epoch: in the order in which they were, and sorted by key group when they are to be written.
 *
 * One list for all key groups. A list for each would be another wait for memory at each note, as keys come in any order.
 */
export class Notes<T> {
  count = 0;
  readonly #items: T[][] = [];
  readonly #groups: Uint16Array[] = [];
  /** The last block. */
  #open: T[] = [];
  #openGroups: Uint16Array = noGroups;
  /** Numbers of notes by group, and where each group begins in them; undefined before they are sorted. */
  #order: Uint32Array | undefined = undefined;
  #starts: Uint32Array | undefined = undefined;

  add(item: T, group: number): void {
    const at = this.count++ & (blockSize - 1);
    if (at === 0) this.#begin();
    this.#open[at] = item;
    this.#openGroups[at] = group;
  }

  #begin(): void {
    this.#items.push(this.#open = new Array<T>(blockSize));
    this.#groups.push(this.#openGroups = new Uint16Array(blockSize));
  }

  /** Sorts them, in steps of bounded work, unless they are sorted. None may come afterwards. */
  *sort({ first, last }: KeyGroupRange): Iterable<void> {
    if (this.#order !== undefined) return;
    const { count } = this;
    const next = new Uint32Array(last - first + 2);
    for (let from = 0; from < count; from += sortedAtOnce) {
      this.#tally(next, first, from);
      yield;
    }
    for (let at = 1; at < next.length; at++) next[at]! += next[at - 1]!;
    const starts = next.slice();
    const order = new Uint32Array(count);
    for (let from = 0; from < count; from += sortedAtOnce) {
      this.#place(order, next, first, from);
      yield;
    }
    this.#starts = starts;
    this.#order = order;
  }

  /** Counts, for each group, the notes of the one before it. */
  #tally(counts: Uint32Array, first: number, from: number): void {
    const to = Math.min(this.count, from + sortedAtOnce);
    for (let at = from; at < to; at++) counts[this.#groups[at >> blockBits]![at & (blockSize - 1)]! - first + 1]!++;
  }

  #place(order: Uint32Array, next: Uint32Array, first: number, from: number): void {
    const to = Math.min(this.count, from + sortedAtOnce);
    for (let at = from; at < to; at++) order[next[this.#groups[at >> blockBits]![at & (blockSize - 1)]! - first]!++] = at;
  }

  /** Those of some groups, counted from the first of the range: of each in the order of touching. They must be sorted. */
  of({ first, last }: KeyGroupRange): Items<T> {
    return new NotedItems(this.#items, this.#order!, this.#starts![first]!, this.#starts![last + 1]!);
  }
}

class NotedItems<T> implements Items<T> {
  private readonly blocks: readonly T[][];
  private readonly order: Uint32Array;
  private next: number;
  private readonly end: number;

  constructor(blocks: readonly T[][], order: Uint32Array, next: number, end: number) {
    this.blocks = blocks;
    this.order = order;
    this.next = next;
    this.end = end;
  }

  take(batch: T[], from: number, most: number): number {
    const first = this.next;
    const to = Math.min(this.end, first + most);
    for (let at = first; at < to; at++) {
      const number = this.order[at]!;
      batch[from + at - first] = this.blocks[number >> blockBits]![number & (blockSize - 1)]!;
    }
    this.next = to;
    return to - first;
  }
}
