import type { KeyGroupRange } from "../graph/operator.ts";
import { Cut, type Segment } from "./cut.ts";

/**
 * Something in a section whose changes are followed: an entry, a timer. The log keeps `stamp`: 2·epoch when the item was changed
 * in that epoch, 2·epoch + 1 when it was made in it, -1 when it is gone.
 */
export interface Tracked {
  stamp: number;
}

/** Adds what an item looks like to what is kept for the writer of a cut. */
export type Preserve<T, K> = (item: T, group: number, kept: K[]) => void;

/** Changes are followed up to this many, or half as many as there are items: beyond, the whole is no more to write. */
const leastLimit = 4_096;

/**
 * Follows the changes of one section, so that snapshots cost nothing when they are taken and as little as possible later.
 *
 * Every cut begins an epoch. The first touch of an item in an epoch comes here, and no other does: whoever changes an item
 * compares its stamp with {@link ChangeLog.stamp} and calls `changing` if it is lower. Then
 *
 * - every open cut that has not written the item keeps what it was (copy on write);
 * - the item is noted as changed in this epoch. The next delta is what was noted since the cut of its base. Notes go with
 *   epochs, not with checkpoints that may be aborted, so after an abort they are simply part of the next delta.
 */
export class ChangeLog<T extends Tracked, K> {
  /** The stamp of what is changed now. */
  stamp = 0;
  /** Whether some cut is being written. */
  writing = false;
  readonly #range: KeyGroupRange;
  readonly #preserve: Preserve<T, K>;
  readonly #size: () => number;
  #cuts: Cut<T, K>[] = [];
  /** Epochs since the base, oldest first; the last one is the present. Undefined: a cut must be whole. */
  #segments: Segment<T>[] | undefined;
  /** The stamp of the cut since which everything is noted. */
  #since = 0;
  #noted = 0;
  /** Below so many notes it need not be asked how many items there are. */
  #enough = leastLimit;

  /**
   * @param preserve fixes an item for a cut
   * @param size how many items there are
   */
  constructor(range: KeyGroupRange, preserve: Preserve<T, K>, size: () => number) {
    this.#range = range;
    this.#preserve = preserve;
    this.#size = size;
  }

  /** Whether there are no items. */
  get isEmpty(): boolean {
    return this.#size() === 0;
  }

  /** The item is about to be changed, or handed out to somebody who could. */
  changing(item: T, group: number): void {
    const cuts = this.#cuts;
    for (let at = 0; at < cuts.length; at++) cuts[at]!.keep(item, group);
    item.stamp = this.stamp;
    if (this.#segments !== undefined) this.#note(this.#segments.at(-1)!.changed, item, group);
  }

  /** The item was made. */
  made(item: T, group: number): void {
    item.stamp = this.stamp + 1;
    if (this.#segments !== undefined) this.#note(this.#segments.at(-1)!.changed, item, group);
  }

  /** The item is about to go. */
  removing(item: T, group: number): void {
    for (const cut of this.#cuts) cut.keep(item, group);
    // What was made in this epoch is in no checkpoint that could be a base.
    const fresh = item.stamp === this.stamp + 1;
    item.stamp = -1;
    if (this.#segments !== undefined && !fresh) this.#note(this.#segments.at(-1)!.removed, item, group);
  }

  /**
   * Fixes the content as of now, in constant time.
   * @param since the stamp that the base's cut had; undefined for a cut that stands alone
   * @param followed whether a later delta may have this cut as its base
   */
  cut(since: number | undefined, followed: boolean): Cut<T, K> {
    const segments = since === undefined || since < this.#since
      ? undefined
      : this.#segments?.filter((segment) => segment.stamp > since);
    const cut = new Cut<T, K>({
      stamp: this.stamp,
      since: segments === undefined ? -2 : since as number,
      segments,
      range: this.#range,
      preserve: this.#preserve,
      released: () => this.#released(cut),
    });
    this.#cuts.push(cut);
    this.writing = true;
    if (this.#segments === undefined && followed) {
      this.#segments = [];
      this.#since = this.stamp;
    }
    this.stamp += 2;
    this.#segments?.push(newSegment(this.stamp));
    return cut;
  }

  /** The cut with that stamp is the base of deltas from now on: what was noted before it is not needed any more. */
  based(stamp: number): void {
    if (this.#segments === undefined) return;
    for (const segment of this.#segments) if (segment.stamp <= stamp) this.#noted -= segment.count;
    this.#segments = this.#segments.filter((segment) => segment.stamp > stamp);
    this.#since = Math.max(this.#since, stamp);
  }

  #note(lists: (T[] | undefined)[], item: T, group: number): void {
    (lists[group - this.#range.first] ??= []).push(item);
    this.#segments!.at(-1)!.count++;
    if (++this.#noted <= this.#enough) return;
    this.#enough = Math.max(leastLimit, this.#size() / 2);
    if (this.#noted <= this.#enough) return;
    // Notes would outgrow the content, and without a checkpoint for long, the memory.
    this.#segments = undefined;
    this.#noted = 0;
  }

  #released(cut: Cut<T, K>): void {
    this.#cuts = this.#cuts.filter((open) => open !== cut);
    this.writing = this.#cuts.length > 0;
  }
}

function newSegment<T>(stamp: number): Segment<T> {
  return { stamp, changed: [], removed: [], count: 0 };
}
