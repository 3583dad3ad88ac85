import type { StoreBatch } from "../graph/ordered_store.ts";
import { comesBefore, groupOfEntry, keptKey, keptPrefix } from "./store_keys.ts";

/**
 * The content of a table in an ordered store as of one moment, while it is being written group by group: what was not changed
 * since is read where it is; what is changed before it was written is copied in the store beforehand.
 *
 * No view of the store stands still for it. With SQLite or lmdb one could be had, but while it is open nothing that changes free
 * is used again: the file, or its log, grows by a page for every changed entry, and each look-up in it takes longer.
 */
export class DiskCut {
  /** The epoch of what belongs to it, at most. */
  readonly stamp: number;
  /** What is older is in the base; -1 for the whole content. */
  readonly since: number;
  readonly #section: number;
  /** Entries before this one are written. */
  #position: Uint8Array = new Uint8Array(0);
  #kept = 0;

  constructor(section: number, stamp: number, since: number | undefined) {
    this.#section = section;
    this.stamp = stamp;
    this.since = since ?? -1;
  }

  /** Whether what was last changed in that epoch is as it was at the cut, and not in the base. */
  holds(epoch: number): boolean {
    return epoch <= this.stamp && epoch > this.since;
  }

  /** Whether an entry is still to be written, unless it was changed since. */
  awaits(at: Uint8Array): boolean {
    return !comesBefore(at, this.#position);
  }

  /** Copies an entry that is about to change. */
  keep(batch: StoreBatch, at: Uint8Array, stored: Uint8Array): void {
    batch.put(keptKey(this.#section, this.stamp, groupOfEntry(at), this.#kept++), stored);
  }

  /** Entries before this one are written, or in the hands of the writer. */
  reached(at: Uint8Array): void {
    this.#position = at;
  }

  /** Where the copies of a group are. */
  keptOf(group: number): Uint8Array {
    return keptPrefix(this.#section, this.stamp, group);
  }
}
