import type { Key, KeyIdentity } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";

/** What a table holds for one key. The box lets a get and the set after it share one look-up. */
export class Entry {
  readonly key: Key;
  value: unknown;

  constructor(key: Key, value: unknown) {
    this.key = key;
    this.value = value;
  }
}

/** The entries of one keyed state: one `Map` per key group, so that none outgrows what a `Map` can hold. */
export class HeapTable {
  private readonly first: number;
  private readonly groups: readonly Map<KeyIdentity, Entry>[];

  constructor(range: KeyGroupRange) {
    this.first = range.first;
    this.groups = Array.from({ length: range.last - range.first + 1 }, () => new Map<KeyIdentity, Entry>());
  }

  /** The entry of a key, if it has one. */
  find(group: number, identity: KeyIdentity): Entry | undefined {
    const entries = this.groups[group - this.first] as Map<KeyIdentity, Entry>;
    // An engine that knows the key to be a small integer need not look at its kind in every look-up.
    if (typeof identity === "number" && (identity | 0) === identity) return entries.get(identity | 0);
    return entries.get(identity);
  }

  /** Adds an entry, or replaces the one of the same key. */
  insert(group: number, identity: KeyIdentity, key: Key, value: unknown): Entry {
    const entry = new Entry(key, value);
    this.groups[group - this.first]!.set(identity, entry);
    return entry;
  }

  remove(group: number, identity: KeyIdentity): void {
    this.groups[group - this.first]!.delete(identity);
  }

  /** The entries of one group, in order of insertion. */
  entriesOf(group: number): Iterable<Entry> {
    return this.groups[group - this.first]!.values();
  }

  /** How many keys have an entry. */
  get size(): number {
    let size = 0;
    for (const group of this.groups) size += group.size;
    return size;
  }
}
