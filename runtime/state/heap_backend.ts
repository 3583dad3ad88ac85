import { HeapSection } from "./heap_section.ts";
import type { KeyedBackendOptions } from "./keyed_backend.ts";
import { TableKeyedStateBackend } from "./table_backend.ts";

/** Fewer entries are in the processor's caches as they are, and quicker to use. */
const leastRows = 32_768;

/** Each key group has arrays of its own, which are worth while for so many. */
const leastRowsOfGroup = 32;

/** Keyed state on the heap: copy on write while snapshots are being written. */
export class HeapKeyedStateBackend extends TableKeyedStateBackend {
  constructor(options: KeyedBackendOptions) {
    const { uid, range, checkMutations } = options;
    const { rowsFrom = Math.max(leastRows, leastRowsOfGroup * (range.last - range.first + 1)) } = options;
    // Who looks for values that were changed in place needs to find the same value again.
    const from = checkMutations === true ? Infinity : rowsFrom;
    super(options, (name, kind, schemas, packing, now) => {
      return new HeapSection({ uid, range, now, rowsFrom: from }, name, kind, schemas, packing);
    });
  }
}
