import type { Disk, DiskWriter } from "../../actors/disk.ts";

/** What may wait to be written before writers of a part are told to wait. */
const maxQueuedBytes = 256 * 1024;

/**
 * One file on its way to be a part: written in the background, in order. Its first failure is final and is what every later
 * call meets.
 */
export class PartFile {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #opened: Promise<DiskWriter>;
  #tail: Promise<unknown>;
  #queuedBytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
    this.#opened = disk.openWrite(path);
    this.#tail = this.#opened;
    this.#watch();
  }

  /** Whether so much waits to be written that no more should be appended. */
  get full(): boolean {
    return this.#queuedBytes > maxQueuedBytes;
  }

  /** Why it could not be written. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Appends the bytes, which must not change any more. */
  append(bytes: Uint8Array): void {
    this.#queuedBytes += bytes.length;
    this.#then(async (writer) => {
      await writer.write(bytes);
      this.#queuedBytes -= bytes.length;
    });
  }

  /** Settles when all that was appended so far has been written. */
  async written(): Promise<void> {
    await this.#tail;
  }

  /** Makes the bytes durable and gives the file another name, durable too. Nothing may be appended afterwards. */
  async seal(name: string, folder: string): Promise<void> {
    this.#then(async (writer) => {
      await writer.sync();
      await writer.close();
      await this.#disk.rename(this.#path, `${folder}/${name}`);
      await this.#disk.syncDirectory(folder);
    });
    await this.#tail;
  }

  /** Closes and removes the file, as far as the disk lets it; what is left is removed by the next attempt. */
  async discard(): Promise<void> {
    try {
      await this.#tail.catch(() => {});
      await (await this.#opened).close();
      await this.#disk.remove(this.#path);
    } catch {
      return;
    }
  }

  #then(step: (writer: DiskWriter) => Promise<void>): void {
    this.#tail = this.#tail.then(async () => step(await this.#opened));
    this.#watch();
  }

  #watch(): void {
    this.#tail.catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }
}
