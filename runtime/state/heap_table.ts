import type { Key, KeyIdentity } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { ChangeLog, type Preserve, type Tracked } from "./changes.ts";

/** What a table holds for one key. The box lets a get and the set after it share one look-up. */
export class Entry implements Tracked {
  readonly key: Key;
  value: unknown;
  stamp = 0;
  /** When it expires, where the state does. */
  expires = 0;

  constructor(key: Key, value: unknown) {
    this.key = key;
    this.value = value;
  }
}

/**
 * The entries of one keyed state: one `Map` per key group, so that none outgrows what a `Map` can hold.
 *
 * Whoever changes the value of an entry, or hands out one that can be changed, tells `changes` beforehand.
 */
export class HeapTable<K = unknown> {
  readonly changes: ChangeLog<Entry, K>;
  private readonly first: number;
  private readonly groups: readonly Map<KeyIdentity, Entry>[];

  /** @param preserve fixes an entry for a snapshot being written */
  constructor(range: KeyGroupRange, preserve: Preserve<Entry, K>) {
    this.first = range.first;
    this.groups = Array.from({ length: range.last - range.first + 1 }, () => new Map<KeyIdentity, Entry>());
    this.changes = new ChangeLog(range, preserve, () => this.size);
  }

  /** The entry of a key, if it has one. */
  find(group: number, identity: KeyIdentity): Entry | undefined {
    const entries = this.groups[group - this.first] as Map<KeyIdentity, Entry>;
    // An engine that knows the key to be a small integer need not look at its kind in every look-up.
    if (typeof identity === "number" && (identity | 0) === identity) return entries.get(identity | 0);
    return entries.get(identity);
  }

  /** Adds an entry; the key must have none. */
  insert(group: number, identity: KeyIdentity, key: Key, value: unknown): Entry {
    const entry = new Entry(key, value);
    this.changes.made(entry, group);
    this.groups[group - this.first]!.set(identity, entry);
    return entry;
  }

  /** Removes an entry, which must be there. */
  remove(group: number, identity: KeyIdentity, entry: Entry): void {
    this.changes.removing(entry, group);
    this.groups[group - this.first]!.delete(identity);
  }

  /** Puts an entry there that comes out of a snapshot, whatever stood there. */
  load(group: number, identity: KeyIdentity, key: Key, value: unknown): Entry {
    const entry = new Entry(key, value);
    this.groups[group - this.first]!.set(identity, entry);
    return entry;
  }

  /** Removes an entry as a snapshot says. */
  unload(group: number, identity: KeyIdentity): void {
    this.groups[group - this.first]!.delete(identity);
  }

  /** The entries of one group, in order of insertion. */
  entriesOf(group: number): ReadonlyMap<KeyIdentity, Entry> {
    return this.groups[group - this.first]!;
  }

  /** All entries, group by group; entries may come and go meanwhile. */
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
}
