import type { Key, KeyIdentity } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { ChangeLog, type Preserve } from "./changes.ts";
import { EntryRows, placeOfNumber, RowEntry } from "./entry_rows.ts";
import { Entry, type EntryTable, ExpiringEntry } from "./entry_table.ts";
import { RowShape } from "./row_shape.ts";

/** The near table has two places a key, from 2^10 to 2^20 of them: where many keys share a place, to look is in vain. */
const [leastBits, mostBits] = [10, 20];

/** Rows are for tables of which the first entries are alike: half of so many. */
const sampledEntries = 1_024;

/** So many entries more are made before it is asked again whether rows can be begun with, while snapshots are being written. */
const laterGrowth = 1_024;

/** How many entries are made, at least, before it is asked again how many there are. */
const leastGrowth = 1 << (leastBits - 1);
const neverGrows = 1 << 30;

/** What a table is made for. */
export interface HeapTableOptions {
  /** Whether entries are {@link ExpiringEntry}s. */
  readonly expiring: boolean;
  /** With how many entries it begins to keep those in rows that can be; Infinity: never. */
  readonly rowsFrom: number;
}

/**
 * The entries of one keyed state: one `Map` per key group, so that none outgrows what a `Map` can hold.
 *
 * Before the maps stands a table of what was found last, for keys that are numbers: a look-up in it takes half the steps of one
 * in a `Map`, each of which waits for memory.
 *
 * A table that has grown large, with keys that are numbers and values that are numbers or flat records of them, keeps these in
 * {@link EntryRows}, and in the maps what does not fit there. The near table is then of what is out of its row.
 */
export class HeapTable<K = unknown> implements EntryTable {
  readonly changes: ChangeLog<Entry, K>;
  private readonly first: number;
  private readonly groups: readonly Map<KeyIdentity, Entry>[];
  /** Entries of numbers that were found last, each at the place that its key has. */
  private near: (Entry | undefined)[] = [];
  private nearShift = 0;
  /** The near table grows, or rows begin, at so many entries more. */
  private untilGrowth: number;
  private rowsFrom: number;
  /** Entries that are in no map. */
  private inRows: EntryRows | undefined = undefined;
  private readonly expiring: boolean;
  private readonly range: KeyGroupRange;

  /** @param preserve fixes an entry for a snapshot being written */
  constructor(range: KeyGroupRange, preserve: Preserve<Entry, K>, { expiring, rowsFrom }: HeapTableOptions) {
    this.expiring = expiring;
    this.rowsFrom = rowsFrom;
    this.untilGrowth = Math.min(leastGrowth, rowsFrom);
    this.range = range;
    this.first = range.first;
    this.groups = Array.from({ length: range.last - range.first + 1 }, () => new Map<KeyIdentity, Entry>());
    this.#makeNear(leastBits);
    this.changes = new ChangeLog(range, preserve, () => this.size, (entry) => entry instanceof RowEntry && entry.at >= 0);
  }

  find(group: number, identity: KeyIdentity): Entry | undefined {
    if (typeof identity === "number") {
      const near = this.near[placeOfNumber(identity, this.nearShift)];
      if (near !== undefined && near.key === identity) return near;
    }
    return this.look(group, identity);
  }

  private look(group: number, identity: KeyIdentity): Entry | undefined {
    const entries = this.groups[group - this.first] as Map<KeyIdentity, Entry>;
    if (typeof identity !== "number") return entries.get(identity);
    if (this.inRows !== undefined) return this.inRows.take(group, identity) ?? entries.get(identity);
    // An engine that knows the key to be a small integer need not look at its kind.
    const found = (identity | 0) === identity ? entries.get(identity | 0) : entries.get(identity);
    if (found !== undefined) this.near[placeOfNumber(identity, this.nearShift)] = found;
    return found;
  }

  insert(group: number, identity: KeyIdentity, key: Key, value: unknown): Entry {
    if (--this.untilGrowth < 0) this.#grow();
    const inRow = this.inRows === undefined || typeof identity !== "number"
      ? undefined
      : this.inRows.insert(group, identity, value, this.changes.stamp + 1);
    const entry = inRow ?? (this.expiring ? new ExpiringEntry(key, value) : new Entry(key, value));
    this.changes.made(entry, group);
    if (inRow === undefined) this.groups[group - this.first]!.set(identity, entry);
    return entry;
  }

  remove(group: number, identity: KeyIdentity, entry: Entry): void {
    this.changes.removing(entry, group);
    if (this.inRows !== undefined && entry instanceof RowEntry && entry.at >= 0) return this.inRows.remove(entry);
    this.#forget(identity);
    this.groups[group - this.first]!.delete(identity);
  }

