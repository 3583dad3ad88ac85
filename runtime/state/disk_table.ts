import { type Key, type KeyIdentity, keyIdentity } from "../graph/key.ts";
import type { OrderedStore, StoreBatch } from "../graph/ordered_store.ts";
import { DiskCut } from "./disk_cut.ts";
import type { EntryCodec } from "./entry_codec.ts";
import { type Entry, type EntryChanges, type EntryTable, ExpiringEntry } from "./entry_table.ts";
import { decodeChunk, encodeChunk } from "./keyed_part.ts";
import { entryPrefix, groupOfEntry, keptPrefix, keyAfter, noteOfEntry, notePrefix, prefixEnd, storeKey } from "./store_keys.ts";

/** The stamp of an entry that is in the store as it is at hand, and of one that is not. */
const clean = -1;
const dirty = 0;

/** An entry at hand. */
class DiskEntry extends ExpiringEntry {
  /** Its key in the store. */
  readonly at: Uint8Array;
  /** Whether the store may have something under the key. */
  stored: boolean;
  /** The epoch in which the store last took a change of it. */
  epoch: number;
  gone = false;

  constructor(key: Key, value: unknown, at: Uint8Array, stored: boolean, epoch: number) {
    super(key, value);
    this.at = at;
    this.stored = stored;
    this.epoch = epoch;
    this.stamp = clean;
  }
}

/** A stored value: 4 bytes epoch, 8 bytes time of expiry, then the entry as a chunk of its own. */
export const storedHeader = 12;

/** What a table has at hand. */
export interface DiskLimits {
  /** So many changed entries are written together; a record waits for it. */
  readonly changed: number;
  /** So many that come out of a snapshot, when no record waits. */
  readonly loaded: number;
  /** At most about twice so many entries, or bytes of them, are at hand. */
  readonly entries: number;
  readonly bytes: number;
}

/** For each state of a subtask: some ten thousand entries of 100 bytes, and a few megabytes of larger ones. */
export const diskLimits: DiskLimits = { changed: 32, loaded: 512, entries: 4_096, bytes: 4 * 1024 * 1024 };

/** How many entries are looked at together when all are walked. */
const walkEntries = 64;

/** So many notes, or copies, that are not needed any more are removed with each write. */
const swept = 1_024;

const noValue = new Uint8Array(0);

/** What a table is made for. */
export interface DiskPlace {
  readonly store: OrderedStore;
  /** The number of the section in the store. */
  readonly section: number;
  readonly limits: DiskLimits;
}

/**
 * The entries of one keyed state in an ordered store, and some at hand: those used last, and those changed since the last write.
 * Changes are written together, between two uses of the table, so that none waits for a promise.
 *
 * What was changed or removed is noted by epoch, in the store, once per epoch and key. Epochs are those of `ChangeLog`. Before
 * what belongs to an open cut is overwritten, it is copied in the store.
 */
export class DiskTable implements EntryTable {
  readonly changes: EntryChanges;
  /** The epoch of what is changed now. */
  epoch = 0;
  /** How many entries there are: after a restore of layers, about. */
  size = 0;
  readonly #place: DiskPlace;
  readonly #codec: EntryCodec;
  /** Entries at hand: used since the last turnover, and those used before that. */
  #recent = new Map<KeyIdentity, DiskEntry>();
  #older = new Map<KeyIdentity, DiskEntry>();
  #recentBytes = 0;
  readonly #dirty = new Set<DiskEntry>();
  /** What could not be encoded stays at hand, and fails snapshots. */
  #refusal: { readonly error: unknown; readonly entries: number } | undefined;
  readonly #prefixes: Uint8Array[] = [];
  /** How many changes are noted, by epoch; undefined while nothing is. */
  #noted: Map<number, number> | undefined;
  /** Epochs whose notes are not needed any more, but by open cuts. */
  #dropped: number[] = [];
  /** Prefixes of what is being removed. */
  readonly #obsolete: Uint8Array[] = [];
  readonly #cuts = new Set<DiskCut>();

