import { crc32 } from "../../actors/checksum.ts";
import { SluiceError } from "../../actors/error.ts";
import type { ByteReader } from "../graph/operator.ts";
import type { DataFile, Extent, Manifest } from "./manifest.ts";
import type { CheckpointStore, StoredCheckpoint } from "./storage.ts";

/** Data files that come to so many bytes together are read at once: most runs are short, and each read is several operations. */
const atOnceBytes = 1024 * 1024;

/** Whether the data files of a checkpoint are read at once, and stay in memory while it is read. */
export function isSmall({ files }: Pick<Manifest, "files">): boolean {
  return files.reduce((sum, { bytes }) => sum + bytes, 0) <= atOnceBytes;
}

/**
 * Reads and checks runs of bytes of a checkpoint; the files of a small one stay in memory as long as the reader.
 *
 * @param read files that have been read already
 * @returns a function that rejects with `CHECKPOINT_DAMAGED`
 */
export function extentsOf(
  store: Pick<CheckpointStore, "readRange">,
  checkpoint: StoredCheckpoint,
  manifest: Pick<Manifest, "files">,
  read: ReadonlyMap<DataFile, Uint8Array> = new Map(),
): (extent: Extent) => Promise<Uint8Array> {
  const { location } = checkpoint;
  const wholes = isSmall(manifest) ? new Map<DataFile, Promise<Uint8Array>>() : undefined;
  const readRange = async (file: DataFile, offset: number, bytes: number): Promise<Uint8Array> => {
    const given = read.get(file);
    if (given !== undefined) return given.subarray(offset, offset + bytes);
    if (wholes === undefined) return await store.readRange(checkpoint, file, offset, bytes);
    let whole = wholes.get(file);
    if (whole === undefined) wholes.set(file, whole = store.readRange(checkpoint, file, 0, file.bytes));
    try {
      return (await whole).subarray(offset, offset + bytes);
    } catch (error) {
      wholes.delete(file);
      throw error;
    }
  };
  return async (extent) => {
    const file = manifest.files[extent.file];
    if (file === undefined || extent.offset + extent.bytes > file.bytes) {
      throw new SluiceError("CHECKPOINT_DAMAGED", `${location}: the manifest points outside data file ${extent.file}`);
    }
    const bytes = await readRange(file, extent.offset, extent.bytes);
    if (crc32(bytes) === extent.checksum) return bytes;
    throw new SluiceError(
      "CHECKPOINT_DAMAGED",
      `${location}: the checksum of ${extent.bytes} bytes from ${extent.offset} in ${file.name} is wrong; use another checkpoint`,
    );
  };
}

/** Extents one after the other as one run of bytes. One extent at a time is in memory: the one read last. */
export class ExtentReader implements ByteReader {
  readonly length: number;
  readonly #extents: readonly Extent[];
  /** Where each extent begins in the run. */
  readonly #starts: readonly number[];
  readonly #read: (extent: Extent) => Promise<Uint8Array>;
  #at = -1;
  #bytes: Promise<Uint8Array> = Promise.resolve(new Uint8Array(0));

  /** @param read gives an extent, checked */
  constructor(extents: readonly Extent[], read: (extent: Extent) => Promise<Uint8Array>) {
    let length = 0;
    this.#starts = extents.map(({ bytes }) => (length += bytes) - bytes);
    this.length = length;
    this.#extents = extents;
    this.#read = read;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset < 0 || length < 0 || offset + length > this.length) {
      throw new RangeError(`${length} bytes from ${offset} are not in a run of ${this.length}`);
    }
    if (length === 0) return new Uint8Array(0);
    let at = this.#indexOf(offset);
    const start = offset - this.#starts[at]!;
    const first = await this.#extent(at);
    if (start + length <= first.length) return first.subarray(start, start + length);
    const joined = new Uint8Array(length);
    joined.set(first.subarray(start));
    for (let filled = first.length - start; filled < length;) {
      const next = await this.#extent(++at);
      joined.set(next.subarray(0, length - filled), filled);
      filled += next.length;
    }
    return joined;
  }

  /** The extent that holds a byte. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #extent(at: number): Promise<Uint8Array> {
    if (at !== this.#at) {
      this.#at = at;
      this.#bytes = this.#read(this.#extents[at]!);
    }
    return this.#bytes;
  }
}
