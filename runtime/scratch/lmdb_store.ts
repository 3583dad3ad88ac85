import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import type { OpenReader, OrderedStore, StoreBatch, StoredEntry, StoreReader } from "../graph/ordered_store.ts";
import { failing } from "./failing.ts";
import type { Database, OpenDatabase } from "./lmdb_module.ts";
import { OpenReaders } from "./open_readers.ts";

/** Nothing has to survive a crash: so nothing is synced. */
const options = { encoding: "binary", keyEncoding: "binary", noSync: true, overlappingSync: false, noMemInit: true } as const;

/** A store on lmdb. */
export class LmdbStore implements OrderedStore {
  readonly #path: string;
  readonly #database: Database;
  readonly #readers: OpenReaders;
  readonly #reader: StoreReader;

  constructor(open: OpenDatabase, path: string) {
    this.#path = path;
    this.#readers = new OpenReaders(path, () => this.#end());
    const database = open({ path, ...options });
    this.#database = database;
    const action = `read ${path}`;
    this.#reader = {
      get: (key) => failing(action, () => database.get(asBuffer(key))),
      range: (from, to, limit) => failing(action, () => entriesOf(database, from, to, limit)),
    };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#readers.assertOpen();
    return this.#reader.get(key);
  }

  range(from: Uint8Array, to: Uint8Array, most: number): readonly StoredEntry[] {
    this.#readers.assertOpen();
    return this.#reader.range(from, to, most);
  }

  write(work: (batch: StoreBatch) => void): void {
    this.#readers.assertOpen();
    const database = this.#database;
    failing(`write ${this.#path}`, () =>
      database.transactionSync(() =>
        work({
          put: (key, value) => void database.putSync(asBuffer(key), asBuffer(value)),
          remove: (key) => void database.removeSync(asBuffer(key)),
        })
      ));
  }

  reader(): OpenReader {
    this.#readers.assertOpen();
    return this.#readers.open(this.#reader);
  }

  close(): void {
    this.#readers.close();
  }

  /** Ends it when nobody reads any more: what is read from a closed database is whatever is there in memory. */
  #end(): void {
    const path = this.#path;
    this.#database.close().then(() => rmSync(path, { recursive: true, force: true })).catch(() => {});
  }
}

function entriesOf(database: Database, from: Uint8Array, to: Uint8Array, limit: number): readonly StoredEntry[] {
  return [...database.getRange({ start: asBuffer(from), end: asBuffer(to), limit })];
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
