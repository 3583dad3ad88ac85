import { crc32 } from "../../actors/checksum.ts";
import type { Disk } from "../../actors/disk.ts";
import { checkpointFolders, checkpointPath, manifestName } from "./checkpoint_folder.ts";
import { isMissing } from "./disk_failure.ts";
import type { DataFile, Manifest } from "./manifest.ts";
import { dataFileName, decodeManifest } from "./manifest_codec.ts";
import type { CheckpointStore, StoredCheckpoint } from "./storage.ts";
import { damaged } from "./storage_rules.ts";

const pieceBytes = 1024 * 1024;
const wrongChecksum = "its checksum is wrong";

/**
 * Reads the checkpoints in a folder; nothing is believed before its checksum is. What is read of one rejects with
 * `CHECKPOINT_DAMAGED`, naming the file.
 */
export class CheckpointReader implements Pick<CheckpointStore, "list" | "manifest" | "readData" | "readRange" | "verify"> {
  readonly #disk: Disk;
  readonly #root: string;

  /** @param root the folder of all checkpoints */
  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  async list(): Promise<readonly StoredCheckpoint[]> {
    const folders = await checkpointFolders(this.#disk, this.#root);
    return folders.filter(({ complete }) => complete)
      .map(({ id, path }) => ({ id, location: path }))
      .sort((a, b) => b.id - a.id);
  }

  async manifest(checkpoint: StoredCheckpoint): Promise<Manifest> {
    const path = `${checkpoint.location}/${manifestName}`;
    const decoded = decodeManifest(await readOrDamaged(path, () => this.#disk.read(path)));
    if (decoded.kind === "damaged") throw damaged(path, decoded.reason);
    const { id } = decoded.manifest;
    if (id !== checkpoint.id) throw damaged(path, `it is the manifest of checkpoint ${id}, not ${checkpoint.id}`);
    return decoded.manifest;
  }

  async readData(checkpoint: StoredCheckpoint, file: DataFile): Promise<Uint8Array> {
    const path = this.pathOf(checkpoint, file);
    // One byte more shows whether it is longer than it was.
    const bytes = await readOrDamaged(path, () => this.#disk.readRange(path, 0, file.bytes + 1));
    if (bytes.length !== file.bytes) await this.#dataPath(checkpoint, file);
    if (bytes.length !== file.bytes || crc32(bytes) !== file.checksum) throw damaged(path, wrongChecksum);
    return bytes;
  }

  async readRange(checkpoint: StoredCheckpoint, file: DataFile, offset: number, length: number): Promise<Uint8Array> {
    const path = this.pathOf(checkpoint, file);
    const bytes = await readOrDamaged(path, () => this.#disk.readRange(path, offset, length));
    if (bytes.length !== length) throw damaged(path, `it ends before byte ${offset + length}`);
    return bytes;
  }

  async verify(checkpoint: StoredCheckpoint, file: DataFile): Promise<void> {
    const path = await this.#dataPath(checkpoint, file);
    let checksum = 0;
    for (let offset = 0; offset < file.bytes; offset += pieceBytes) {
      const piece = await this.readRange(checkpoint, file, offset, Math.min(pieceBytes, file.bytes - offset));
      checksum = crc32(piece, checksum);
    }
    if (checksum !== file.checksum) throw damaged(path, wrongChecksum);
  }

  /** Where a data file is: by its name in the folder of the checkpoint that wrote it, and nowhere else. */
  pathOf(checkpoint: StoredCheckpoint, file: DataFile): string {
    const folder = file.of === undefined ? checkpoint.location : checkpointPath(this.#root, file.of.id, file.of.attempt);
    const path = `${folder}/${file.name}`;
    if (!dataFileName.test(file.name)) throw damaged(path, "that is no name of a data file");
    return path;
  }

  async #dataPath(checkpoint: StoredCheckpoint, file: DataFile): Promise<string> {
    const path = this.pathOf(checkpoint, file);
    const length = await readOrDamaged(path, () => this.#disk.size(path));
    if (length !== file.bytes) throw damaged(path, `it has ${length} bytes instead of ${file.bytes}`);
    return path;
  }
}

/** What cannot be read is damaged: the error names the file. */
export async function readOrDamaged<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw damaged(path, isMissing(error) ? "it is missing" : `it cannot be read: ${String(error)}`, { cause: error });
  }
}
