import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import type { RangeOptions, Transaction } from "lmdb";
import type { OrderedStore, StoreBatch, StoredEntry, StoreReader, StoreView } from "../graph/ordered_store.ts";
import { failing } from "./failing.ts";
import type { Database, OpenDatabase } from "./lmdb_module.ts";
import { OpenViews } from "./open_views.ts";

/** Nothing has to survive a crash: so nothing is synced. */
const options = { encoding: "binary", keyEncoding: "binary", noSync: true, overlappingSync: false, noMemInit: true } as const;

/** A store on lmdb. */
export class LmdbStore implements OrderedStore {
  readonly #path: string;
  readonly #database: Database;
  readonly #views: OpenViews;

  constructor(open: OpenDatabase, path: string) {
    this.#path = path;
    this.#views = new OpenViews(path, () => this.#end());
    this.#database = open({ path, ...options });
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#views.assertOpen();
    return failing(`read ${this.#path}`, () => this.#database.get(asBuffer(key)));
  }

  range(from: Uint8Array, to: Uint8Array, most: number): readonly StoredEntry[] {
    this.#views.assertOpen();
    return this.#range(from, to, most, undefined);
  }

  write(work: (batch: StoreBatch) => void): void {
    this.#views.assertOpen();
    const database = this.#database;
    failing(`write ${this.#path}`, () =>
      database.transactionSync(() =>
        work({
          put: (key, value) => void database.putSync(asBuffer(key), asBuffer(value)),
          remove: (key) => void database.removeSync(asBuffer(key)),
        })
      ));
  }

  view(): StoreView {
    this.#views.assertOpen();
    const transaction = failing(`read ${this.#path}`, () => this.#database.useReadTransaction());
    const reader: StoreReader = {
      get: (key) => failing(`read ${this.#path}`, () => this.#database.get(asBuffer(key), { transaction })),
      range: (from, to, most) => this.#range(from, to, most, transaction),
    };
    return this.#views.view(reader, () => transaction.done());
  }

  close(): void {
    this.#views.close();
  }

  /** Ends it when nobody reads any more: what is read from a closed database is whatever is there in memory. */
  #end(): void {
    const path = this.#path;
    this.#database.close().then(() => rmSync(path, { recursive: true, force: true })).catch(() => {});
  }

  #range(start: Uint8Array, end: Uint8Array, limit: number, transaction: Transaction | undefined): readonly StoredEntry[] {
    const bounds: RangeOptions = { start: asBuffer(start), end: asBuffer(end), limit };
    return failing(`read ${this.#path}`, () => [
      ...this.#database.getRange(transaction === undefined ? bounds : { ...bounds, transaction }),
    ]);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
