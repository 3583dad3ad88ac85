import type { Key, KeyIdentity } from "../graph/key.ts";
import type { Tracked } from "./changes.ts";

/** What a table holds for one key. The box lets a get and the set after it share one look-up. */
export class Entry implements Tracked {
  readonly key: Key;
  value: unknown;
  stamp = 0;

  constructor(key: Key, value: unknown) {
    this.key = key;
    this.value = value;
  }
}

/** What a table of a state that expires holds for one key. Others go without: there may be millions. */
export class ExpiringEntry extends Entry {
  /** When it does. */
  expires = 0;
}

/** What handles tell a table of changes in values. */
export interface EntryChanges {
  /** Entries with a lower stamp have to be reported before they change. */
  readonly stamp: number;
  /** Whether values that are handed out have to be reported, too. */
  readonly writing: boolean;
  changing(entry: Entry, group: number): void;
}

/**
 * The entries of one keyed state, as its handles see them. An entry that was found may be used until the next `find`.
 *
 * Whoever changes the value of an entry, or hands out one that can be changed, tells `changes` beforehand.
 */
export interface EntryTable {
  readonly changes: EntryChanges;
  /** The entry of a key, if it has one. */
  find(group: number, identity: KeyIdentity): Entry | undefined;
  /** Adds an entry; the key must have none. */
  insert(group: number, identity: KeyIdentity, key: Key, value: unknown): Entry;
  /** Removes an entry, which must be there. */
  remove(group: number, identity: KeyIdentity, entry: Entry): void;
  /** Puts an entry there that comes out of a snapshot, whatever stood there. */
  load(group: number, identity: KeyIdentity, key: Key, value: unknown, expires: number): void;
  /** Removes an entry as a snapshot says. */
  unload(group: number, identity: KeyIdentity): void;
  /** All entries, group by group; entries may come and go meanwhile. */
  walk(): IterableIterator<readonly [number, KeyIdentity, Entry]>;
}
