import type { TSchema } from "@sinclair/typebox";
import { encodeValue } from "../../actors/codec.ts";
import { type Key, keyIdentity, keyText } from "../graph/key.ts";
import type { SchemaJson } from "./compare_schemas.ts";
import type { Entry, EntryTable, ExpiringEntry } from "./entry_table.ts";
import { damaged, encodeChunk, encodeColumns, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
import { evolve, refusalOf, schemaRefused } from "./migration.ts";
import { placeOf } from "./place.ts";
import type { Expiry, TimeToLive } from "./time_to_live.ts";

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

/** The columns of a chunk: keys, and unless they are gone, values; and times where the state expires. */
export type Columns = readonly [keys: readonly Key[], values?: readonly unknown[], times?: readonly number[]];

/**
 * Entries of one keyed state as chunks. A chunk is one of
 * - columns `[keys, values]`, of a state that expires `[keys, values, times]`,
 * - `[keys]`, of keys that are gone since the base; before all others of their groups,
 * - `[chunk, …]`: such chunks, encoded, of entries that were encoded one by one.
 * Columns of several entries are a table.
 */
export class EntryCodec implements SectionHeader {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly #uid: string;
  readonly #packing: Packing;
  readonly #schemas: StateSchemas;

  constructor(uid: string, name: string, kind: string, schemas: StateSchemas, packing: Packing) {
    this.name = name;
    this.kind = kind;
    this.description = describe(schemas);
    this.#uid = uid;
    this.#packing = packing;
    this.#schemas = schemas;
  }

  /**
   * Encodes entries in columns.
   * @param headroom how many bytes to leave free before the encoding
   * @param known whether they were encoded before, as they are
   * @throws {SluiceError} `UNENCODABLE_VALUE` naming operator, key, state and field
   */
  encode(entries: readonly Entry[], headroom = 0, known = false): Uint8Array {
    const packing = this.#packing;
    const keys = new Array<Key>(entries.length);
    const values = new Array<unknown>(entries.length);
    for (let at = 0; at < entries.length; at++) {
      const { key, value } = entries[at]!;
      keys[at] = key;
      values[at] = packing === plainValue ? value : packing.pack(value);
    }
    const times = this.#schemas.ttl === undefined ? undefined : entries.map((entry) => (entry as ExpiringEntry).expires);
    return this.encodeColumns(keys, values, times, headroom, known);
  }

  /** Encodes packed values, as {@link EntryCodec.encode} does entries. */
  encodeColumns(
    keys: readonly Key[],
    values: readonly unknown[],
    times?: readonly number[],
    headroom = 0,
    known = false,
  ): Uint8Array {
    try {
      const columns = times === undefined ? [keys, values] : [keys, values, times];
      return headroom > 0 ? encodeChunk(columns, this.name, headroom, known) : encodeColumns(columns, this.name, known);
    } catch (error) {
      // Which entry it was shows only one by one.
      for (let index = 0; index < keys.length; index++) encodeValue(values[index], placeOf(this.#uid, this.name, keys[index]));
      throw error;
    }
  }

  /** Keys that are gone. */
  encodeRemoved(keys: readonly Key[]): Uint8Array {
    return encodeColumns([keys], this.name);
  }

  /** @throws {SluiceError} `STATE_DAMAGED` */
  columns(chunk: unknown): Columns {
    const columns = Array.isArray(chunk) ? chunk as readonly unknown[] : [];
    const keys = columns[0];
    const fit = (column: unknown) => Array.isArray(column) && Array.isArray(keys) && column.length === keys.length;
    if (columns.length >= 1 && columns.length <= 3 && columns.every(fit)) return columns as never;
    throw damaged(`state ${this.name} of operator ${this.#uid}`, "a chunk is not of one to three columns");
  }

  /** A value of a column, as a table keeps it. */
  unpack(packed: unknown): unknown {
    return this.#packing.unpack(packed);
  }

  /**
   * Puts what a snapshot has, written under `stored`, into a table.
   * @throws {SluiceError} `STATE_MISMATCH` when its schemas do not fit
   */
  loader(stored: SectionHeader, table: EntryTable, expiry: Expiry | undefined): SectionLoader {
    const evolved = stored.description === this.description || stored.description === "" ? undefined : this.#evolve(stored);
    const packing = this.#packing;
    return (groupOf, chunk) => {
      const [keys, values, times] = this.columns(chunk);
      if (values === undefined) {
        for (const key of keys) {
          const group = groupOf(key);
          if (group >= 0) table.unload(group, keyIdentity(key));
        }
        return;
      }
      const now = expiry?.now() ?? 0;
      for (let index = 0; index < keys.length; index++) {
        const key = keys[index]!;
        const group = groupOf(key);
        if (group < 0) continue;
        const identity = keyIdentity(key);
        const expires = expiry === undefined ? 0 : times?.[index] ?? expiry.fresh();
        // What has expired replaces what an older layer says of the key all the same.
        if (expiry !== undefined && expires <= now) {
          table.unload(group, identity);
          continue;
        }
        const packed = evolved === undefined ? values[index] : evolved(key, values[index]);
        table.load(group, identity, key, packing.unpack(packed), expires);
      }
    };
  }

  /**
   * How packed values that were written under another description become values of this one; undefined: they stay as they are.
   * @throws {SluiceError} `STATE_MISMATCH`
   */
  #evolve({ description }: SectionHeader): ((key: Key, packed: unknown) => unknown) | undefined {
    const { schema, keySchema } = this.#schemas;
    const old = parseSchemas(description);
    const where = `state ${this.name} of operator ${this.#uid}`;
    const keys = evolve(old.key, keySchema);
    if (keys.kind === "refused") throw schemaRefused(`the map keys of ${where}`, refusalOf(keys));
    if (keys.kind === "converted") throw schemaRefused(`the map keys of ${where}`, "keys are not migrated");
    const values = evolve(old.value, schema);
    if (values.kind === "refused") throw schemaRefused(where, refusalOf(values));
    if (values.kind === "as it is") return undefined;
    const convert = (key: Key, at: string, value: unknown) => {
      const converted = values.convert(value);
      if ("value" in converted) return converted.value;
      throw schemaRefused(placeOf(this.#uid, this.name, key), `${at}${converted.wrong}`);
    };
    if (this.kind === "value") return (key, packed) => convert(key, "", packed);
    if (this.kind === "list") {
      return (key, packed) => (packed as readonly unknown[]).map((item, index) => convert(key, `item ${index}, `, item));
    }
    return (key, packed) => {
      const [inner, items] = packed as readonly [readonly Key[], readonly unknown[]];
      return [inner, items.map((item, index) => convert(key, `map key ${keyText(inner[index]!)}, `, item))];
    };
  }
}

/** The schemas in a section's description. */
export function parseSchemas(description: string): { readonly key?: SchemaJson; readonly value?: SchemaJson } {
  if (description === "") return {};
  return JSON.parse(description) as { readonly key?: SchemaJson; readonly value?: SchemaJson };
}

function describe({ keySchema, schema }: StateSchemas): string {
  return keySchema === undefined && schema === undefined ? "" : JSON.stringify({ key: keySchema, value: schema });
}
