import { crc32, joinChecksums } from "../../actors/checksum.ts";
import type { Disk, DiskWriter } from "../../actors/disk.ts";
import { storeFailure } from "./disk_failure.ts";
import { allDone } from "./durable_file.ts";
import type { DataFile } from "./manifest.ts";
import type { DataWriter, WrittenExtent } from "./storage.ts";

/** Counts and checksums what is appended to a data file. */
export class DataSum {
  bytes = 0;
  checksum = 0;

  add(appended: Uint8Array): WrittenExtent {
    const checksum = crc32(appended);
    const extent: WrittenExtent = { offset: this.bytes, bytes: appended.length, checksum };
    this.checksum = joinChecksums(this.checksum, checksum, appended.length);
    this.bytes += appended.length;
    return extent;
  }
}

/** Appended slices are written together once they come to this many bytes. */
const batchBytes = 1024 * 1024;

/** Slices of at least this many bytes are written as they are, without being copied together. */
const directBytes = 128 * 1024;

/** What a data file is written through, and where. */
export interface DataFilePlace {
  readonly disk: Disk;
  /** The folder of all checkpoints, and in it the one of this checkpoint: made when the first bytes come. */
  readonly root: string;
  readonly folder: string;
  readonly name: string;
  /** Throws when the file may not be sealed (any more). */
  readonly admit: () => void;
  /** Whether the checkpoint is complete: its files stay then, whatever happens. */
  readonly isKept: () => boolean;
}

/**
 * A data file in a folder: made when the first slice comes, so that it is there when there is something to write; written under
 * a temporary name while slices come, synced and renamed at the end.
 */
export class DataFileWriter implements DataWriter {
  readonly #place: DataFilePlace;
  readonly #sum = new DataSum();
  #batch: Uint8Array[] = [];
  #batchedBytes = 0;
  #flushedBytes = 0;
  #file: Promise<DiskWriter> | undefined;
  #tail: Promise<void> = Promise.resolve();
  #sealing: Promise<DataFile> | undefined;
  #dropped = false;
  #isOpen = false;
  #sealed = false;

  constructor(place: DataFilePlace) {
    this.#place = place;
  }

  open(): void {
    if (!this.#dropped) this.#open().catch(() => {}); // `seal` reports it
  }

  append(bytes: Uint8Array): WrittenExtent {
    if (this.#sealing !== undefined) throw new TypeError(`${this.#path} is sealed`);
    const extent = this.#sum.add(bytes);
    if (this.#dropped) return extent;
    this.open();
    this.#batch.push(bytes);
    this.#batchedBytes += bytes.length;
    if (this.#batchedBytes >= batchBytes) this.#flush();
    return extent;
  }

  get backlogBytes(): number {
    return this.#flushedBytes;
  }

  drained(): Promise<void> {
    return this.#tail.catch(() => {});
  }

  get file(): DataFile {
    return { name: this.#place.name, bytes: this.#sum.bytes, checksum: this.#sum.checksum };
  }

  /** Whether it has its name, durably, and was not dropped since. */
  get isSealed(): boolean {
    return this.#sealed && !this.#dropped;
  }

  /** Whether it is made, and its folder with it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Makes it, if it is not: settles when it is there. */
  async opened(): Promise<void> {
    await this.#open();
  }

  seal(): Promise<DataFile> {
    this.#sealing ??= this.#seal();
    return this.#sealing;
  }

  async discard(): Promise<void> {
    this.#dropped = true;
    this.#batch = [];
    await this.#sealing?.catch(() => {});
    await this.#remove();
  }

  get #path(): string {
    return `${this.#place.folder}/${this.#place.name}`;
  }

  get #temporary(): string {
    return `${this.#path}.tmp`;
  }

  async #seal(): Promise<DataFile> {
    const { disk, root, folder, admit } = this.#place;
    try {
      admit();
      this.#flush();
      await this.#tail;
      if (this.#dropped) throw new TypeError("it was dropped");
      const file = await this.#open();
      await file.sync();
      await allDone([file.close(), disk.rename(this.#temporary, this.#path)]);
      await Promise.all([disk.syncDirectory(folder), disk.syncDirectory(root)]);
      admit();
      this.#sealed = true;
      return this.file;
    } catch (error) {
      if (!this.#dropped) await this.#remove(); // else `discard` does
      throw storeFailure(`write checkpoint data ${this.#path}`, error);
    }
  }

  #flush(): void {
    const slices = this.#batch;
    const bytes = this.#batchedBytes;
    this.#batch = [];
    this.#batchedBytes = 0;
    this.#flushedBytes += bytes;
    const write = async () => {
      if (this.#dropped) return;
      const file = await this.#open();
      for (const run of gathered(slices)) {
        if (this.#dropped) return;
        await file.write(run);
      }
    };
    this.#tail = this.#tail.then(write).finally(() => this.#flushedBytes -= bytes);
    // `seal` reports it.
    this.#tail.catch(() => {});
  }

  #open(): Promise<DiskWriter> {
    const { disk, folder } = this.#place;
    this.#file ??= disk.makeDirectory(folder).then(() => disk.openWrite(this.#temporary)).then((file) => {
      this.#isOpen = true;
      return file;
    });
    return this.#file;
  }

  /** Nothing is left behind, as far as the disk lets: what it keeps is swept when the store is opened again. */
  async #remove(): Promise<void> {
    const { disk, folder, isKept } = this.#place;
    await this.#tail.catch(() => {});
    if (this.#file === undefined) return;
    await this.#file.then((file) => file.close()).catch(() => {});
    await disk.remove(this.#temporary).catch(() => {});
    if (isKept()) return;
    await disk.remove(this.#path).catch(() => {});
    await disk.removeDirectory(folder).catch(() => {});
  }
}

/** Puts small neighbours together, so that few writes are made. */
function gathered(slices: readonly Uint8Array[]): readonly Uint8Array[] {
  const runs: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const close = (): void => {
    if (small.length > 0) runs.push(concatenated(small));
    small = [];
  };
  for (const slice of slices) {
    if (slice.length < directBytes) small.push(slice);
    else {
      close();
      runs.push(slice);
    }
  }
  close();
  return runs;
}

/** One run of bytes; a single slice as it is. */
export function concatenated(slices: readonly Uint8Array[]): Uint8Array {
  const [first] = slices;
  if (first !== undefined && slices.length === 1) return first;
  const joined = new Uint8Array(slices.reduce((sum, slice) => sum + slice.length, 0));
  let at = 0;
  for (const slice of slices) {
    joined.set(slice, at);
    at += slice.length;
  }
  return joined;
}
