import type { TSchema } from "@sinclair/typebox";
import { encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { mismatch } from "../../actors/schema_check.ts";
import { type Key, keyIdentity, keyText } from "../graph/key.ts";
import type { Entry, EntryTable, ExpiringEntry } from "./entry_table.ts";
import { damaged, encodeChunk, type SectionHeader, type SectionLoader } from "./keyed_part.ts";
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
 * - `[keys]`, of keys that are gone since the base; first in each group,
 * - `[chunk, …]`: such chunks, encoded, of entries that were encoded one by one.
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
   * @throws {SluiceError} `UNENCODABLE_VALUE` naming operator, key, state and field
   */
  encode(entries: readonly Entry[], headroom = 0): Uint8Array {
    const packing = this.#packing;
    const keys: Key[] = [];
    const values: unknown[] = [];
    for (const entry of entries) {
      keys.push(entry.key);
      values.push(packing === plainValue ? entry.value : packing.pack(entry.value));
    }
    try {
      const times = this.#schemas.ttl === undefined ? undefined : entries.map((entry) => (entry as ExpiringEntry).expires);
      return encodeChunk(times === undefined ? [keys, values] : [keys, values, times], this.name, headroom);
    } catch (error) {
      // Which entry it was shows only one by one.
      for (let index = 0; index < keys.length; index++) encodeValue(values[index], placeOf(this.#uid, this.name, keys[index]));
      throw error;
    }
  }

  /** Keys that are gone. */
  encodeRemoved(keys: readonly Key[]): Uint8Array {
    return encodeChunk([keys], this.name);
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

  /** Puts what a snapshot has, written under `stored`, into a table. */
  loader(stored: SectionHeader, table: EntryTable, expiry: Expiry | undefined): SectionLoader {
    const check = stored.description !== this.description && stored.description !== "";
    const packing = this.#packing;
    return (group, chunk) => {
      const [keys, values, times] = this.columns(chunk);
      if (values === undefined) {
        for (const key of keys) table.unload(group, keyIdentity(key));
        return;
      }
      const now = expiry?.now() ?? 0;
      for (let index = 0; index < keys.length; index++) {
        const key = keys[index]!;
        const identity = keyIdentity(key);
        const packed = values[index];
        if (check) this.#check(key, packed);
        const expires = expiry === undefined ? 0 : times?.[index] ?? expiry.fresh();
        // What has expired replaces what an older layer says of the key all the same.
        if (expiry !== undefined && expires <= now) table.unload(group, identity);
        else table.load(group, identity, key, packing.unpack(packed), expires);
      }
    };
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
