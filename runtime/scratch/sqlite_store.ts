import { mkdirSync, rmSync } from "node:fs";
import type { OpenReader, OrderedStore, StoreBatch, StoredEntry, StoreReader } from "../graph/ordered_store.ts";
import { failing } from "./failing.ts";
import { OpenReaders } from "./open_readers.ts";
import type { Connection, ConnectionClass, Statement } from "./sqlite_module.ts";

/**
 * Pages of 8 KB hold values of up to 2 KB without further pages. Nothing has to survive a crash, and nobody else uses the file:
 * so nothing is synced, what a transaction changes is kept in memory until it is over, and pages go straight to their place.
 * The cache is all the memory that a store takes besides.
 */
const settings = "PRAGMA page_size = 8192; PRAGMA cache_size = -16384; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; " +
  "PRAGMA locking_mode = EXCLUSIVE";

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

/** A store on SQLite: one table in a file. */
export class SqliteStore implements OrderedStore {
  readonly #folder: string;
  readonly #connection: Connection;
  readonly #reader: Reader;
  readonly #batch: StoreBatch;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #readers: OpenReaders;

  constructor(Connection: ConnectionClass, folder: string) {
    this.#folder = folder;
    this.#readers = new OpenReaders(folder, () => this.#end());
    mkdirSync(folder, { recursive: true });
    const connection = new Connection(`${folder}/entries.db`);
    connection.exec(settings);
    connection.exec("CREATE TABLE entries (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
    this.#connection = connection;
    this.#begin = connection.prepare("BEGIN");
    this.#commit = connection.prepare("COMMIT");
    this.#reader = new Reader(connection, `read ${folder}`);
    const put = connection.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
    const remove = connection.prepare("DELETE FROM entries WHERE k = ?");
    this.#batch = { put: (key, value) => void put.run(key, value), remove: (key) => void remove.run(key) };
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
    failing(`write ${this.#folder}`, () => {
      this.#begin.run();
      try {
        work(this.#batch);
        this.#commit.run();
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  reader(): OpenReader {
    this.#readers.assertOpen();
    return this.#readers.open(this.#reader);
  }

  close(): void {
    this.#readers.close();
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
