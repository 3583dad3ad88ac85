import type { KV, KvEntry, NatsConnection, QueuedIterator, StreamAPI } from "nats";
import { messageOf, SluiceError } from "../../actors/error.ts";
import { isBelow, type KeyValue, type KeyValueChange, type KeyValueEntry } from "../../actors/key_value.ts";
import { checkSubject } from "../../actors/request.ts";
import type { Subscription } from "../../actors/transport.ts";
import { denialIn, explainDenial } from "./denial.ts";
import { isOvertaken } from "./epoch_marker.ts";

/** What a {@link NatsKeyValue} can be told. */
export interface NatsKeyValueOptions {
  /** Of how many servers each value is kept, when the bucket has to be made. @default 1 */
  readonly replicas?: number;
  /** One that is not there is not made, but an error. @default false */
  readonly existing?: boolean;
  /** How long the server may take to answer, in milliseconds: then the outcome is not known. @default 2,000 */
  readonly timeoutMs?: number;
}

/** A {@link KeyValue} in a bucket of NATS, which is made when it is not there. */
export class NatsKeyValue implements KeyValue {
  readonly #bucket: string;
  readonly #kv: KV;
  readonly #streams: StreamAPI;
  readonly #watches = new Set<QueuedIterator<KvEntry>>();

  private constructor(bucket: string, kv: KV, streams: StreamAPI) {
    this.#bucket = bucket;
    this.#kv = kv;
    this.#streams = streams;
  }

  /** @throws {SluiceError} `JETSTREAM_MISSING` when the server has none for this account; `NATS_DENIED` */
  static async open(connection: NatsConnection, bucket: string, options: NatsKeyValueOptions = {}): Promise<NatsKeyValue> {
    const { replicas = 1, existing = false, timeoutMs = 2_000 } = options;
    try {
      const kv = await connection.jetstream({ timeout: timeoutMs }).views.kv(bucket, {
        history: 1,
        replicas,
        bindOnly: existing,
      });
      if (existing) await kv.status();
      const { streams } = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false });
      return new NatsKeyValue(bucket, kv, streams);
    } catch (cause) {
      if (denialIn(cause) !== undefined) throw explainDenial(cause, `the bucket ${bucket}`);
      const said = messageOf(cause);
      throw new SluiceError(
        "JETSTREAM_MISSING",
        `the bucket ${bucket} cannot be opened (${said}): the server needs JetStream (nats-server -js), and the account ` +
          "leave to use it",
        { cause },
      );
    }
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
    // Not by a watch, as the client does it: one that is cut off while it runs never ends.
    const root = `$KV.${this.#bucket}.`;
    const { state } = await this.#streams.info(`KV_${this.#bucket}`, { subjects_filter: `${root}>` });
    const written = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(root.length));
    const below = written.filter((key) => isBelow(key, prefix)).sort();
    const there = await Promise.all(below.map(async (key) => await this.get(key) !== undefined));
    return below.filter((_, index) => there[index]);
  }

  async watch(prefix: string, handler: (change: KeyValueChange) => void): Promise<Subscription> {
    if (prefix !== "") checkSubject(prefix);
    let open = true;
    const follow = async (watch: QueuedIterator<KvEntry>): Promise<void> => {
      for await (const entry of watch) {
        if (!open) return;
        if (entry.operation === "PUT") handler({ kind: "put", entry: plain(entry) });
        else handler({ kind: "deleted", key: entry.key, revision: entry.revision });
      }
    };
    // One for each filter: servers before 2.10 take one only.
    const filters = prefix === "" ? [">"] : [prefix, `${prefix}.>`];
    const watches: QueuedIterator<KvEntry>[] = [];
    for (const key of filters) watches.push(await this.#kv.watch({ key }));
    for (const watch of watches) {
      this.#watches.add(watch);
      void follow(watch);
    }
    return {
      unsubscribe: () => {
        open = false;
        for (const watch of watches) {
          this.#watches.delete(watch);
          watch.stop();
        }
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
