import type { OrderedStore, StoredEntry, StoreView } from "../graph/ordered_store.ts";
import { ChunkSize } from "./chunk_size.ts";
import { type DiskPlace, DiskTable, storedHeader } from "./disk_table.ts";
import { EntryCodec, type Packing, type StateSchemas } from "./entry_codec.ts";
import { encodeChunk, type KeyedSection, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
import type { SectionCut } from "./section_cut.ts";
import { entryOfNote, entryPrefix, keyAfter, notePrefix, prefixEnd } from "./store_keys.ts";
import { Expiry } from "./time_to_live.ts";

/** How many keys one chunk holds at most. */
const keysPerChunk = 512;

/** Changes are written by themselves up to this many, or half as many as there are entries. */
const leastLimit = 4_096;

/**
 * A table of keyed state on the disk, in snapshots. A cut is a view of the store, so nothing is kept for it, and what was stored
 * goes into chunks as it is.
 */
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
    const view = this.#store.view();
    const stamp = table.epoch;
    const noted = since === undefined || since < this.#since ? undefined : table.notedSince(since);
    const whole = noted === undefined || noted > Math.max(leastLimit, table.size / 2);
    if (followed && table.notedSince(0) === undefined) {
      table.startNotes();
      this.#since = stamp;
    }
    table.epoch += 2;
    const live = this.#liveness();
    const size = new ChunkSize(keysPerChunk);
    const write = function* (section: DiskSection, group: number): Iterable<Uint8Array> {
      if (refusal !== undefined) throw refusal.error;
      if (whole) {
        yield* section.#everything(view, group, live, size);
        return;
      }
      for (let epoch = since as number + 2; epoch <= stamp; epoch += 2) yield* section.#removed(view, group, epoch, size);
      for (let epoch = since as number + 2; epoch <= stamp; epoch += 2) yield* section.#changed(view, group, epoch, size);
    };
    return { whole, chunks: (group) => write(this, group), release: () => view.close() };
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

  *#everything(
    view: StoreView,
    group: number,
    live: (stored: Uint8Array) => boolean,
    size: ChunkSize,
  ): Iterable<Uint8Array> {
    for (const entries of runs(view, entryPrefix(this.#number, group), size)) {
      const chunks = entries.filter(({ value }) => live(value)).map(({ value }) => chunkOf(value));
      yield* this.#packed(chunks, size);
    }
  }

  *#removed(view: StoreView, group: number, epoch: number, size: ChunkSize): Iterable<Uint8Array> {
    for (const notes of runs(view, notePrefix(this.#number, epoch, group), size)) {
      const gone = notes.filter(({ value }) => value.length > 0);
      yield* this.#packed(gone.filter(({ key }) => view.get(entryOfNote(key)) === undefined).map(({ value }) => value), size);
    }
  }

  *#changed(view: StoreView, group: number, epoch: number, size: ChunkSize): Iterable<Uint8Array> {
    for (const notes of runs(view, notePrefix(this.#number, epoch, group), size)) {
      const chunks: Uint8Array[] = [];
      for (const { key } of notes) {
        const stored = view.get(entryOfNote(key));
        // What was changed again later goes with the notes of that epoch.
        if (stored !== undefined && epochOf(stored) === epoch) chunks.push(chunkOf(stored));
      }
      yield* this.#packed(chunks, size);
    }
  }

  *#packed(chunks: readonly Uint8Array[], size: ChunkSize): Iterable<Uint8Array> {
    if (chunks.length === 0) return;
    const packed = encodeChunk(chunks, this.name);
    size.wrote(packed.length);
    yield packed;
  }
}

/** What begins with a prefix, in runs of a bounded size; each is read when it is asked for. */
function* runs(view: StoreView, prefix: Uint8Array, size: ChunkSize): Iterable<readonly StoredEntry[]> {
  let from = prefix;
  const to = prefixEnd(prefix);
  for (;;) {
    const entries = view.range(from, to, size.count);
    const last = entries.at(-1);
    if (last === undefined) return;
    from = keyAfter(last.key);
    yield entries;
  }
}

function epochOf(stored: Uint8Array): number {
  return new DataView(stored.buffer, stored.byteOffset, 4).getUint32(0);
}

function chunkOf(stored: Uint8Array): Uint8Array {
  return new Uint8Array(stored.buffer, stored.byteOffset + storedHeader, stored.length - storedHeader);
}