  constructor(place: DiskPlace, codec: EntryCodec) {
    this.#place = place;
    this.#codec = codec;
    this.changes = { stamp: dirty, writing: false, changing: (entry) => this.#change(entry as DiskEntry) };
  }

  /** Why what is at hand cannot be written: something in it cannot be encoded. */
  get refusal(): { readonly error: unknown } | undefined {
    return this.#refusal;
  }

  find(group: number, identity: KeyIdentity): Entry | undefined {
    if (this.#dirty.size >= this.#place.limits.changed) this.#makeRoom(this.#place.limits.changed);
    const entry = this.#recent.get(identity) ?? this.#lookUp(group, identity);
    return entry === undefined || entry.gone ? undefined : entry;
  }

  insert(group: number, identity: KeyIdentity, key: Key, value: unknown): Entry {
    const before = this.#recent.get(identity);
    const at = before?.at ?? this.#keyOf(group, identity, key);
    const entry = new DiskEntry(key, value, at, before?.stored ?? false, before?.epoch ?? -1);
    if (before !== undefined) this.#dirty.delete(before);
    this.#recent.set(identity, entry);
    this.#change(entry);
    this.size++;
    return entry;
  }

  remove(group: number, identity: KeyIdentity, entry: Entry): void {
    const { key } = entry;
    const found = entry instanceof DiskEntry ? entry : new DiskEntry(key, undefined, this.#keyOf(group, identity, key), true, -1);
    found.gone = true;
    found.value = undefined;
    this.#older.delete(identity);
    this.#recent.set(identity, found);
    this.#change(found);
    this.size--;
  }

  load(group: number, identity: KeyIdentity, key: Key, value: unknown, expires: number): void {
    this.#makeRoom(this.#place.limits.loaded);
    const entry = new DiskEntry(key, value, this.#keyOf(group, identity, key), true, -1);
    entry.expires = expires;
    this.#replace(identity, entry);
    this.size++;
  }

  unload(group: number, identity: KeyIdentity): void {
    this.#makeRoom(this.#place.limits.loaded);
    const entry = new DiskEntry(0, undefined, this.#keyOf(group, identity, undefined), true, -1);
    entry.gone = true;
    this.#replace(identity, entry);
  }

  *walk(): IterableIterator<readonly [number, KeyIdentity, Entry]> {
    let from = entryPrefix(this.#place.section);
    const to = prefixEnd(from);
    for (;;) {
      const found = this.#place.store.range(from, to, walkEntries);
      if (found.length === 0) return;
      const entries = found.map(({ key, value }) => this.#decode(key, value));
      from = keyAfter(entries.at(-1)!.at);
      for (const entry of entries) {
        const identity = keyIdentity(entry.key);
        const atHand = this.#recent.get(identity) ?? this.#older.get(identity);
        if (atHand?.gone !== true) yield [groupOfEntry(entry.at), identity, atHand ?? entry];
      }
    }
  }

  /** Begins to note what changes. */
  startNotes(): void {
    this.#noted ??= new Map();
  }

  /** How many changes are noted since an epoch; undefined when not all of them are. */
  notedSince(epoch: number): number | undefined {
    if (this.#noted === undefined) return undefined;
    let count = 0;
    for (const [of, notes] of this.#noted) if (of > epoch) count += notes;
    return count;
  }

  /** Notes up to that epoch are not needed any more. */
  dropNotes(epoch: number): void {
    for (const of of [...this.#noted?.keys() ?? []]) {
      if (of > epoch) continue;
      this.#noted?.delete(of);
      this.#dropped.push(of);
    }
    this.#sweepDropped();
  }

  /**
   * What is in the store now, to be written in order; a new epoch begins. What is at hand has to be written before.
   * @param since the epoch of the base's cut; undefined for the whole content
   */
  cut(since: number | undefined): DiskCut {
    const cut = new DiskCut(this.#place.section, this.epoch, since);
    this.#cuts.add(cut);
    this.epoch += 2;
    return cut;
  }

  /** What has that prefix in the store is not needed any more. */
  discard(prefix: Uint8Array): void {
    this.#obsolete.push(prefix);
  }

  /** Nothing of a cut will be asked for any more. */
  release(cut: DiskCut): void {
    if (!this.#cuts.delete(cut)) return;
    this.discard(keptPrefix(this.#place.section, cut.stamp));
    this.#sweepDropped();
  }

  /**
   * Writes what has changed. What cannot be encoded stays: see {@link refusal}.
   * @throws {SluiceError} `STATE_BACKEND_FAILED`
   */
  flush(): void {
    if (this.#dirty.size === 0) return;
    this.#refusal = undefined;
    let refused = 0;
    let refusal: unknown;
    const puts: { readonly entry: DiskEntry; readonly value: Uint8Array | undefined }[] = [];
    for (const entry of this.#dirty) {
      if (entry.gone) {
        puts.push({ entry, value: undefined });
        continue;
      }
      try {
        puts.push({ entry, value: this.#encode(entry) });
      } catch (error) {
        refusal ??= error;
        refused++;
      }
    }
    this.#place.store.write((batch) => {
      for (const { entry, value } of puts) this.#put(batch, entry, value);
      this.#sweep(batch);
    });
    for (const { entry, value } of puts) {
      this.#dirty.delete(entry);
      this.#recentBytes += value?.length ?? 0;
      entry.stamp = clean;
      entry.epoch = this.epoch;
      entry.stored = value !== undefined;
    }
    if (refused > 0) this.#refusal = { error: refusal, entries: refused };
  }

  #lookUp(group: number, identity: KeyIdentity): DiskEntry | undefined {
    this.#turnOver();
    let entry = this.#older.get(identity);
    if (entry === undefined) {
      const at = this.#keyOf(group, identity, undefined);
      const value = this.#place.store.get(at);
      if (value === undefined) return undefined;
      this.#recentBytes += value.length;
      entry = this.#decode(at, value);
    } else {
      this.#older.delete(identity);
    }
    this.#recent.set(identity, entry);
    return entry;
  }

  /** @param most so many changes may stay unwritten */
  #makeRoom(most: number): void {
    if (this.#dirty.size - (this.#refusal?.entries ?? 0) >= most) this.flush();
    this.#turnOver();
  }

  /** Lets go of what was not used for longest, when there is much. Nothing unwritten goes. */
  #turnOver(): void {
    const { entries, bytes } = this.#place.limits;
    if (this.#recent.size < entries && this.#recentBytes < bytes) return;
    this.flush();
    this.#older = this.#recent;
    this.#recent = new Map();
    this.#recentBytes = 0;
    for (const entry of this.#dirty) {
      const identity = keyIdentity(entry.key);
      this.#older.delete(identity);
      this.#recent.set(identity, entry);
    }
  }

  #replace(identity: KeyIdentity, entry: DiskEntry): void {
    const before = this.#recent.get(identity);
    if (before !== undefined) this.#dirty.delete(before);
    this.#older.delete(identity);
    this.#recent.set(identity, entry);
    this.#change(entry);
  }

  #change(entry: DiskEntry): void {
    entry.stamp = dirty;
    this.#dirty.add(entry);
  }

  #encode(entry: DiskEntry): Uint8Array {
    const bytes = this.#codec.encode([entry], storedHeader);
    const header = new DataView(bytes.buffer, bytes.byteOffset, storedHeader);
    header.setUint32(0, this.epoch);
    header.setFloat64(4, entry.expires);
    return bytes;
  }

  #put(batch: StoreBatch, entry: DiskEntry, value: Uint8Array | undefined): void {
    if (this.#cuts.size > 0 && entry.stored) this.#keep(batch, entry);
    if (value !== undefined) batch.put(entry.at, value);
    else if (entry.stored) batch.remove(entry.at);
    if (this.#noted === undefined || (value === undefined && !entry.stored)) return;
    // The key of what is gone is nowhere else.
    if (value === undefined) batch.put(noteOfEntry(entry.at, this.epoch), encodeChunk([[entry.key]], this.#codec.name));
    else if (entry.epoch !== this.epoch) batch.put(noteOfEntry(entry.at, this.epoch), noValue);
    else return;
    this.#noted.set(this.epoch, (this.#noted.get(this.epoch) ?? 0) + 1);
  }

  /** Copies what the store has of an entry for the cuts that it belongs to. */
  #keep(batch: StoreBatch, { at, epoch }: DiskEntry): void {
    let stored: Uint8Array | undefined;
    for (const cut of this.#cuts) {
      if (epoch > cut.stamp || !cut.awaits(at)) continue;
      stored ??= this.#place.store.get(at);
      if (stored === undefined) return;
      if (cut.holds(epochOf(stored))) cut.keep(batch, at, stored);
    }
  }

  #sweepDropped(): void {
    const { section } = this.#place;
    const needed = (epoch: number) => [...this.#cuts].some((cut) => cut.since >= 0 && cut.holds(epoch));
    for (const epoch of this.#dropped) if (!needed(epoch)) this.discard(notePrefix(section, epoch));
    this.#dropped = this.#dropped.filter(needed);
  }

  #sweep(batch: StoreBatch): void {
    const from = this.#obsolete[0];
    if (from === undefined) return;
    const found = this.#place.store.range(from, prefixEnd(from), swept);
    for (const { key } of found) batch.remove(key);
    if (found.length < swept) this.#obsolete.shift();
  }

  #decode(at: Uint8Array, stored: Uint8Array): DiskEntry {
    const header = new DataView(stored.buffer, stored.byteOffset, storedHeader);
    const [keys, values] = this.#codec.columns(decodeChunk(stored.subarray(storedHeader), this.#codec.name));
    const entry = new DiskEntry(keys[0]!, this.#codec.unpack(values?.[0]), at, true, header.getUint32(0));
    entry.expires = header.getFloat64(4);
    return entry;
  }

  #keyOf(group: number, identity: KeyIdentity, key: Key | undefined): Uint8Array {
    const prefix = this.#prefixes[group] ??= entryPrefix(this.#place.section, group);
    return storeKey(prefix, identity, key, `state ${this.#codec.name}`);
  }
}

/** The epoch in which what is stored was changed. */
export function epochOf(stored: Uint8Array): number {
  return new DataView(stored.buffer, stored.byteOffset, 4).getUint32(0);
}
