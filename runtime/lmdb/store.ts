import { Buffer } from "node:buffer";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import type { RangeOptions, Transaction } from "lmdb";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { OrderedStore, OrderedStores, StoreBatch, StoredEntry, StoreReader, StoreView } from "../graph/ordered_store.ts";
import { type Database, loadLmdb, type OpenDatabase } from "./module.ts";

/**
 * Stores in a folder of this machine's disk, on lmdb. The folder is scratch: what is in it for the job goes when an attempt
 * begins, and a store when it is closed. One live job of a name may use it.
 *
 * @throws {SluiceError} `STATE_BACKEND_UNAVAILABLE` where lmdb does not run
 */
export async function lmdbStores(directory: string, job: string): Promise<OrderedStores> {
  const open = await loadLmdb();
  const root = `${directory}/${fileName(job)}`;
  return {
    open(attempt, name) {
      const folder = `${root}/${attempt}`;
      return failing(`open ${folder}`, () => {
        mkdirSync(folder, { recursive: true });
        for (const other of readdirSync(root)) {
          if (other !== String(attempt)) rmSync(`${root}/${other}`, { recursive: true, force: true });
        }
        return new LmdbStore(open, `${folder}/${fileName(name)}`);
      });
    },
  };
}

/** Whatever the name, a file can be called this. */
function fileName(name: string): string {
  return encodeURIComponent(name).replaceAll(".", "%2E").replaceAll("*", "%2A");
}

/** Nothing has to survive a crash: so nothing is synced. */
const options = { encoding: "binary", keyEncoding: "binary", noSync: true, overlappingSync: false, noMemInit: true } as const;

class LmdbStore implements OrderedStore {
  readonly #path: string;
  readonly #database: Database;
  #views = 0;
  #closing = false;

  constructor(open: OpenDatabase, path: string) {
    this.#path = path;
    rmSync(path, { recursive: true, force: true });
    this.#database = open({ path, ...options });
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#assertOpen();
    return failing(`read ${this.#path}`, () => this.#database.get(asBuffer(key)));
  }

  range(from: Uint8Array, to: Uint8Array, most: number): readonly StoredEntry[] {
    this.#assertOpen();
    return this.#range(from, to, most, undefined);
  }

  write(work: (batch: StoreBatch) => void): void {
    this.#assertOpen();
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
    this.#assertOpen();
    const transaction = failing(`read ${this.#path}`, () => this.#database.useReadTransaction());
    this.#views++;
    let open = true;
    const reader: StoreReader = {
      get: (key) => failing(`read ${this.#path}`, () => this.#database.get(asBuffer(key), { transaction })),
      range: (from, to, most) => this.#range(from, to, most, transaction),
    };
    const assertOpen = (): void => {
      if (!open) throw failure(`read ${this.#path}`, "the view is closed");
    };
    return {
      get(key) {
        assertOpen();
        return reader.get(key);
      },
      range(from, to, most) {
        assertOpen();
        return reader.range(from, to, most);
      },
      close: () => {
        if (!open) return;
        open = false;
        transaction.done();
        this.#views--;
        if (this.#closing) this.#end();
      },
    };
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#end();
  }

  /** Ends it when nobody reads any more: what is read from a closed database is whatever is there in memory. */
  #end(): void {
    if (this.#views > 0) return;
    const path = this.#path;
    this.#database.close().then(() => rmSync(path, { recursive: true, force: true })).catch(() => {});
  }

  #range(start: Uint8Array, end: Uint8Array, limit: number, transaction: Transaction | undefined): readonly StoredEntry[] {
    const bounds: RangeOptions = { start: asBuffer(start), end: asBuffer(end), limit };
    return failing(`read ${this.#path}`, () => [
      ...this.#database.getRange(transaction === undefined ? bounds : { ...bounds, transaction }),
    ]);
  }

  #assertOpen(): void {
    if (this.#closing) throw failure(`use ${this.#path}`, "it is closed");
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function failing<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw failure(action, messageOf(error), error);
  }
}

function failure(action: string, reason: string, cause?: unknown): SluiceError {
  return new SluiceError(
    "STATE_BACKEND_FAILED",
    `the state backend cannot ${action}: ${reason}; give state.directory a folder on a local disk with room for the state`,
    cause === undefined ? undefined : { cause },
  );
}
