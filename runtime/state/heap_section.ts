import type { Key } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { EntryCodec, type Packing, type StateSchemas } from "./entry_codec.ts";
import type { Entry } from "./entry_table.ts";
import { HeapTable } from "./heap_table.ts";
import { encodeChunk, type KeyedSection, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
import { Expiry } from "./time_to_live.ts";
import { cutSection, present, type SectionCodec, type SectionCut } from "./section_cut.ts";

/** How many keys one chunk holds at most. */
const keysPerChunk = 512;

/**
 * Entries as they were, one after the other: of a primitive value its key, then the value; all else is a chunk of its own, which
 * no key looks like. Flat, as there may be as many as there are keys.
 */
export type KeptEntry = unknown;

/** A table of keyed state on the heap, in snapshots. */
export class HeapSection implements KeyedSection {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly table: HeapTable<KeptEntry>;
  readonly expiry: Expiry | undefined;
  readonly #range: KeyGroupRange;
  readonly #entries: EntryCodec;
  readonly #codec: SectionCodec<Entry, KeptEntry>;

  constructor(
    { uid, range, now }: { readonly uid: string; readonly range: KeyGroupRange; readonly now: () => number },
    name: string,
    kind: string,
    schemas: StateSchemas,
    packing: Packing,
  ) {
    this.#entries = new EntryCodec(uid, name, kind, schemas, packing);
    this.name = name;
    this.kind = kind;
    this.description = this.#entries.description;
    this.table = new HeapTable<KeptEntry>(range, (entry, _, kept) => this.#keep(entry, kept), schemas.ttl !== undefined);
    this.expiry = schemas.ttl === undefined ? undefined : new Expiry(schemas.ttl, now, this.table);
    this.#range = range;
    this.#codec = {
      items: (group) => present(this.table.entriesOf(group)),
      encode: (entries) => this.#entries.encode(entries),
      encodeRemoved: (entries) => this.#entries.encodeRemoved(entries.map(({ key }) => key)),
      encodeKept: (kept, most) => this.#encodeKept(kept, most),
    };
    const { expiry } = this;
    if (expiry !== undefined) this.#codec.isLive = (entry) => expiry.isLive(entry);
  }

  cut(since: number | undefined, followed: boolean): SectionCut {
    const { table } = this;
    return cutSection({ log: table.changes, range: this.#range, codec: this.#codec, most: keysPerChunk }, since, followed);
  }

  based(stamp: number): void {
    this.table.changes.based(stamp);
  }

  accept(stored: SectionHeader): SectionLoader {
    return this.#entries.loader(stored, this.table, this.expiry);
  }

  restored(): void {}

  #keep(entry: Entry, kept: KeptEntry[]): void {
    const { key, value } = entry;
    if (this.expiry !== undefined || (typeof value === "object" && value !== null)) kept.push(this.#entries.encode([entry]));
    else kept.push(key, value);
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
        } else {
          keys.push(item as Key);
          values.push(kept[at++]);
        }
      }
      const chunk = keys.length > 0 ? encodeChunk([keys, values], this.name) : undefined;
      if (chunk !== undefined && packed.length === 0) yield chunk;
      else yield encodeChunk(chunk === undefined ? packed : [...packed, chunk], this.name);
    }
  }
}
