import type { TSchema } from "@sinclair/typebox";
import { encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { type Key, keyIdentity, keyText } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { type Entry, HeapTable } from "./heap_table.ts";
import { damaged, encodeChunk, type KeyedSection, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
import { placeOf } from "./place.ts";
import { mismatch } from "../../actors/schema_check.ts";
import { Expiry, type TimeToLive } from "./time_to_live.ts";
import { cutSection, present, type SectionCodec, type SectionCut } from "./section_cut.ts";

/** How many keys one chunk holds at most. */
const keysPerChunk = 512;

/** How a kind of state shows its table values to the codec, and takes them back. */
export interface Packing {
  pack(value: unknown): unknown;
  unpack(packed: unknown): unknown;
}

/** Values that need no packing. */
export const plainValue: Packing = { pack: (value) => value, unpack: (packed) => packed };

/** The schemas of a state, and how long what it holds is kept. */
export interface StateSchemas {
  readonly ttl?: TimeToLive | undefined;
  readonly keySchema?: TSchema | undefined;
  readonly schema: TSchema | undefined;
}

/** An entry as it was: a primitive value as it is, all else as a chunk of its own. */
export type KeptEntry = { readonly key: Key; readonly value: unknown } | Uint8Array;

/**
 * A table of keyed state in snapshots. A chunk is one of
 * - columns `[keys, values]`, of a state that expires `[keys, values, times]`,
 * - `[keys]`, of keys that are gone since the base; first in each group,
 * - `[chunk, …]`: such chunks, encoded, of entries that were changed before they could be written.
 */
export class HeapSection implements KeyedSection {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly table: HeapTable<KeptEntry>;
  readonly expiry: Expiry<KeptEntry> | undefined;
  readonly #uid: string;
  readonly #range: KeyGroupRange;
  readonly #codec: SectionCodec<Entry, KeptEntry>;
  readonly #packing: Packing;
  readonly #schemas: StateSchemas;

  constructor(
    { uid, range, now }: { readonly uid: string; readonly range: KeyGroupRange; readonly now: () => number },
    name: string,
    kind: string,
    schemas: StateSchemas,
    packing: Packing,
  ) {
    this.name = name;
    this.kind = kind;
    this.description = describe(schemas);
    this.table = new HeapTable<KeptEntry>(range, (entry) => this.#keep(entry));
    this.expiry = schemas.ttl === undefined ? undefined : new Expiry(schemas.ttl, now, this.table);
    this.#uid = uid;
    this.#range = range;
    this.#codec = {
      items: (group) => this.#entries(group),
      encode: (entries) => this.#encode(entries),
      encodeRemoved: (entries) => encodeChunk([entries.map(({ key }) => key)], this.name),
      encodeKept: (kept) => this.#encodeKept(kept),
    };
    this.#packing = packing;
    this.#schemas = schemas;
  }

  cut(since: number | undefined, followed: boolean): SectionCut {
    const { table } = this;
    return cutSection({ log: table.changes, range: this.#range, codec: this.#codec, most: keysPerChunk }, since, followed);
  }

  based(stamp: number): void {
    this.table.changes.based(stamp);
  }

  accept(stored: SectionHeader): SectionLoader {
    const check = stored.description !== this.description && stored.description !== "";
    return (group, chunk) => {
      const columns = this.#columns(chunk);
      const [keys, values, times] = columns;
      if (values === undefined) {
        for (const key of keys) this.table.unload(group, keyIdentity(key));
        return;
      }
      for (let index = 0; index < keys.length; index++) {
        const key = keys[index]!;
        if (check) this.#check(key, values[index]);
        this.#load(group, key, values[index], times?.[index]);
      }
    };
  }

  restored(): void {}

  *#entries(group: number): Iterable<Entry> {
    for (const entry of present(this.table.entriesOf(group))) {
      if (this.expiry === undefined || this.expiry.isLive(entry)) yield entry;
    }
  }

  #load(group: number, key: Key, packed: unknown, time: number | undefined): void {
    const { expiry, table } = this;
    const expires = expiry === undefined ? 0 : time ?? expiry.fresh();
    // What has expired replaces what an older layer says of the key all the same.
    if (expiry !== undefined && expires <= expiry.now()) table.unload(group, keyIdentity(key));
    else table.load(group, keyIdentity(key), key, this.#packing.unpack(packed)).expires = expires;
  }

  #encode(entries: readonly Entry[]): Uint8Array {
    const keys = entries.map((entry) => entry.key);
    const values = entries.map((entry) => this.#packing.pack(entry.value));
    try {
      const columns = this.expiry === undefined ? [keys, values] : [keys, values, entries.map((entry) => entry.expires)];
      return encodeChunk(columns, this.name);
    } catch (error) {
      // Which entry it was shows only one by one.
      for (let index = 0; index < keys.length; index++) encodeValue(values[index], placeOf(this.#uid, this.name, keys[index]));
      throw error;
    }
  }

  #keep(entry: Entry): KeptEntry {
    const { key, value } = entry;
    return this.expiry !== undefined || (typeof value === "object" && value !== null) ? this.#encode([entry]) : { key, value };
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

  #columns(chunk: unknown): [readonly Key[], (readonly unknown[])?, (readonly number[])?] {
    const columns = Array.isArray(chunk) ? chunk as readonly unknown[] : [];
    const keys = columns[0];
    const fit = (column: unknown) => Array.isArray(column) && Array.isArray(keys) && column.length === keys.length;
    if (columns.length >= 1 && columns.length <= 3 && columns.every(fit)) return columns as never;
    throw damaged(`state ${this.name} of operator ${this.#uid}`, "a chunk is not of one to three columns");
  }

  /** The schema has changed since the value was written: it passes if it matches the new one. */
  #check(key: Key, packed: unknown): void {
    const { schema, keySchema } = this.#schemas;
    const fail = (wrong: string) => {
      throw new SluiceError(
        "STATE_MISMATCH",
        `${placeOf(this.#uid, this.name, key)} was written under another schema and does not match the present one: ${wrong}; ` +
          `make the schema accept it, or start without this checkpoint`,
      );
    };
    const checkValue = (value: unknown, at: string) => {
      const wrong = schema === undefined ? undefined : mismatch(schema, value);
      if (wrong !== undefined) fail(`${at}${wrong}`);
    };
    if (this.kind === "value") {
      checkValue(packed, "");
    } else if (this.kind === "list") {
      (packed as readonly unknown[]).forEach((item, index) => checkValue(item, `item ${index}, `));
    } else {
      const [keys, values] = packed as readonly [readonly Key[], readonly unknown[]];
      keys.forEach((item, index) => {
        const wrong = keySchema === undefined ? undefined : mismatch(keySchema, item);
        if (wrong !== undefined) fail(`map key ${keyText(item)}, ${wrong}`);
        checkValue(values[index], `map key ${keyText(item)}, `);
      });
    }
  }
}

function describe({ keySchema, schema }: StateSchemas): string {
  return keySchema === undefined && schema === undefined ? "" : JSON.stringify({ key: keySchema, value: schema });
}
