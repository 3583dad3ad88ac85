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

/** An entry as it was: a primitive value as it is, all else as a chunk of its own. */
export type KeptEntry = { readonly key: Key; readonly value: unknown } | Uint8Array;

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
    this.table = new HeapTable<KeptEntry>(range, (entry) => this.#keep(entry));
    this.expiry = schemas.ttl === undefined ? undefined : new Expiry(schemas.ttl, now, this.table);
    this.#range = range;
    this.#codec = {
      items: (group) => this.#live(group),
      encode: (entries) => this.#entries.encode(entries),
      encodeRemoved: (entries) => this.#entries.encodeRemoved(entries.map(({ key }) => key)),
      encodeKept: (kept) => this.#encodeKept(kept),
    };
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

  *#live(group: number): Iterable<Entry> {
    for (const entry of present(this.table.entriesOf(group))) {
      if (this.expiry === undefined || this.expiry.isLive(entry)) yield entry;
    }
  }

  #keep(entry: Entry): KeptEntry {
    const { key, value } = entry;
    return this.expiry !== undefined || (typeof value === "object" && value !== null)
      ? this.#entries.encode([entry])
      : { key, value };
  }

  #encodeKept(kept: readonly KeptEntry[]): Uint8Array {
    const packed: Uint8Array[] = [];
    const keys: Key[] = [];
    const values: unknown[] = [];
    for (const item of kept) {
      if (item instanceof Uint8Array) {
        packed.push(item);
      } else {
        keys.push(item.key);
        values.push(item.value);
      }
    }
    if (keys.length > 0) {
      const chunk = encodeChunk([keys, values], this.name);
      if (packed.length === 0) return chunk;
      packed.push(chunk);
    }
    return encodeChunk(packed, this.name);
  }
}
