import type { Key } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { ChunkSize } from "./chunk_size.ts";
import { EntryCodec, type Packing, plainValue, type StateSchemas } from "./entry_codec.ts";
import { RowEntry } from "./entry_rows.ts";
import type { Entry } from "./entry_table.ts";
import { HeapTable } from "./heap_table.ts";
import { PresentItems } from "./items.ts";
import { encodeChunk, type KeyedSection, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
import { KeptRows } from "./kept_rows.ts";
import { RowChunks } from "./row_chunks.ts";
import { Expiry } from "./time_to_live.ts";
import { cutSection, type SectionCodec, type SectionCut } from "./section_cut.ts";

/** How many keys one chunk holds at most. */
const keysPerChunk = 1_024;

/**
 * Entries as they were, one after the other: of a primitive value, or an object of such, its key, then the value, or a copy;
 * those in rows are {@link KeptRows}; all else is a chunk of its own, which no key looks like. Flat, as there may be millions.
 */
export type KeptEntry = unknown;

/** Where a section is. */
export interface HeapPlace {
  readonly uid: string;
  readonly range: KeyGroupRange;
  readonly now: () => number;
  /** With how many entries values begin to be kept in rows; Infinity: never. */
  readonly rowsFrom: number;
}

/** A table of keyed state on the heap, in snapshots. */
export class HeapSection implements KeyedSection {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly table: HeapTable<KeptEntry>;
  readonly expiry: Expiry | undefined;
  readonly #range: KeyGroupRange;
  readonly #entries: EntryCodec;
  /** Whether values are kept as they are, not packed. */
  readonly #plain: boolean;
  readonly #codec: SectionCodec<Entry, KeptEntry>;
  readonly #size = new ChunkSize(keysPerChunk);
  readonly #rowChunks: RowChunks;

  constructor(
    { uid, range, now, rowsFrom }: HeapPlace,
    name: string,
    kind: string,
    schemas: StateSchemas,
    packing: Packing,
  ) {
    this.#entries = new EntryCodec(uid, name, kind, schemas, packing);
    this.#plain = packing === plainValue;
    this.name = name;
    this.kind = kind;
    this.description = this.#entries.description;
    const expiring = schemas.ttl !== undefined;
    this.table = new HeapTable<KeptEntry>(range, (entry, _, kept) => this.#keep(entry, kept), {
      expiring,
      rowsFrom: expiring || !this.#plain ? Infinity : rowsFrom,
    });
    this.expiry = schemas.ttl === undefined ? undefined : new Expiry(schemas.ttl, now, this.table);
    this.#range = range;
    const rowChunks = this.#rowChunks = new RowChunks(this.#entries);
    this.#codec = {
      rows: (groups, stamps, touched) => {
        const { rows } = this.table;
        return rows === undefined ? [] : rowChunks.of(rows, groups, stamps, touched);
      },
      items: (group) => new PresentItems(this.table.entriesOf(group)),
      encode: (entries) => this.#entries.encode(entries),
      encodeRemoved: (entries) => this.#entries.encodeRemoved(entries.map(({ key }) => key)),
      encodeKept: (kept, most) => this.#encodeKept(kept, most),
    };
    const { expiry } = this;
    // What has expired is left out, and so not looked at.
    if (expiry !== undefined) this.#codec.isLive = (entry) => expiry.isLive(entry);
    else this.#codec.encodeAgain = (entries) => this.#entries.encode(entries, 0, true);
  }

  cut(since: number | undefined, followed: boolean): SectionCut {
    const place = { log: this.table.changes, range: this.#range, codec: this.#codec, size: this.#size };
    return cutSection(place, since, followed, this.table.rows?.settle());
  }

  isAsAt(stamp: number): boolean {
    return this.table.changes.isAsAt(stamp);
  }

  based(stamp: number): void {
    this.table.changes.based(stamp);
  }

  accept(stored: SectionHeader): SectionLoader {
    return this.#entries.loader(stored, this.table, this.expiry);
  }

  restored(): void {}

  #keep(entry: Entry, kept: KeptEntry[]): void {
    if (entry instanceof RowEntry && entry.at >= 0) return this.#keepRow(entry, kept);
    const { key, value } = entry;
    if (this.expiry !== undefined) kept.push(this.#entries.encode([entry]));
    else if (typeof value !== "object" || value === null) kept.push(key, value);
    else if (this.#plain && hasPrimitiveFields(value)) kept.push(key, { ...value });
    else kept.push(this.#entries.encode([entry]));
  }

  /** What an entry was before it was changed stands in its row. */
  #keepRow({ group, at }: RowEntry, kept: KeptEntry[]): void {
    const rows = this.table.rows!.of(group);
    let last = kept.at(-1);
    if (!(last instanceof KeptRows) || last.isFull) kept.push(last = new KeptRows(rows.stride));
    (last as KeptRows).add(rows, at);
  }

  *#encodeKept(kept: readonly KeptEntry[], most: number): Iterable<Uint8Array> {
    let at = 0;
    while (at < kept.length) {
      const packed: Uint8Array[] = [];
      const keys: Key[] = [];
      const values: unknown[] = [];
      while (at < kept.length && packed.length + keys.length < most) {
        const item = kept[at++];
        if (item instanceof Uint8Array) {
          packed.push(item);
        } else if (item instanceof KeptRows) {
          yield this.#rowChunks.kept(this.table.rows!, item);
        } else {
          keys.push(item as Key);
          values.push(kept[at++]);
        }
      }
      if (packed.length + keys.length === 0) return;
      const chunk = keys.length > 0 ? this.#entries.encodeColumns(keys, values) : undefined;
      if (chunk !== undefined && packed.length === 0) yield chunk;
      else yield encodeChunk(chunk === undefined ? packed : [...packed, chunk], this.name);
    }
  }
}

/** Whether it is a plain object with nothing but primitive values in it, so that a copy of one level is a copy. */
function hasPrimitiveFields(object: object): boolean {
  if (Object.getPrototypeOf(object) !== Object.prototype) return false;
  let fields = 0;
  for (const name in object) {
    const value = (object as Readonly<Record<string, unknown>>)[name];
    if (typeof value === "object" && value !== null) return false;
    fields++;
  }
  // One that is not enumerable would be missing from the copy, and so not be refused.
  return Object.getOwnPropertyNames(object).length === fields;
}
