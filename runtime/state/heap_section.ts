import type { TSchema } from "@sinclair/typebox";
import { encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { type Key, keyIdentity, keyText } from "../graph/key.ts";
import type { Entry, HeapTable } from "./heap_table.ts";
import { damaged, encodeChunk, type KeyedSection, type SectionHeader } from "./keyed_part.ts";
import { placeOf } from "./place.ts";
import { mismatch } from "../../actors/schema_check.ts";

/** How many keys one chunk holds at most. */
const keysPerChunk = 512;

/** How a kind of state shows its table values to the codec, and takes them back. */
export interface Packing {
  pack(value: unknown): unknown;
  unpack(packed: unknown): unknown;
}

/** Values that need no packing. */
export const plainValue: Packing = { pack: (value) => value, unpack: (packed) => packed };

/** The schemas of a state. */
export interface StateSchemas {
  readonly keySchema?: TSchema | undefined;
  readonly schema: TSchema | undefined;
}

/** A table of keyed state in snapshots: chunks are columns `[keys, values]`. */
export class HeapSection implements KeyedSection {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly #uid: string;
  readonly #table: HeapTable;
  readonly #packing: Packing;
  readonly #schemas: StateSchemas;

  constructor(uid: string, name: string, kind: string, schemas: StateSchemas, table: HeapTable, packing: Packing) {
    this.name = name;
    this.kind = kind;
    this.description = describe(schemas);
    this.#uid = uid;
    this.#table = table;
    this.#packing = packing;
    this.#schemas = schemas;
  }

  *chunks(group: number): Iterable<Uint8Array> {
    let entries: Entry[] = [];
    for (const entry of this.#table.entriesOf(group)) {
      entries.push(entry);
      if (entries.length < keysPerChunk) continue;
      yield this.#encode(entries);
      entries = [];
    }
    if (entries.length > 0) yield this.#encode(entries);
  }

  accept(stored: SectionHeader): (group: number, chunk: unknown) => void {
    const check = stored.description !== this.description && stored.description !== "";
    return (group, chunk) => {
      const [keys, values] = this.#columns(chunk);
      for (let index = 0; index < keys.length; index++) {
        const key = keys[index]!;
        if (check) this.#check(key, values[index]);
        this.#table.insert(group, keyIdentity(key), key, this.#packing.unpack(values[index]));
      }
    };
  }

  restored(): void {}

  #columns(chunk: unknown): [readonly Key[], readonly unknown[]] {
    if (Array.isArray(chunk) && Array.isArray(chunk[0]) && Array.isArray(chunk[1]) && chunk[0].length === chunk[1].length) {
      return chunk as [readonly Key[], readonly unknown[]];
    }
    throw damaged(`state ${this.name} of operator ${this.#uid}`, "a chunk is no pair of columns");
  }

  #encode(entries: readonly Entry[]): Uint8Array {
    const keys = entries.map((entry) => entry.key);
    const values = entries.map((entry) => this.#packing.pack(entry.value));
    try {
      return encodeChunk([keys, values], this.name);
    } catch (error) {
      // Which entry it was shows only one by one.
      for (let index = 0; index < keys.length; index++) encodeValue(values[index], placeOf(this.#uid, this.name, keys[index]));
      throw error;
    }
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
