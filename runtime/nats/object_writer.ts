import { messageOf } from "../../actors/error.ts";
import { DiskError, type DiskWriter } from "../../actors/disk.ts";
import { blockBytes } from "./object_blocks.ts";

/** What a file is written through. */
export interface BlockPlace {
  readonly put: (number: number, bytes: Uint8Array) => Promise<void>;
  readonly remove: (number: number) => Promise<void>;
  /** Shows the file, with so many bytes. */
  readonly publish: (bytes: number) => Promise<void>;
}

/** Writes a file block by block, one after the other. It is seen when it is synced: once, and whole. */
export class ObjectWriter implements DiskWriter {
  readonly #path: string;
  readonly #place: BlockPlace;
  #block = new Uint8Array(blockBytes);
  #filled = 0;
  #blocks = 0;
  #bytes = 0;
  #writes: Promise<void> = Promise.resolve();
  #synced: Promise<void> | undefined;
  #closed = false;

  constructor(path: string, place: BlockPlace) {
    this.#path = path;
    this.#place = place;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#closed || this.#synced !== undefined) return Promise.reject(this.#refused("it is synced or closed"));
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + blockBytes - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === blockBytes) this.#put();
    }
    this.#bytes += bytes.length;
    return this.#writes;
  }

  sync(): Promise<void> {
    if (this.#closed) return Promise.reject(this.#refused("it is closed"));
    return this.#synced ??= this.#sync();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writes.catch(() => {});
    const seen = await this.#synced?.then(() => true, () => false) ?? false;
    if (seen) return;
    for (let number = 0; number < this.#blocks; number++) await this.#place.remove(number).catch(() => {});
  }

  async #sync(): Promise<void> {
    if (this.#filled > 0) this.#put();
    try {
      await this.#writes;
      await this.#place.publish(this.#bytes);
    } catch (cause) {
      throw cause instanceof DiskError ? cause : this.#refused(messageOf(cause), cause);
    }
  }

  #put(): void {
    const block = this.#block.subarray(0, this.#filled);
    const number = this.#blocks++;
    this.#block = new Uint8Array(blockBytes);
    this.#filled = 0;
    this.#writes = this.#writes.then(() => this.#place.put(number, block));
    this.#writes.catch(() => {}); // shown by write and sync
  }

  #refused(reason: string, cause?: unknown): DiskError {
    return new DiskError("io", this.#path, `Cannot write ${this.#path} to the Object Store: ${reason}`, { cause });
  }
}
