/** What is stored under a key. */
export interface StoredEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Reads an ordered store. What it gives belongs to the caller. */
export interface StoreReader {
  get(key: Uint8Array): Uint8Array | undefined;
  /** Up to `most` entries from `from` to before `to`, in the order of their keys' bytes. */
  range(from: Uint8Array, to: Uint8Array, most: number): readonly StoredEntry[];
}

/** Reads a store until it is closed itself, also when the store was closed before. */
export interface OpenReader extends StoreReader {
  /** A second call does nothing. */
  close(): void;
}

/** Changes that are made together. */
export interface StoreBatch {
  put(key: Uint8Array, value: Uint8Array): void;
  /** Removes a key, which may be missing. */
  remove(key: Uint8Array): void;
}

/** The longest key of an ordered store, in bytes. */
export const maxStoreKeyBytes = 1_024;

/**
 * Bytes by key on scratch space, in order, for state that is larger than memory. Everything is synchronous. It lasts as long as
 * it is open: nothing in it outlives a crash, and nothing has to.
 *
 * All methods throw `SluiceError` `STATE_BACKEND_FAILED` naming the folder when the disk fails.
 */
export interface OrderedStore extends StoreReader {
  /** Makes changes, all or none; readers see them when it returns. */
  write(work: (batch: StoreBatch) => void): void;
  /** A reader of what the store has whenever it is asked; what it has lasts until the reader is closed. */
  reader(): OpenReader;
  /** Lets go of it and removes it, once its readers are closed. A second call does nothing. */
  close(): void;
}

/** Where the stores of a job are. */
export interface OrderedStores {
  /**
   * Makes an empty store. What attempts before left is removed.
   * @param name unique in the attempt
   */
  open(attempt: number, name: string): OrderedStore;
}
