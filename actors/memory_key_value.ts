import type { Clock } from "./clock.ts";
import { isBelow, type KeyValue, type KeyValueChange, type KeyValueEntry } from "./key_value.ts";
import { checkSubject } from "./request.ts";
import { systemClock } from "./system_clock.ts";
import type { Subscription } from "./transport.ts";

interface Watch {
  readonly prefix: string;
  readonly handler: (change: KeyValueChange) => void;
}

/** A {@link KeyValue} in one process. Every answer and every change comes at a later yield of the clock. */
export class MemoryKeyValueStore {
  readonly clock: Clock;
  readonly #entries = new Map<string, KeyValueEntry>();
  readonly #watches = new Set<Watch>();
  #revision = 0;

  constructor(clock: Clock = systemClock) {
    this.clock = clock;
  }

  connect(): KeyValue {
    return new MemoryKeyValue(this);
  }

  get(key: string): KeyValueEntry | undefined {
    return this.#entries.get(key);
  }

  keys(prefix: string): readonly string[] {
    return [...this.#entries.keys()].filter((key) => isBelow(key, prefix)).sort();
  }

  put(key: string, value: Uint8Array, expected: number): number | undefined {
    if ((this.#entries.get(key)?.revision ?? 0) !== expected) return undefined;
    const entry = { key, value: value.slice(), revision: ++this.#revision };
    this.#entries.set(key, entry);
    this.#tell({ kind: "put", entry });
    return entry.revision;
  }

  delete(key: string, expected: number): boolean {
    if (this.#entries.get(key)?.revision !== expected) return false;
    this.#entries.delete(key);
    this.#tell({ kind: "deleted", key, revision: ++this.#revision });
    return true;
  }

  watch(watch: Watch): void {
    this.#watches.add(watch);
    for (const key of this.keys(watch.prefix)) {
      this.#later(watch, { kind: "put", entry: this.#entries.get(key) as KeyValueEntry });
    }
  }

  unwatch(watch: Watch): void {
    this.#watches.delete(watch);
  }

  #tell(change: KeyValueChange): void {
    const key = change.kind === "put" ? change.entry.key : change.key;
    for (const watch of this.#watches) if (isBelow(key, watch.prefix)) this.#later(watch, change);
  }

  #later(watch: Watch, change: KeyValueChange): void {
    this.clock.yield(() => {
      if (this.#watches.has(watch)) watch.handler(change);
    });
  }
}

class MemoryKeyValue implements KeyValue {
  readonly #store: MemoryKeyValueStore;
  readonly #subscriptions = new Set<Subscription>();

  constructor(store: MemoryKeyValueStore) {
    this.#store = store;
  }

  get(key: string): Promise<KeyValueEntry | undefined> {
    return this.#answer(key, () => this.#store.get(key));
  }

  put(key: string, value: Uint8Array, expected: number): Promise<number | undefined> {
    return this.#answer(key, () => this.#store.put(key, value, expected));
  }

  delete(key: string, expected: number): Promise<boolean> {
    return this.#answer(key, () => this.#store.delete(key, expected));
  }

  keys(prefix: string): Promise<readonly string[]> {
    return this.#answer(prefix, () => this.#store.keys(prefix));
  }

  watch(prefix: string, handler: (change: KeyValueChange) => void): Promise<Subscription> {
    return this.#answer(prefix, () => {
      const watch = { prefix, handler };
      this.#store.watch(watch);
      const subscription: Subscription = {
        unsubscribe: () => {
          this.#store.unwatch(watch);
          this.#subscriptions.delete(subscription);
        },
      };
      this.#subscriptions.add(subscription);
      return subscription;
    });
  }

  close(): Promise<void> {
    for (const subscription of [...this.#subscriptions]) subscription.unsubscribe();
    return Promise.resolve();
  }

  #answer<T>(key: string, act: () => T): Promise<T> {
    if (key !== "") checkSubject(key);
    return new Promise((resolve) => this.#store.clock.yield(() => resolve(act())));
  }
}
