import type { KeyGroupRange } from "../graph/operator.ts";
import type { Preserve, Tracked } from "./changes.ts";

/** What was touched in one epoch, by key group. */
export interface Segment<T> {
  /** 2·epoch. */
  readonly stamp: number;
  readonly changed: (T[] | undefined)[];
  /** What went and was not made in the same epoch. */
  readonly removed: (T[] | undefined)[];
  count: number;
}

/** What a cut is made from. */
export interface CutOptions<T, K> {
  readonly stamp: number;
  readonly since: number;
  readonly segments: readonly Segment<T>[] | undefined;
  readonly range: KeyGroupRange;
  readonly preserve: Preserve<T, K>;
  readonly released: () => void;
}

/**
 * The content of one section as of one moment, while it is being written group by group: items that were not touched since are
 * read where they are; what was touched before it was written is kept here.
 */
export class Cut<T extends Tracked, K> {
  /** Epochs to write; undefined: the whole content. */
  readonly segments: readonly Segment<T>[] | undefined;
  readonly #stamp: number;
  readonly #since: number;
  readonly #range: KeyGroupRange;
  readonly #preserve: Preserve<T, K>;
  readonly #released: () => void;
  readonly #kept: (K[] | undefined)[] = [];
  /** The group being written: those below it are done. */
  #group: number;
  #failure: { readonly cause: unknown } | undefined;

  constructor(options: CutOptions<T, K>) {
    this.segments = options.segments;
    this.#stamp = options.stamp;
    this.#since = options.since;
    this.#range = options.range;
    this.#preserve = options.preserve;
    this.#released = options.released;
    this.#group = options.range.first;
  }

  /** Whether the item, unkept, is as it was at the cut. */
  holds(item: T): boolean {
    return item.stamp >= 0 && item.stamp <= this.#stamp + 1;
  }

  /** Whether the item was last touched in that epoch, so that the epoch's note of it is the one to write. */
  writes(item: T, segment: Segment<T>): boolean {
    return item.stamp === segment.stamp || item.stamp === segment.stamp + 1;
  }

  /** The item is touched, for the first time in an epoch: keeps it if it belongs to the cut and may not be written yet. */
  keep(item: T, group: number): void {
    if (group < this.#group || !this.holds(item) || item.stamp <= this.#since + 1) return;
    try {
      this.#preserve(item, group, this.#kept[group - this.#range.first] ??= []);
    } catch (cause) {
      // Fails the snapshot, not the record whose processing touched the item.
      this.#failure ??= { cause };
    }
  }

  /** Begins with a group; groups come in order. */
  enter(group: number): void {
    this.#group = group;
    this.check();
  }

  /** The group is written: nothing more of it needs to be kept. */
  leave(group: number): void {
    this.check();
    this.#group = group + 1;
    this.#kept[group - this.#range.first] = undefined;
  }

  /** Takes what was kept of a group so far; undefined when there is nothing. */
  takeKept(group: number): K[] | undefined {
    this.check();
    const kept = this.#kept[group - this.#range.first];
    this.#kept[group - this.#range.first] = undefined;
    return kept;
  }

  /** Throws what went wrong when an item was kept. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }

  /** Nothing of it will be asked for any more. */
  release(): void {
    this.#group = Infinity;
    this.#kept.length = 0;
    this.#released();
  }
}
