import type { OrderedStore, StoredEntry, StoreReader } from "../graph/ordered_store.ts";
import { ChunkSize } from "./chunk_size.ts";
import type { DiskCut } from "./disk_cut.ts";
import { type DiskPlace, DiskTable, epochOf, storedHeader } from "./disk_table.ts";
import { EntryCodec, type Packing, type StateSchemas } from "./entry_codec.ts";
import { encodeChunk, type KeyedSection, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
import { emptyChunk, type SectionCut } from "./section_cut.ts";
import { entryOfNote, entryPrefix, keyAfter, notePrefix, prefixEnd } from "./store_keys.ts";
import { Expiry } from "./time_to_live.ts";

/** How many keys one chunk holds at most. */
const keysPerChunk = 512;

/** Changes are written by themselves up to this many, or half as many as there are entries. */
const leastLimit = 4_096;

/** A cut that is being written. */
interface Writing {
  readonly cut: DiskCut;
  readonly reader: StoreReader;
  /** Whether a stored entry is wanted: it has not expired. */
  readonly live: (stored: Uint8Array) => boolean;
  readonly size: ChunkSize;
}

/** A table of keyed state on the disk, in snapshots: what was stored goes into chunks as it is. */
export class DiskSection implements KeyedSection {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly table: DiskTable;
  readonly expiry: Expiry | undefined;
  readonly #store: OrderedStore;
  readonly #number: number;
  readonly #codec: EntryCodec;
  /** The epoch since which everything is noted. */
  #since = 0;

  constructor(
    place: DiskPlace & { readonly uid: string; readonly now: () => number },
    name: string,
    kind: string,
    schemas: StateSchemas,
    packing: Packing,
  ) {
    const { uid, now } = place;
    this.#codec = new EntryCodec(uid, name, kind, schemas, packing);
    this.name = name;
    this.kind = kind;
    this.description = this.#codec.description;
    this.table = new DiskTable(place, this.#codec);
    this.expiry = schemas.ttl === undefined ? undefined : new Expiry(schemas.ttl, now, this.table);
    this.#store = place.store;
    this.#number = place.section;
  }

  cut(since: number | undefined, followed: boolean): SectionCut {
    const { table } = this;
    table.flush();
    const { refusal } = table;
    const noted = since === undefined || since < this.#since ? undefined : table.notedSince(since);
    const whole = noted === undefined || noted > Math.max(leastLimit, table.size / 2);
    if (followed && table.notedSince(0) === undefined) {
      table.startNotes();
      this.#since = table.epoch;
    }
    const cut = table.cut(whole ? undefined : since);
    const reader = this.#store.reader();
    const writing: Writing = { cut, reader, live: whole ? this.#liveness() : () => true, size: new ChunkSize(keysPerChunk) };
    const write = function* (section: DiskSection, group: number): Iterable<Uint8Array> {
      if (refusal !== undefined) throw refusal.error;
      yield* whole ? section.#everything(writing, group) : section.#sinceBase(writing, group);
      cut.reached(prefixEnd(entryPrefix(section.#number, group)));
      yield* section.#copied(writing, group);
    };
    return {
      whole,
      isEmpty: false,
      groupsAtOnce: 1,
      chunks: ({ first }) => write(this, first),
      release: () => {
        table.release(cut);
        reader.close();
      },
    };
  }

  isAsAt(stamp: number): boolean {
    this.table.flush();
    return this.table.refusal === undefined && stamp >= this.#since && this.table.notedSince(stamp) === 0;
  }

  based(stamp: number): void {
    this.table.dropNotes(stamp);
    this.#since = Math.max(this.#since, stamp);
  }

  accept(stored: SectionHeader): SectionLoader {
    return this.#codec.loader(stored, this.table, this.expiry);
  }

  restored(): void {
    this.table.flush();
  }

  /** Whether a stored entry counts as of now. */
  #liveness(): (stored: Uint8Array) => boolean {
    if (this.expiry === undefined) return () => true;
    const now = this.expiry.now();
    return (stored) => new DataView(stored.buffer, stored.byteOffset, storedHeader).getFloat64(4) > now;
  }

  *#everything({ cut, reader, live, size }: Writing, group: number): Iterable<Uint8Array> {
    for (const entries of runs(reader, entryPrefix(this.#number, group), size)) {
      cut.reached(keyAfter(entries.at(-1)!.key));
      const wanted = entries.filter(({ value }) => cut.holds(epochOf(value)) && live(value));
      yield* this.#packed(wanted.map(({ value }) => chunkOf(value)), size);
    }
  }

  *#sinceBase(writing: Writing, group: number): Iterable<Uint8Array> {
    const { since, stamp } = writing.cut;
    for (let epoch = since + 2; epoch <= stamp; epoch += 2) yield* this.#removed(writing, group, epoch);
    for (let epoch = since + 2; epoch <= stamp; epoch += 2) yield* this.#changed(writing, group, epoch);
  }

  *#removed({ cut, reader, size }: Writing, group: number, epoch: number): Iterable<Uint8Array> {
    for (const notes of runs(reader, notePrefix(this.#number, epoch, group), size)) {
      const gone = notes.filter(({ key, value }) => {
        if (value.length === 0) return false;
        const stored = reader.get(entryOfNote(key));
        // If it has come back in time, and was changed since, its copy follows.
        return stored === undefined || epochOf(stored) > cut.stamp;
      });
      yield* this.#packed(gone.map(({ value }) => value), size);
    }
  }

  *#changed({ reader, size }: Writing, group: number, epoch: number): Iterable<Uint8Array> {
    for (const notes of runs(reader, notePrefix(this.#number, epoch, group), size)) {
      const chunks: Uint8Array[] = [];
      for (const { key } of notes) {
        const stored = reader.get(entryOfNote(key));
        // What was changed again later goes with the notes of that epoch, or is copied.
        if (stored !== undefined && epochOf(stored) === epoch) chunks.push(chunkOf(stored));
      }
      yield* this.#packed(chunks, size);
    }
  }

  /** What was changed meanwhile, as it was. */
  *#copied({ cut, reader, live, size }: Writing, group: number): Iterable<Uint8Array> {
    const prefix = cut.keptOf(group);
    for (const copies of runs(reader, prefix, size)) {
      yield* this.#packed(copies.filter(({ value }) => live(value)).map(({ value }) => chunkOf(value)), size);
    }
    this.table.discard(prefix);
  }

  *#packed(chunks: readonly Uint8Array[], size: ChunkSize): Iterable<Uint8Array> {
    if (chunks.length === 0) return yield emptyChunk;
    const packed = encodeChunk(chunks, this.name);
    size.wrote(packed.length);
    yield packed;
  }
}

/** What begins with a prefix, in runs of a bounded size; each is read when it is asked for. */
function* runs(reader: StoreReader, prefix: Uint8Array, size: ChunkSize): Iterable<readonly StoredEntry[]> {
  let from = prefix;
  const to = prefixEnd(prefix);
  for (;;) {
    const entries = reader.range(from, to, size.count);
    const last = entries.at(-1);
    if (last === undefined) return;
    from = keyAfter(last.key);
    yield entries;
  }
}

function chunkOf(stored: Uint8Array): Uint8Array {
  return new Uint8Array(stored.buffer, stored.byteOffset + storedHeader, stored.length - storedHeader);
}
