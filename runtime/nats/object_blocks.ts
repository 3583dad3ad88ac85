import type { NatsConnection, ObjectStore } from "nats";
import type { Clock } from "../../actors/clock.ts";
import { patiently } from "./patience.ts";

/** Bytes of a block of a file, but its last one. */
export const blockBytes = 1024 * 1024;

/** How long the server may take for one block, in milliseconds, and how long it is tried while NATS is away. */
const blockMs = 10_000;
const patienceMs = 30_000;

/** Messages of an object; below the server's usual limit of a message, 1 MiB. */
const chunkBytes = 512 * 1024;

/**
 * Blocks of bytes in an Object Store of NATS, under names that are used once. What comes back is what was put: the client checks
 * the SHA-256 of each.
 */
export class ObjectBlocks {
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  private constructor(store: ObjectStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  static async open(connection: NatsConnection, bucket: string, options: { readonly clock: Clock; readonly replicas: number }) {
    const { clock, replicas } = options;
    const settings = { num_replicas: replicas }; // the client hands them on as they are: its own "replicas" is refused
    const store = await connection.jetstream({ timeout: blockMs }).views.os(bucket, settings as object);
    return new ObjectBlocks(store, clock);
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.#try(async () => {
      await this.#store.putBlob({ name, options: { max_chunk_size: chunkBytes } }, bytes);
    });
  }

  /** Undefined when there is none of that name. */
  async get(name: string): Promise<Uint8Array | undefined> {
    return await this.#try(async () => await this.#store.getBlob(name)) ?? undefined;
  }

  /** One that is not there is no error. */
  async remove(name: string): Promise<void> {
    try {
      await this.#try(() => this.#store.delete(name));
    } catch (error) {
      if (!/not found/i.test(String(error))) throw error;
    }
  }

  #try<T>(work: () => Promise<T>): Promise<T> {
    return patiently(() => this.#within(work()), { clock: this.#clock, patienceMs });
  }

  /** The client waits for ever for an object whose connection broke. */
  async #within<T>(work: Promise<T>): Promise<T> {
    const late = new Promise<never>((_, reject) => {
      const timer = this.#clock.setTimer(
        blockMs,
        () => reject(Object.assign(new Error("no answer in time"), { code: "TIMEOUT" })),
      );
      const cancel = () => timer.cancel();
      void work.then(cancel, cancel);
    });
    return await Promise.race([work, late]);
  }
}
