import { HeapSection } from "./heap_section.ts";
import type { KeyedBackendOptions } from "./keyed_backend.ts";
import { TableKeyedStateBackend } from "./table_backend.ts";

/** Keyed state on the heap: copy on write while snapshots are being written. */
export class HeapKeyedStateBackend extends TableKeyedStateBackend {
  constructor(options: KeyedBackendOptions) {
    const { uid, range } = options;
    super(options, (name, kind, schemas, packing, now) => new HeapSection({ uid, range, now }, name, kind, schemas, packing));
  }
}
