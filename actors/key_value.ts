import type { Subscription } from "./transport.ts";

/** A value under a key, with the revision at which it was written. */
export interface KeyValueEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Grows with every write to the store; no two writes have the same one. */
  readonly revision: number;
}

/** What has become of a key: a value, or none any more. */
export type KeyValueChange =
  | { readonly kind: "put"; readonly entry: KeyValueEntry }
  | { readonly kind: "deleted"; readonly key: string; readonly revision: number };

/**
 * A small store that several processes agree on: records and leases, not data. Keys are dot-separated tokens of `[A-Za-z0-9_-]`.
 *
 * - **Compare and set:** a write that names the revision it was made from happens only when that is still the last one. So of
 *   several that write at once, one wins, and a revision is a fencing token.
 * - **Unknown outcomes:** a method that rejects may have done its work all the same; only looking tells.
 */
export interface KeyValue {
  /** The value now; undefined when there is none. */
  get(key: string): Promise<KeyValueEntry | undefined>;
  /**
   * Writes if `expected` is the key's last revision; 0: if the key has no value.
   *
   * @returns the new revision; undefined when another write came first
   */
  put(key: string, value: Uint8Array, expected: number): Promise<number | undefined>;
  /** Deletes if `expected` is the key's last revision; false when another write came first. */
  delete(key: string, expected: number): Promise<boolean>;
  /** The keys that have values and begin with `prefix` (whole tokens, or "" for all), sorted. */
  keys(prefix: string): Promise<readonly string[]>;
  /**
   * Calls `handler` with every value there is below `prefix` (whole tokens, or "" for all), and from then on with every change,
   * in order for each key. A change may be passed over when a newer one of the same key follows.
   */
  watch(prefix: string, handler: (change: KeyValueChange) => void): Promise<Subscription>;
  /** Ends all watches. A second call does nothing. */
  close(): Promise<void>;
}

/** Whether a key lies below a prefix. */
export function isBelow(key: string, prefix: string): boolean {
  return prefix === "" || key === prefix || key.startsWith(`${prefix}.`);
}
