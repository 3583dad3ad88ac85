import type { KeyGroupRange } from "../graph/operator.ts";
import type { Preserve, Tracked } from "./changes.ts";
import type { Notes } from "./notes.ts";
import type { RowMarks } from "./touched_rows.ts";

/** What was touched in one epoch. */
export interface Segment<T> {
  /** 2·epoch. */
  readonly stamp: number;
  /** Undefined where changes were not noted: they show by the stamps of all items, but for those in rows. */
  readonly changed: Notes<T> | undefined;
  /** The rows that were changed; undefined for none. */
  readonly rows: RowMarks | undefined;
  /** What went and was not made in the same epoch; undefined for nothing. */
  readonly removed: Notes<T> | undefined;
  /** How many changes there were. */
  readonly count: number;
}

/** What a cut is made from. */
export interface CutOptions<T, K> {
  readonly stamp: number;
  /** The stamp of the base's cut; undefined: the whole content is to be written. */
  readonly since: number | undefined;
  /** Items with stamps up to this one were encoded by earlier cuts, as they are; -1: none are known to be. */
  readonly encoded: number;
  /** Epochs since the base. */
  readonly epochs: readonly Segment<T>[];
  readonly range: KeyGroupRange;
  readonly preserve: Preserve<T, K>;
  readonly released: () => void;
  /** How many items the section has. */
  readonly size: number;
  /** All of it was encoded. */
  readonly written: (cut: Stamps) => void;
}

/** What was noted of one epoch, and the stamps of what was not changed again later. */
export interface NotedChanges<T> {
  readonly notes: Notes<T>;
  readonly stamps: Stamps;
}

/** Stamps from `least` to `most`. */
export interface Stamps {
  readonly least: number;
  readonly most: number;
}

/**
 * The content of one section as of one moment, while it is being written group by group: items that were not touched since are
 * read where they are; what was touched before it was written is kept here.
 */
export class Cut<T extends Tracked, K> implements Stamps {
  readonly whole: boolean;
  /** Whether there is nothing to write. */
  readonly isEmpty: boolean;
  /** About how many items there are to write. */
  readonly count: number;
  /** What went since the base. */
  readonly removed: readonly Notes<T>[];
  /** What was changed since the base, but for rows, by epoch; undefined: what it is shows by the stamps of all items. */
  readonly changed: readonly NotedChanges<T>[] | undefined;
  /** The rows that were changed since the base; undefined: all are to be looked at. */
  readonly rows: readonly RowMarks[] | undefined;
  /** The stamps of items that it has to write and that, unkept, are as they were. */
  readonly least: number;
  readonly most: number;
  /** Items with stamps up to this one were encoded by earlier cuts, as they are. */
  readonly encoded: number;
  readonly #range: KeyGroupRange;
  readonly #preserve: Preserve<T, K>;
  readonly #released: () => void;
  readonly #written: (cut: Stamps) => void;
  readonly #kept: (K[] | undefined)[] = [];
  /** The first group being written: those below it are done. */
  #group: number;
  #failure: { readonly cause: unknown } | undefined;

  constructor({ stamp, since, encoded, epochs, range, preserve, released, size, written }: CutOptions<T, K>) {
    this.encoded = encoded;
    this.whole = since === undefined;
    this.count = since === undefined ? size : epochs.reduce((sum, { count }) => sum + count, 0);
    this.isEmpty = this.count === 0;
    this.least = since === undefined ? 0 : since + 2;
    this.most = stamp + 1;
    this.removed = epochs.flatMap((epoch) => epoch.removed ?? []);
    this.changed = since === undefined ? undefined : notesOf(epochs);
    this.rows = since === undefined ? undefined : epochs.flatMap(({ rows }) => rows === undefined ? [] : [rows]);
    this.#range = range;
    this.#preserve = preserve;
    this.#released = released;
    this.#written = written;
    this.#group = range.first;
    if (this.isEmpty) written(this);
  }

  /** The item is touched, for the first time in an epoch: keeps it if it belongs to the cut and may not be written yet. */
  keep(item: T, group: number): void {
    if (group < this.#group || item.stamp < this.least || item.stamp > this.most) return;
    try {
      this.#preserve(item, group, this.#kept[group - this.#range.first] ??= []);
    } catch (cause) {
      // Fails the snapshot, not the record whose processing touched the item.
      this.#failure ??= { cause };
    }
  }

  /** Begins with a group, and with those behind it that are written with it; groups come in order. */
  enter(group: number): void {
    this.#group = group;
    this.check();
  }

  /** The groups are written: nothing more of them needs to be kept. */
  leave({ first, last }: KeyGroupRange): void {
    this.check();
    this.#group = last + 1;
    for (let group = first; group <= last; group++) this.#kept[group - this.#range.first] = undefined;
    if (last === this.#range.last) this.#written(this);
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

/** An item counts in the epoch in which it was last touched. */
function notesOf<T>(epochs: readonly Segment<T>[]): NotedChanges<T>[] | undefined {
  const all = epochs.flatMap(({ changed, stamp }) => {
    return changed === undefined ? [] : { notes: changed, stamps: { least: stamp, most: stamp + 1 } };
  });
  return all.length === epochs.length ? all : undefined;
}
