import type { KeyGroupRange } from "../graph/operator.ts";
import { Cut, type Segment } from "./cut.ts";
import { Notes } from "./notes.ts";
import type { RowMarks } from "./touched_rows.ts";

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

/** In one epoch, changes are noted up to this many, or an eighth of the items: beyond, to look at all items costs no more. */
const leastNoted = 4_096;
const notedOf = 8;

/**
 * Follows the changes of one section, so that snapshots cost nothing when they are taken and as little as possible later.
 *
 * Every cut begins an epoch. The first touch of an item in an epoch comes here, and no other does: whoever changes an item
 * compares its stamp with {@link ChangeLog.stamp} and calls `changing` if it is lower. Then
 *
 * - every open cut that has not written the item keeps what it was (copy on write);
 * - the item is noted as changed in this epoch. The next delta is what was noted since the cut of its base. Notes go with
 *   epochs, not with checkpoints that may be aborted, so after an abort they are simply part of the next delta. Where much
 *   changes, changes are counted only: the delta is then found by the stamps of all items. Those of items in rows are counted
 *   only, too: whoever keeps the rows marks them, and gives the marks when a cut is made.
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
  /** Epochs since the base, oldest first. Undefined: a cut must be whole. */
  #epochs: Epoch<T>[] | undefined;
  /** The last of them. */
  #present: Epoch<T> | undefined;
  /** The stamp of the cut since which everything is followed. */
  #since = 0;
  /** Items with stamps up to this one were encoded by some cut, as they are. */
  #encoded = -1;
  readonly #isMarked: (item: T) => boolean;

  /**
   * @param preserve fixes an item for a cut
   * @param size how many items there are
   * @param isMarked whether an item's row will have a mark, as the item itself may stand for something else later
   */
  constructor(range: KeyGroupRange, preserve: Preserve<T, K>, size: () => number, isMarked: (item: T) => boolean = () => false) {
    this.#range = range;
    this.#preserve = preserve;
    this.#size = size;
    this.#isMarked = isMarked;
  }

  /** Most items stand in rows from now on, with the stamps that they had: the next cut is whole. */
  beginRows(): void {
    this.#epochs = this.#present = undefined;
  }

  /** An item that was changed in this epoch has left its row. */
  moved(item: T, group: number): void {
    this.#note(item, group);
  }

  /** The item is about to be changed, or handed out to somebody who could. */
  changing(item: T, group: number): void {
    if (this.writing) this.#keep(item, group);
    item.stamp = this.stamp;
    this.#touched(item, group);
  }

  /** The item was made. */
  made(item: T, group: number): void {
    item.stamp = this.stamp + 1;
    this.#touched(item, group);
  }

  /** The item is about to go. */
  removing(item: T, group: number): void {
    if (this.writing) this.#keep(item, group);
    // What was made in this epoch is in no checkpoint that could be a base.
    const fresh = item.stamp === this.stamp + 1;
    item.stamp = -1;
    const present = this.#present;
    if (present === undefined || fresh) return;
    (present.removed ??= new Notes()).add(item, group);
    present.count++;
    if (++present.noted > present.enough) this.#look(present);
  }

  /**
   * Fixes the content as of now, in constant time.
   * @param since the stamp that the base's cut had; undefined for a cut that stands alone
   * @param followed whether a later delta may have this cut as its base
   * @param rows the rows that were touched since the last cut; undefined for none
   */
  cut(since: number | undefined, followed: boolean, rows?: RowMarks): Cut<T, K> {
    if (this.#present !== undefined) this.#present.rows = rows;
    if (this.#isMuch) this.#epochs = this.#present = undefined;
    const epochs = since === undefined || since < this.#since ? undefined : this.#epochs?.filter((epoch) => epoch.stamp > since);
    const cut = new Cut<T, K>({
      stamp: this.stamp,
      since: epochs === undefined ? undefined : since,
      encoded: this.#encoded,
      epochs: epochs ?? [],
      range: this.#range,
      preserve: this.#preserve,
      released: () => this.#released(cut),
      size: this.#size(),
      written: ({ least, most }) => {
        if (least <= this.#encoded + 1) this.#encoded = Math.max(this.#encoded, most);
      },
    });
    this.#cuts.push(cut);
    this.writing = true;
    if (this.#epochs === undefined && followed) {
      this.#epochs = [];
      this.#since = this.stamp;
    }
    this.stamp += 2;
    if (this.#epochs !== undefined) this.#epochs.push(this.#present = new Epoch(this.stamp));
    return cut;
  }

  /** Whether nothing was touched since the cut with that stamp, as far as is known. */
  isAsAt(stamp: number): boolean {
    if (this.#epochs === undefined || stamp < this.#since) return false;
    for (const epoch of this.#epochs) if (epoch.stamp > stamp && epoch.count > 0) return false;
    return true;
  }

  /** The cut with that stamp is the base of deltas from now on: what was noted before it is not needed any more. */
  based(stamp: number): void {
    if (this.#epochs === undefined) return;
    this.#epochs = this.#epochs.filter((epoch) => epoch.stamp > stamp);
    this.#since = Math.max(this.#since, stamp);
  }

  #keep(item: T, group: number): void {
    const cuts = this.#cuts;
    for (let at = 0; at < cuts.length; at++) cuts[at]!.keep(item, group);
  }

  #touched(item: T, group: number): void {
    if (!this.#isMarked(item)) this.#note(item, group);
    else if (this.#present !== undefined) this.#present.count++;
  }

  #note(item: T, group: number): void {
    const present = this.#present;
    if (present === undefined) return;
    present.count++;
    present.changed?.add(item, group);
    if (++present.noted > present.enough) this.#look(present);
  }

  /** Whether to go on as before: what is noted must not outgrow the content, nor, without a checkpoint for long, the memory. */
  #look(present: Epoch<T>): void {
    const size = this.#size();
    const most = Math.max(leastNoted, size / notedOf);
    if (present.noted > most) present.changed = undefined;
    present.enough = present.changed === undefined ? 2 * present.noted : most;
    if ((present.removed?.count ?? 0) > Math.max(leastLimit, size / 2)) this.#epochs = this.#present = undefined;
  }

  /** Whether so much was changed since the base that the whole is no more to write. */
  get #isMuch(): boolean {
    const changes = this.#epochs?.reduce((sum, { count }) => sum + count, 0) ?? 0;
    return changes > leastLimit && changes > this.#size() / 2;
  }

  #released(cut: Cut<T, K>): void {
    this.#cuts = this.#cuts.filter((open) => open !== cut);
    this.writing = this.#cuts.length > 0;
  }
}

/** What was touched between two cuts. */
class Epoch<T> implements Segment<T> {
  readonly stamp: number;
  changed: Notes<T> | undefined = new Notes();
  rows: RowMarks | undefined = undefined;
  removed: Notes<T> | undefined = undefined;
  /** How many changes there were. */
  count = 0;
  /** How many of them are not of items in rows. */
  noted = 0;
  /** Up to so many of these it need not be asked how many items there are. */
  enough = leastNoted;

  constructor(stamp: number) {
    this.stamp = stamp;
  }
}