  load(group: number, identity: KeyIdentity, key: Key, value: unknown, expires: number): void {
    if (--this.untilGrowth < 0) this.#grow();
    this.#forget(identity);
    const entries = this.groups[group - this.first]!;
    if (this.inRows !== undefined && typeof identity === "number") {
      this.inRows.forget(group, identity);
      if (this.inRows.add(group, identity, value, 0) >= 0) return void entries.delete(identity);
    }
    const entry = this.expiring ? new ExpiringEntry(key, value) : new Entry(key, value);
    if (entry instanceof ExpiringEntry) entry.expires = expires;
    entries.set(identity, entry);
  }

  unload(group: number, identity: KeyIdentity): void {
    this.#forget(identity);
    if (this.inRows !== undefined && typeof identity === "number") this.inRows.forget(group, identity);
    this.groups[group - this.first]!.delete(identity);
  }

  /** The entries that are in rows; undefined as long as none is. */
  get rows(): EntryRows | undefined {
    return this.inRows;
  }

  /** The entries of one group that are not in rows, in order of insertion. */
  entriesOf(group: number): ReadonlyMap<KeyIdentity, Entry> {
    return this.groups[group - this.first]!;
  }

  /** Of a table without rows: only one whose entries expire is walked over. */
  *walk(): IterableIterator<readonly [number, KeyIdentity, Entry]> {
    for (const [at, entries] of this.groups.entries()) {
      for (const [identity, entry] of entries) yield [this.first + at, identity, entry];
    }
  }

  /** How many keys have an entry. */
  get size(): number {
    let size = this.inRows?.size ?? 0;
    for (const group of this.groups) size += group.size;
    return size;
  }

  /** What is out of its row is not forgotten: it may have changed. */
  #forget(identity: KeyIdentity): void {
    if (typeof identity !== "number" || this.inRows !== undefined) return;
    this.near[placeOfNumber(identity, this.nearShift)] = undefined;
  }

  /** So many entries were made that it may be too small; they may have gone again, and it is not counted at each that comes. */
  #grow(): void {
    const { size } = this;
    if (size >= this.rowsFrom) this.#beginRows(size);
    if (this.inRows !== undefined) {
      this.untilGrowth = neverGrows;
      return;
    }
    let bits = 32 - this.nearShift;
    while (bits < mostBits && 1 << bits < 2 * size) bits++;
    if (bits !== 32 - this.nearShift) this.#makeNear(bits);
    const growth = bits === mostBits ? neverGrows : Math.max((1 << (bits - 1)) - size, leastGrowth);
    this.untilGrowth = Math.min(growth, size < this.rowsFrom ? this.rowsFrom - size : laterGrowth);
  }

  /** Moves what fits to rows, unless there is too little of it. */
  #beginRows(size: number): void {
    // What is being written is in the order of the maps.
    if (this.changes.writing) return;
    const shape = this.#shape();
    if (shape === undefined) {
      this.rowsFrom = 2 * size;
      return;
    }
    const rows = new EntryRows(this.range, shape, this.changes, (entry) => {
      this.changes.moved(entry, entry.group);
      this.groups[entry.group - this.first]!.set(entry.key, entry);
    });
    for (const [at, entries] of this.groups.entries()) {
      for (const [identity, { value, stamp }] of entries) {
        if (typeof identity !== "number") continue;
        if (rows.add(this.first + at, identity, value, stamp) >= 0) entries.delete(identity);
      }
    }
    this.changes.beginRows();
    this.inRows = rows;
    this.near = rows.hand;
    this.nearShift = rows.handShift;
  }

  /** The shape of entries that stand for all; undefined where they are not alike. */
  #shape(): RowShape | undefined {
    const sample: Entry[] = [];
    for (const entries of this.groups) {
      for (const entry of entries.values()) if (sample.push(entry) === sampledEntries) break;
      if (sample.length >= sampledEntries) break;
    }
    const first = sample.find(({ key }) => typeof key === "number");
    const shape = RowShape.of(first?.value);
    if (shape === undefined) return undefined;
    const room = new Float64Array(shape.width);
    const alike = sample.filter(({ key, value }) => typeof key === "number" && shape.write(value, room, 0)).length;
    return 2 * alike >= sample.length ? shape : undefined;
  }

  /** An empty one: it fills with what is looked for. */
  #makeNear(bits: number): void {
    this.near = new Array<Entry | undefined>(1 << bits).fill(undefined);
    this.nearShift = 32 - bits;
  }
}
