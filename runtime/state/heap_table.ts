import type { Key, KeyIdentity } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { ChangeLog, type Preserve } from "./changes.ts";
import { Entry, type EntryTable, ExpiringEntry } from "./entry_table.ts";

/** The near table has two places a key, from 2^10 to 2^20 of them: where many keys share a place, to look is in vain. */
const [leastBits, mostBits] = [10, 20];

/** How many entries are made, at least, before it is asked again how many there are. */
const leastGrowth = 1 << (leastBits - 1);
const neverGrows = 1 << 30;

/** Spreads neighbouring numbers, and those with equal low bits, by the golden ratio. */
function nearPlace(key: number, shift: number): number {
  return Math.imul(key, 0x9e3779b1) >>> shift;
}

/**
 * The entries of one keyed state: one `Map` per key group, so that none outgrows what a `Map` can hold.
 *
 * Before the maps stands a table of what was found last, for keys that are numbers: a look-up in it takes half the steps of one
 * in a `Map`, each of which waits for memory.
 */
export class HeapTable<K = unknown> implements EntryTable {
  readonly changes: ChangeLog<Entry, K>;
  private readonly first: number;
  private readonly groups: readonly Map<KeyIdentity, Entry>[];
  /** Entries of numbers that were found last, each at the place that its key has: what is in here is in its group, too. */
  private near: (Entry | undefined)[] = [];
  private nearShift = 0;
  /** The near table grows at so many entries more. */
  private untilGrowth = leastGrowth;
  private readonly expiring: boolean;

  /**
   * @param preserve fixes an entry for a snapshot being written
   * @param expiring whether entries are {@link ExpiringEntry}s
   */
  constructor(range: KeyGroupRange, preserve: Preserve<Entry, K>, expiring: boolean) {
    this.expiring = expiring;
    this.first = range.first;
    this.groups = Array.from({ length: range.last - range.first + 1 }, () => new Map<KeyIdentity, Entry>());
    this.#makeNear(leastBits);
    this.changes = new ChangeLog(range, preserve, () => this.size);
  }

  find(group: number, identity: KeyIdentity): Entry | undefined {
    if (typeof identity === "number") {
      const near = this.near[nearPlace(identity, this.nearShift)];
      if (near !== undefined && near.key === identity) return near;
    }
    return this.look(group, identity);
  }

  private look(group: number, identity: KeyIdentity): Entry | undefined {
    const entries = this.groups[group - this.first] as Map<KeyIdentity, Entry>;
    if (typeof identity !== "number") return entries.get(identity);
    // An engine that knows the key to be a small integer need not look at its kind.
    const found = (identity | 0) === identity ? entries.get(identity | 0) : entries.get(identity);
    if (found !== undefined) this.near[nearPlace(identity, this.nearShift)] = found;
    return found;
  }

  insert(group: number, identity: KeyIdentity, key: Key, value: unknown): Entry {
    const entry = this.expiring ? new ExpiringEntry(key, value) : new Entry(key, value);
    this.changes.made(entry, group);
    if (--this.untilGrowth < 0) this.#grow();
    this.groups[group - this.first]!.set(identity, entry);
    return entry;
  }

  remove(group: number, identity: KeyIdentity, entry: Entry): void {
    this.changes.removing(entry, group);
    this.#forget(identity);
    this.groups[group - this.first]!.delete(identity);
  }

  load(group: number, identity: KeyIdentity, key: Key, value: unknown, expires: number): void {
    const entry = this.expiring ? new ExpiringEntry(key, value) : new Entry(key, value);
    if (entry instanceof ExpiringEntry) entry.expires = expires;
    this.#forget(identity);
    if (--this.untilGrowth < 0) this.#grow();
    this.groups[group - this.first]!.set(identity, entry);
  }

  unload(group: number, identity: KeyIdentity): void {
    this.#forget(identity);
    this.groups[group - this.first]!.delete(identity);
  }

  /** The entries of one group, in order of insertion. */
  entriesOf(group: number): ReadonlyMap<KeyIdentity, Entry> {
    return this.groups[group - this.first]!;
  }

  *walk(): IterableIterator<readonly [number, KeyIdentity, Entry]> {
    for (const [at, entries] of this.groups.entries()) {
      for (const [identity, entry] of entries) yield [this.first + at, identity, entry];
    }
  }

  /** How many keys have an entry. */
  get size(): number {
    let size = 0;
    for (const group of this.groups) size += group.size;
    return size;
  }

  #forget(identity: KeyIdentity): void {
    if (typeof identity === "number") this.near[nearPlace(identity, this.nearShift)] = undefined;
  }

  /** So many entries were made that it may be too small; they may have gone again, and it is not counted at each that comes. */
  #grow(): void {
    const { size } = this;
    let bits = 32 - this.nearShift;
    while (bits < mostBits && 1 << bits < 2 * size) bits++;
    if (bits !== 32 - this.nearShift) this.#makeNear(bits);
    this.untilGrowth = bits === mostBits ? neverGrows : Math.max((1 << (bits - 1)) - size, leastGrowth);
  }

  /** An empty one: it fills with what is looked for. */
  #makeNear(bits: number): void {
    this.near = new Array<Entry | undefined>(1 << bits).fill(undefined);
    this.nearShift = 32 - bits;
  }
}
