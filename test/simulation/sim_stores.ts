import type {
  OpenReader,
  OrderedStore,
  OrderedStores,
  StoreBatch,
  StoredEntry,
  StoreReader,
} from "../../runtime/graph/ordered_store.ts";

/** Scratch space in memory: like that of a disk it outlives a process that is killed, and what it left is there until removed. */
export class SimStores {
  readonly #open = new Map<SimStore, { readonly process: number; readonly attempt: number }>();
  #process = 0;
  /** How often frames of feedback were written, and read back by a checkpoint. */
  spilled = 0;
  captured = 0;

  /** The stores of the next process: what an earlier one left goes when it opens its first. */
  ofNextProcess(): OrderedStores {
    const process = ++this.#process;
    return { open: (attempt, name) => this.#opened(process, attempt, name) };
  }

  #opened(process: number, attempt: number, name: string): OrderedStore {
    for (const [store, of] of this.#open) {
      if (of.process !== process || of.attempt !== attempt) this.#open.delete(store);
    }
    const ofFeedback = name.startsWith("feedback of ");
    const store = new SimStore((store) => this.#open.delete(store), {
      put: () => void (ofFeedback && this.spilled++),
      reader: () => void (ofFeedback && this.captured++),
    });
    this.#open.set(store, { process, attempt });
    return store;
  }

  /** How many stores of the latest process are there: none, once a job has ended by itself. */
  get left(): number {
    return [...this.#open.values()].filter(({ process }) => process === this.#process).length;
  }
}

class SimStore implements OrderedStore {
  #entries = new Map<string, StoredEntry>();
  #readers = 0;
  #closed = false;
  readonly #gone: (store: SimStore) => void;
  readonly #count: { put(): void; reader(): void };

  constructor(gone: (store: SimStore) => void, count: { put(): void; reader(): void }) {
    this.#gone = gone;
    this.#count = count;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return new Reader(this.#entries).get(key);
  }

  range(from: Uint8Array, to: Uint8Array, most: number): readonly StoredEntry[] {
    return new Reader(this.#entries).range(from, to, most);
  }

  write(work: (batch: StoreBatch) => void): void {
    const entries = new Map(this.#entries);
    work({
      put: (key, value) => {
        this.#count.put();
        entries.set(textOf(key), { key: key.slice(), value: value.slice() });
      },
      remove: (key) => void entries.delete(textOf(key)),
    });
    this.#entries = entries;
  }

  reader(): OpenReader {
    this.#count.reader();
    this.#readers++;
    let open = true;
    return {
      get: (key) => this.get(key),
      range: (from, to, most) => this.range(from, to, most),
      close: () => {
        if (!open) return;
        open = false;
        this.#readers--;
        this.#end();
      },
    };
  }

  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
    if (this.#closed && this.#readers === 0) this.#gone(this);
  }
}

class Reader implements StoreReader {
  readonly #entries: ReadonlyMap<string, StoredEntry>;

  constructor(entries: ReadonlyMap<string, StoredEntry>) {
    this.#entries = entries;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(textOf(key))?.value.slice();
  }

  range(from: Uint8Array, to: Uint8Array, most: number): readonly StoredEntry[] {
    const [low, high] = [textOf(from), textOf(to)];
    const within = [...this.#entries].filter(([text]) => text >= low && text < high).sort(([a], [b]) => (a < b ? -1 : 1));
    return within.slice(0, most).map(([, { key, value }]) => ({ key: key.slice(), value: value.slice() }));
  }
}

/** A character for each byte: in the order of the bytes. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
