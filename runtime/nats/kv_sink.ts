import { checkText } from "../connectors/option.ts";
import { jsonLine } from "../connectors/json_line.ts";
import type { Sink, SinkContext, SinkWriter } from "../graph/sink.ts";
import { SluiceError } from "../../actors/error.ts";
import { type NatsPlace, SharedConnection } from "./connection_hold.ts";

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
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE` at once; `NATS_UNREACHABLE`, `NATS_REFUSED`, `BUCKET_MISSING` at the start
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
    const hold = await this.#shared.hold();
    try {
      const kv = await hold.connection.jetstream().views.kv(bucket, { bindOnly: true });
      await kv.status();
      const writes = new LatestWrites((name, bytes) => bytes === undefined ? kv.delete(name) : kv.put(name, bytes));
      return {
        write: (value) => {
          const bytes = data === undefined ? new TextEncoder().encode(jsonLine(value, context.uid).trimEnd()) : data(value);
          return writes.write(checkedKey(key(value), context.uid), bytes);
        },
        flush: () => writes.settled(),
        close: async () => {
          await writes.settled().catch(() => {}); // a failure has shown itself in write or flush
          await hold.release();
        },
      };
    } catch (cause) {
      await hold.release();
      if (!/stream not found/i.test(String(cause))) throw cause;
      throw new SluiceError("BUCKET_MISSING", `sink ${context.uid}: there is no bucket ${bucket}: create it, or mend the name`, {
        cause,
      });
    }
  }
}

function checkedKey(key: string, uid: string): string {
  if (typeof key === "string" && /^[\w/=-]+(\.[\w/=-]+)*$/.test(key)) return key;
  throw new SluiceError("BAD_SUBJECT", `sink ${uid}: ${JSON.stringify(key)} is no key of a bucket`);
}

/** Writes of keys, one at a time for each; of several that wait only the newest is made. */
class LatestWrites {
  readonly #write: (key: string, bytes: Uint8Array | undefined) => Promise<unknown>;
  readonly #open = new Map<string, { next: { readonly bytes: Uint8Array | undefined } | undefined }>();
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(write: (key: string, bytes: Uint8Array | undefined) => Promise<unknown>) {
    this.#write = write;
  }

  write(key: string, bytes: Uint8Array | undefined): void | Promise<void> {
    const open = this.#open.get(key);
    if (open !== undefined) open.next = { bytes };
    else this.#begin(key, bytes);
    if (this.#failure !== undefined || this.#open.size >= windowWrites) {
      return this.#until(() => this.#open.size < windowWrites / 2);
    }
  }

  settled(): Promise<void> {
    return this.#until(() => this.#open.size === 0);
  }

  #begin(key: string, bytes: Uint8Array | undefined): void {
    this.#open.set(key, { next: undefined });
    this.#write(key, bytes).catch((error: unknown) => this.#failure ??= { error }).then(() => {
      const next = this.#open.get(key)?.next;
      this.#open.delete(key);
      if (next !== undefined && this.#failure === undefined) this.#begin(key, next.bytes);
      this.#wake?.();
    });
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached() && this.#failure === undefined) await new Promise<void>((resolve) => this.#wake = resolve);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
