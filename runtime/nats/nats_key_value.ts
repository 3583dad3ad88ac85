import type { KV, KvEntry, NatsConnection, QueuedIterator } from "nats";
import { isBelow, type KeyValue, type KeyValueChange, type KeyValueEntry } from "../../actors/key_value.ts";
import { checkSubject } from "../../actors/request.ts";
import type { Subscription } from "../../actors/transport.ts";
import { isOvertaken } from "./epoch_marker.ts";

/** What a {@link NatsKeyValue} can be told. */
export interface NatsKeyValueOptions {
  /** Of how many servers each value is kept, when the bucket has to be made. @default 1 */
  readonly replicas?: number;
}

/** A {@link KeyValue} in a bucket of NATS, which is made when it is not there. */
export class NatsKeyValue implements KeyValue {
  readonly #kv: KV;
  readonly #watches = new Set<QueuedIterator<KvEntry>>();

  private constructor(kv: KV) {
    this.#kv = kv;
  }

  static async open(connection: NatsConnection, bucket: string, options: NatsKeyValueOptions = {}): Promise<NatsKeyValue> {
    return new NatsKeyValue(await connection.jetstream().views.kv(bucket, { history: 1, replicas: options.replicas ?? 1 }));
  }

  async get(key: string): Promise<KeyValueEntry | undefined> {
    checkSubject(key);
    const entry = await this.#kv.get(key);
    return entry === null || entry.operation !== "PUT" ? undefined : plain(entry);
  }

  async put(key: string, value: Uint8Array, expected: number): Promise<number | undefined> {
    checkSubject(key);
    try {
      return expected === 0 ? await this.#kv.create(key, value) : await this.#kv.update(key, value, expected);
    } catch (error) {
      if (isOvertaken(error)) return undefined;
      throw error;
    }
  }

  async delete(key: string, expected: number): Promise<boolean> {
    checkSubject(key);
    try {
      await this.#kv.delete(key, { previousSeq: expected });
      return true;
    } catch (error) {
      if (isOvertaken(error)) return false;
      throw error;
    }
  }

  async keys(prefix: string): Promise<readonly string[]> {
    if (prefix !== "") checkSubject(prefix);
    const keys: string[] = [];
    for await (const key of await this.#kv.keys()) if (isBelow(key, prefix)) keys.push(key);
    return keys.sort();
  }

  async watch(prefix: string, handler: (change: KeyValueChange) => void): Promise<Subscription> {
    if (prefix !== "") checkSubject(prefix);
    const watch = await this.#kv.watch(prefix === "" ? {} : { key: [prefix, `${prefix}.>`] });
    this.#watches.add(watch);
    let open = true;
    void (async () => {
      for await (const entry of watch) {
        if (!open) return;
        if (entry.operation === "PUT") handler({ kind: "put", entry: plain(entry) });
        else handler({ kind: "deleted", key: entry.key, revision: entry.revision });
      }
    })();
    return {
      unsubscribe: () => {
        open = false;
        this.#watches.delete(watch);
        watch.stop();
      },
    };
  }

  close(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
    return Promise.resolve();
  }
}

function plain({ key, value, revision }: KvEntry): KeyValueEntry {
  return { key, value: value.slice(), revision };
}
