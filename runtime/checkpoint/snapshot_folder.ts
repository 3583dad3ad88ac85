import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import { manifestName } from "./checkpoint_folder.ts";
import { CheckpointReader, readOrDamaged } from "./checkpoint_reader.ts";
import { isMissing } from "./disk_failure.ts";
import type { DataFile, Manifest } from "./manifest.ts";
import { decodeManifest } from "./manifest_codec.ts";
import { savepointFolder } from "./savepoint.ts";
import type { CheckpointStore, StoredCheckpoint } from "./storage.ts";
import { damaged } from "./storage_rules.ts";

/** A savepoint, or the folder of a completed checkpoint, to be read. */
export interface SnapshotFolder {
  readonly checkpoint: StoredCheckpoint;
  readonly store: Pick<CheckpointStore, "manifest" | "readRange" | "verify">;
}

/**
 * Opens a savepoint, or the folder of a completed checkpoint; reads the manifest only. Nothing outside the folder is read: of a
 * checkpoint that shares files, nothing outside the folders of its neighbours. Links are not followed.
 *
 * @throws {SluiceError} `BAD_SAVEPOINT_PATH`; `SAVEPOINT_UNKNOWN` when there is none, `CHECKPOINT_DAMAGED` when it cannot be
 * believed
 */
export async function openSnapshotFolder(disk: Disk, path: string): Promise<SnapshotFolder> {
  const location = savepointFolder(path);
  const manifest = await readManifest(disk, location);
  return { checkpoint: { id: manifest.id, location }, store: new FolderReader(disk, parentOf(location), manifest) };
}

class FolderReader implements Pick<CheckpointStore, "manifest" | "readRange" | "verify"> {
  readonly #disk: Disk;
  readonly #reader: CheckpointReader;
  readonly #manifest: Manifest;

  constructor(disk: Disk, parent: string, manifest: Manifest) {
    this.#disk = disk;
    this.#reader = new CheckpointReader(disk, parent);
    this.#manifest = manifest;
  }

  manifest(): Promise<Manifest> {
    return Promise.resolve(this.#manifest);
  }

  readRange(checkpoint: StoredCheckpoint, file: DataFile, offset: number, length: number): Promise<Uint8Array> {
    return this.#reader.readRange(checkpoint, file, offset, length);
  }

  /** Whoever reads a file has it verified first: this is where links are found. */
  async verify(checkpoint: StoredCheckpoint, file: DataFile): Promise<void> {
    const path = this.#reader.pathOf(checkpoint, file);
    if (file.of !== undefined) await refuseLink(this.#disk, parentOf(path));
    await refuseLink(this.#disk, path);
    await this.#reader.verify(checkpoint, file);
  }
}

async function readManifest(disk: Disk, location: string): Promise<Manifest> {
  const path = `${location}/${manifestName}`;
  await refuseLink(disk, path);
  let bytes: Uint8Array;
  try {
    bytes = await disk.read(path);
  } catch (cause) {
    if (!isMissing(cause)) throw damaged(path, `it cannot be read: ${String(cause)}`, { cause });
    throw new SluiceError(
      "SAVEPOINT_UNKNOWN",
      `there is no savepoint in ${location}: no ${manifestName} is there; name the folder of a savepoint or checkpoint`,
      { cause },
    );
  }
  const decoded = decodeManifest(bytes);
  if (decoded.kind === "damaged") throw damaged(path, decoded.reason);
  return decoded.manifest;
}

async function refuseLink(disk: Disk, path: string): Promise<void> {
  if (await readOrDamaged(path, async () => await disk.isLink?.(path)) !== true) return;
  throw damaged(path, "it is a link to another place, which is not followed: put the file itself there");
}

function parentOf(folder: string): string {
  const end = folder.lastIndexOf("/");
  return end < 0 ? "." : end === 0 ? "/" : folder.slice(0, end);
}
