import type { KeyGroupRange } from "../graph/operator.ts";
import { apart } from "./apart.ts";
import { Entry } from "./entry_table.ts";
import { RowGroup, rowHead, spreading } from "./row_group.ts";
import type { RowShape } from "./row_shape.ts";
import type { RowMarks } from "./touched_rows.ts";

/** So many are out of their rows at most: few enough for the processor's nearer caches. */
const handBits = 9;

/** The place of a number out of 2^(32 - shift). */
export function placeOfNumber(key: number, shift: number): number {
  return Math.imul(key, spreading) >>> shift;
}

/** An entry that is out of its row: it is what counts, until it is put back. Then it may stand for another key. */
export class RowEntry extends Entry {
  declare key: number;
  group: number;
  /** The offset of its row; -1 once it has none. */
  at: number;

  constructor(key: number, value: unknown, stamp: number, group: number, at: number) {
    super(key, value);
    this.stamp = stamp;
    this.group = group;
    this.at = at;
  }
}

/**
 * Entries of a table whose keys are numbers and whose values fit one shape, in rows of numbers.
 *
 * Millions of entries, each with a value of its own, are millions of small objects all over the heap: whoever walks over them
 * waits for memory at each, and so does a collector of garbage. Rows lie side by side. What is in use is taken out of its row,
 * and put back when its place at hand is needed, or a snapshot begins; so it may be changed in place as other entries are.
 */
export class EntryRows {
  readonly shape: RowShape;
  /** What is out of its row, each at the place that {@link placeOfNumber} gives its key. */
  readonly hand: (RowEntry | undefined)[] = new Array<RowEntry | undefined>(1 << handBits).fill(undefined);
  readonly handShift: number = 32 - handBits;
  readonly first: number;
  private readonly groups: readonly RowGroup[];
  private readonly present: { readonly stamp: number };
  private readonly outgrown: (entry: RowEntry) => void;

  /**
   * @param present has the stamp of what is changed now
   * @param outgrown takes an entry whose value fits no more: it has no row now
   */
  constructor(
    { first, last }: KeyGroupRange,
    shape: RowShape,
    present: { readonly stamp: number },
    outgrown: (entry: RowEntry) => void,
  ) {
    this.shape = shape;
    this.first = first;
    this.groups = Array.from({ length: last - first + 1 }, () => new RowGroup(shape.width));
    this.present = present;
    this.outgrown = outgrown;
  }

  get size(): number {
    return this.groups.reduce((sum, { size }) => sum + size, 0);
  }

  /** Takes the entry of a key out of its row, if it has one. It must not be at hand. */
  take(group: number, key: number): RowEntry | undefined {
    const rows = this.of(group);
    const at = rows.find(key);
    if (at < 0) return undefined;
    const place = placeOfNumber(key, this.handShift);
    const value = this.shape.read(rows.cells, at + rowHead);
    const stamp = rows.cells[at + 1] as number;
    const entry = this.makeRoom(place);
    if (entry === undefined) return this.hand[place] = new RowEntry(key, value, stamp, group, at);
    entry.key = key;
    entry.value = value;
    entry.stamp = stamp;
    entry.group = group;
    entry.at = at;
    return entry;
  }

  /** Gives a key, which must have no row, one with this value, and has it at hand; undefined where the value does not fit. */
  insert(group: number, key: number, value: unknown, stamp: number): RowEntry | undefined {
    const at = this.add(group, key, value, stamp);
    if (at < 0) return undefined;
    this.of(group).mark(at);
    const place = placeOfNumber(key, this.handShift);
    this.makeRoom(place);
    return this.hand[place] = new RowEntry(key, value, stamp, group, at);
  }

  /** Gives a key, which must have no row, one with this value: its offset; -1, and none given, where the value does not fit. */
  add(group: number, key: number, value: unknown, stamp: number): number {
    const rows = this.of(group);
    const at = rows.add(key, stamp);
    if (this.shape.write(value, rows.cells, at + rowHead)) return at;
    rows.remove(at);
    return -1;
  }

  /** Removes an entry that is out of its row, and the row. */
  remove(entry: RowEntry): void {
    this.of(entry.group).remove(entry.at);
    entry.at = -1;
    const place = placeOfNumber(entry.key, this.handShift);
    if (this.hand[place] === entry) this.hand[place] = undefined;
  }

  /** Removes the row of a key, if it has one. It must not be at hand. */
  forget(group: number, key: number): void {
    const rows = this.of(group);
    const at = rows.find(key);
    if (at >= 0) rows.remove(at);
  }

  /** Has every row as it is now; what is out of its row stays at hand. Gives the rows that were touched since the last time. */
  settle(): RowMarks {
    for (let place = 0; place < this.hand.length; place++) this.makeRoom(place);
    return this.groups.map((rows) => rows.takeMarks());
  }

  /** The rows of one group. */
  of(group: number): RowGroup {
    return this.groups[group - this.first] as RowGroup;
  }

  /**
   * Puts back what has this place, if it has changed since the last snapshot began, when all were put back. It stays at hand,
   * to be used again, unless it has outgrown its row.
   */
  private makeRoom(place: number): RowEntry | undefined {
    const entry = this.hand[place];
    if (entry === undefined || entry.stamp < this.present.stamp) return entry;
    const rows = this.of(entry.group);
    rows.touch(entry.at, entry.stamp);
    return this.shape.write(entry.value, rows.cells, entry.at + rowHead) ? entry : apart(this.moveOut, entry);
  }

  private readonly moveOut = (entry: RowEntry): undefined => {
    this.remove(entry);
    this.outgrown(entry);
  };
}
