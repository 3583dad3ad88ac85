import { checkText } from "../connectors/option.ts";
import { jsonBytes } from "../connectors/json_line.ts";
import type { Sink, SinkContext, SinkWriter } from "../graph/sink.ts";
import { SluiceError } from "../../actors/error.ts";
import { type NatsPlace, openOn, SharedConnection } from "./connection_hold.ts";
import { explainingDenials } from "./denial.ts";
import { OpenWrites } from "./open_writes.ts";

/** What a KV sink can be told. */
export interface KvSinkOptions<T> {
  readonly nats: NatsPlace;
  /** The bucket, which must exist. */
  readonly bucket: string;
  /** The key of a record: dot-separated tokens of letters, digits, `_`, `-`, `/` and `=`. */
  readonly key: (value: T) => string;
  /** The bytes of a record; undefined deletes the key. @default JSON */
  readonly data?: (value: T) => Uint8Array | undefined;
}

/** How many writes may be unconfirmed at once. */
const windowWrites = 128;

/**
 * Keeps the latest record of each key in a bucket of NATS.
 *
 * - **Idempotent:** a record that is replayed writes the same value again. After a failure a reader may see older values of a key
 *   until the replay has caught up, then the same as without the failure.
 * - **Order:** of one key as the records came; there is at most one write of a key under way, and only the newest waits.
 * - **Before a checkpoint is acknowledged** every write so far is confirmed.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE` at once; `NATS_UNREACHABLE`, `NATS_REFUSED`, `NATS_DENIED`, `BUCKET_MISSING` at the
 * start
 *
 * @example
 * ```ts ignore
 * stream.to("latest", kvSink({ nats: { servers }, bucket: "totals", key: (total) => total.airport }))
 * ```
 */
export function kvSink<T>(options: KvSinkOptions<T>): Sink<T> {
  checkText("kvSink", "bucket", options.bucket);
  return new KvSink<T>(options);
}

class KvSink<T> implements Sink<T> {
  readonly kind = "nats-kv";
  readonly delivery = "idempotent";
  readonly #options: KvSinkOptions<T>;
  readonly #shared: SharedConnection;

  constructor(options: KvSinkOptions<T>) {
    this.#options = options;
    this.#shared = new SharedConnection(options.nats);
  }

  async open(context: SinkContext): Promise<SinkWriter<T>> {
    const { bucket, key, data } = this.#options;
    return await openOn(this.#shared, `sink ${context.uid}`, async ({ connection, release }) => {
      const kv = await connection.jetstream().views.kv(bucket, { bindOnly: true });
      await foundBucket(kv.status(), bucket, context.uid);
      const write = (name: string, bytes: Uint8Array | undefined) => bytes === undefined ? kv.delete(name) : kv.put(name, bytes);
      const writes = new LatestWrites((name, bytes) =>
        explainingDenials(`sink ${context.uid}`, async () => await write(name, bytes))
      );
      return {
        write: (value) => {
          const bytes = data === undefined ? jsonBytes(value, context.uid) : data(value);
          return writes.write(checkedKey(key(value), context.uid), bytes);
        },
        flush: () => writes.settled(),
        close: async () => {
          await writes.settled().catch(() => {}); // a failure has shown itself in write or flush
          await release();
        },
      };
    });
  }
}

async function foundBucket(status: Promise<unknown>, bucket: string, uid: string): Promise<void> {
  try {
    await status;
  } catch (cause) {
    if (!/stream not found/i.test(String(cause))) throw cause;
    throw new SluiceError("BUCKET_MISSING", `sink ${uid}: there is no bucket ${bucket}: create it, or mend the name`, { cause });
  }
}

function checkedKey(key: string, uid: string): string {
  if (typeof key === "string" && /^[\w/=-]+(\.[\w/=-]+)*$/.test(key)) return key;
  throw new SluiceError("BAD_SUBJECT", `sink ${uid}: ${JSON.stringify(key)} is no key of a bucket`);
}

/** Writes of keys, one at a time for each; of several that wait only the newest is made. */
class LatestWrites {
  readonly #write: (key: string, bytes: Uint8Array | undefined) => Promise<unknown>;
  readonly #open = new OpenWrites(windowWrites);
  /** The keys that are being written, and what comes next for each. */
  readonly #keys = new Map<string, { next: { readonly bytes: Uint8Array | undefined } | undefined }>();

  constructor(write: (key: string, bytes: Uint8Array | undefined) => Promise<unknown>) {
    this.#write = write;
  }

  write(key: string, bytes: Uint8Array | undefined): void | Promise<void> {
    const written = this.#keys.get(key);
    if (written === undefined) this.#open.add(this.#all(key, bytes));
    else written.next = { bytes };
    return this.#open.room();
  }

  settled(): Promise<void> {
    return this.#open.settled();
  }

  /** Writes until nothing waits for the key. */
  async #all(key: string, bytes: Uint8Array | undefined): Promise<void> {
    const written: { next: { readonly bytes: Uint8Array | undefined } | undefined } = { next: { bytes } };
    this.#keys.set(key, written);
    try {
      while (written.next !== undefined && !this.#open.failed) {
        const { bytes } = written.next;
        written.next = undefined;
        await this.#write(key, bytes);
      }
    } finally {
      this.#keys.delete(key);
    }
  }
}
