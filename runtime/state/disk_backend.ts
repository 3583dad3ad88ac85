import type { OrderedStore } from "../graph/ordered_store.ts";
import { type DiskLimits, diskLimits } from "./disk_table.ts";
import { DiskSection } from "./disk_section.ts";
import type { KeyedBackendOptions } from "./keyed_backend.ts";
import { TableKeyedStateBackend } from "./table_backend.ts";

/**
 * Keyed state in an ordered store, for more of it than fits into memory: a bounded number of entries is at hand, the others are
 * read when they are needed. Values of one key, a list or a map included, are read and written as a whole. Timers and windows
 * are on the heap.
 */
export class DiskKeyedStateBackend extends TableKeyedStateBackend {
  readonly #store: OrderedStore;

  /** @param store an empty one, which is closed with the backend */
  constructor(options: KeyedBackendOptions, store: OrderedStore, limits: DiskLimits = diskLimits) {
    let sections = 0;
    super(
      options,
      (name, kind, schemas, packing, now) =>
        new DiskSection({ uid: options.uid, store, section: sections++, limits, now }, name, kind, schemas, packing),
    );
    this.#store = store;
  }

  override close(): void {
    this.#store.close();
  }
}
