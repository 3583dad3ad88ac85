import { mkdirSync, rmSync } from "node:fs";
import type { OrderedStore, StoreBatch, StoredEntry, StoreReader, StoreView } from "../graph/ordered_store.ts";
import { failing } from "./failing.ts";
import { OpenViews } from "./open_views.ts";
import type { Connection, ConnectionClass, Statement } from "./sqlite_module.ts";

/**
 * Pages of 8 KB hold values of up to 2 KB without further pages. Nothing has to survive a crash: so nothing is synced. Caches are
 * in KiB, and all the memory that a store takes but for its log's index.
 */
const pageBytes = 8_192;
const cacheKib = 16_384;
const viewCacheKib = 2_048;

const noValue = new Uint8Array(0);

interface Row {
  readonly k: Uint8Array;
  /** An empty one may come back as none. */
  readonly v: Uint8Array | null;
}

/** Reads with statements that are made once. */
class Reader implements StoreReader {
  readonly #get: Statement;
  readonly #range: Statement;
  readonly #action: string;

  constructor(connection: Connection, action: string) {
    this.#get = connection.prepare("SELECT v FROM entries WHERE k = ?");
    this.#range = connection.prepare("SELECT k, v FROM entries WHERE k >= ? AND k < ? ORDER BY k LIMIT ?");
    this.#action = action;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return failing(this.#action, () => {
      const row = this.#get.get(key) as Row | null | undefined;
      return row === undefined || row === null ? undefined : row.v ?? noValue;
    });
  }

  range(from: Uint8Array, to: Uint8Array, most: number): readonly StoredEntry[] {
    return failing(this.#action, () => {
      const rows = this.#range.all(from, to, most) as readonly Row[];
      return rows.map(({ k, v }) => ({ key: k, value: v ?? noValue }));
    });
  }
}

/**
 * A store on SQLite: one table in a file, with a log of changes beside it. A view is a connection of its own in a transaction
 * that reads, and sees the file and the log as they were when it began.
 */
export class SqliteStore implements OrderedStore {
  readonly #Connection: ConnectionClass;
  readonly #folder: string;
  readonly #connection: Connection;
  readonly #reader: Reader;
  readonly #batch: StoreBatch;
  readonly #views: OpenViews;

  constructor(Connection: ConnectionClass, folder: string) {
    this.#Connection = Connection;
    this.#folder = folder;
    this.#views = new OpenViews(folder, () => this.#end());
    mkdirSync(folder, { recursive: true });
    const connection = this.#open(cacheKib);
    connection.exec("CREATE TABLE entries (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
    this.#connection = connection;
    this.#reader = new Reader(connection, `read ${folder}`);
    const put = connection.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
    const remove = connection.prepare("DELETE FROM entries WHERE k = ?");
    this.#batch = { put: (key, value) => void put.run(key, value), remove: (key) => void remove.run(key) };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#views.assertOpen();
    return this.#reader.get(key);
  }

  range(from: Uint8Array, to: Uint8Array, most: number): readonly StoredEntry[] {
    this.#views.assertOpen();
    return this.#reader.range(from, to, most);
  }

  write(work: (batch: StoreBatch) => void): void {
    this.#views.assertOpen();
    failing(`write ${this.#folder}`, () => {
      this.#connection.exec("BEGIN IMMEDIATE");
      try {
        work(this.#batch);
        this.#connection.exec("COMMIT");
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  view(): StoreView {
    this.#views.assertOpen();
    const action = `read ${this.#folder}`;
    const [connection, reader] = failing(action, () => {
      const own = this.#open(viewCacheKib);
      own.exec("BEGIN");
      // The transaction sees everything as of its first read.
      own.prepare("SELECT k FROM entries LIMIT 1").get();
      return [own, new Reader(own, action)] as const;
    });
    return this.#views.view(reader, () => connection.close());
  }

  close(): void {
    this.#views.close();
  }

  #open(cache: number): Connection {
    const connection = new this.#Connection(`${this.#folder}/entries.db`);
    connection.exec(
      `PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -${cache}`,
    );
    return connection;
  }

  /** Some failures have rolled it back already. */
  #rollBack(): void {
    try {
      this.#connection.exec("ROLLBACK");
    } catch {
      // What failed before says more.
    }
  }

  /** Ends it when nobody reads any more. */
  #end(): void {
    try {
      this.#connection.close();
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // What is left of it goes when the next attempt begins.
    }
  }
}
