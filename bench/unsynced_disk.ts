import type { Disk, DiskWriter } from "../actors/disk.ts";

/** A disk that makes nothing durable: what checkpoints cost at the durability of engines that do not sync either. */
export class UnsyncedDisk implements Disk {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  read(path: string): Promise<Uint8Array> {
    return this.#disk.read(path);
  }

  readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#disk.readRange(path, offset, length);
  }

  size(path: string): Promise<number> {
    return this.#disk.size(path);
  }

  async openWrite(path: string, options?: { readonly append?: boolean }): Promise<DiskWriter> {
    const writer = await this.#disk.openWrite(path, options);
    return {
      write: (bytes) => writer.write(bytes),
      sync: () => Promise.resolve(),
      close: () => writer.close(),
    };
  }

  rename(from: string, to: string): Promise<void> {
    return this.#disk.rename(from, to);
  }

  link(from: string, to: string): Promise<void> {
    return this.#disk.link(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#disk.remove(path);
  }

  list(path: string): Promise<readonly string[]> {
    return this.#disk.list(path);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#disk.makeDirectory(path);
  }

  removeDirectory(path: string): Promise<void> {
    return this.#disk.removeDirectory(path);
  }

  syncDirectory(): Promise<void> {
    return Promise.resolve();
  }
}
