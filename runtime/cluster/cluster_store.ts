import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import { checkpointFolders, checkpointPath, dismantle, manifestName } from "../checkpoint/checkpoint_folder.ts";
import { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import { DataFileWriter } from "../checkpoint/data_file.ts";
import { storeStep } from "../checkpoint/disk_failure.ts";
import { makeDirectoryDurably, replaceDurably } from "../checkpoint/durable_file.ts";
import type { DataFile, Manifest } from "../checkpoint/manifest.ts";
import { encodeManifest } from "../checkpoint/manifest_codec.ts";
import type { CheckpointStore, DataWriter, JobRecord, StoredCheckpoint } from "../checkpoint/storage.ts";
import { alreadyComplete, checkReservation } from "../checkpoint/storage_rules.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { JobEntryKeeper } from "./job_entry_keeper.ts";
import type { ClusterFolder } from "./cluster_folder.ts";

/** Writes data files of one worker: `data-<number>`, where the number is its own in the attempt. */
export function workerData({ disk, folder: root }: ClusterFolder, number: number): Pick<CheckpointStore, "createData"> {
  return {
    createData: (id: CheckpointId, attempt: number): DataWriter =>
      new DataFileWriter({
        disk,
        root,
        folder: checkpointPath(root, id, attempt),
        name: `data-${number}`,
        admit: () => {},
        // Whether the checkpoint completed is the coordinator's knowledge: a file in doubt stays, and is swept there.
        isKept: () => true,
      }),
  };
}

/**
 * The checkpoints of a job on a cluster: data files and manifests in a shared folder, under names that are never used twice;
 * which of them exist, and which numbers are allotted, in the job's record. **The compare-and-set of the record is the
 * completion** (protocol 4.3), so two coordinators can never both complete one.
 */
export class ClusterStore implements CheckpointStore {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #reader: CheckpointReader;
  readonly #keeper: JobEntryKeeper;

  constructor({ disk, folder }: ClusterFolder, keeper: JobEntryKeeper) {
    this.#disk = disk;
    this.#root = folder;
    this.#reader = new CheckpointReader(disk, folder);
    this.#keeper = keeper;
  }

  record(): JobRecord {
    const { attempt, nextCheckpointId } = this.#keeper.entry;
    return { attempt, nextCheckpointId };
  }

  async reserve(record: JobRecord): Promise<void> {
    const { attempt, nextCheckpointId } = record;
    checkReservation(this.record(), record, this.#root);
    await this.#keeper.change((entry) => ({ ...entry, attempt, nextCheckpointId }));
  }

  createData(): DataWriter {
    throw new SluiceError("CHECKPOINTS_UNUSABLE", "a coordinator writes no data of checkpoints: workers do");
  }

  async complete(manifest: Manifest): Promise<StoredCheckpoint> {
    const { id, attempt } = manifest;
    const path = checkpointPath(this.#root, id, attempt);
    const bytes = encodeManifest(manifest);
    await storeStep(`complete checkpoint ${path}`, async () => {
      await makeDirectoryDurably(this.#disk, path);
      await replaceDurably(this.#disk, path, manifestName, bytes);
    });
    await this.#keeper.change((entry) => {
      if (entry.retained.some((of) => of.id >= id)) throw alreadyComplete(id, this.#root);
      return { ...entry, retained: [...entry.retained, { id, attempt }] };
    });
    return { id, location: path };
  }

  list(): Promise<readonly StoredCheckpoint[]> {
    const stored = this.#keeper.entry.retained.map(({ id, attempt }) => ({
      id,
      location: checkpointPath(this.#root, id, attempt),
    }));
    return Promise.resolve(stored.reverse());
  }

  manifest(checkpoint: StoredCheckpoint): Promise<Manifest> {
    return this.#reader.manifest(checkpoint);
  }

  readData(checkpoint: StoredCheckpoint, file: DataFile): Promise<Uint8Array> {
    return this.#reader.readData(checkpoint, file);
  }

  readRange(checkpoint: StoredCheckpoint, file: DataFile, offset: number, length: number): Promise<Uint8Array> {
    return this.#reader.readRange(checkpoint, file, offset, length);
  }

  verify(checkpoint: StoredCheckpoint, file: DataFile): Promise<void> {
    return this.#reader.verify(checkpoint, file);
  }

  async remove({ id }: StoredCheckpoint): Promise<void> {
    await this.#keeper.change((entry) => ({ ...entry, retained: entry.retained.filter((of) => of.id !== id) }));
    await this.sweep(id + 1);
  }

  /** Also removes completed checkpoints that the record no longer names. Data that a retained manifest names stays. */
  async sweep(below: CheckpointId): Promise<void> {
    const { retained } = this.#keeper.entry;
    await storeStep(`remove old checkpoints from ${this.#root}`, async () => {
      const named = await this.#named();
      for (const folder of await checkpointFolders(this.#disk, this.#root)) {
        const kept = retained.some(({ id, attempt }) => id === folder.id && attempt === folder.attempt);
        if (!kept && folder.id < below) await dismantle(this.#disk, folder.path, (path) => named.has(path));
      }
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The paths of all data files that retained manifests name. Rejects when one cannot be read: then nothing is removed. */
  async #named(): Promise<ReadonlySet<string>> {
    const named = new Set<string>();
    for (const checkpoint of await this.list()) {
      const { id, attempt, files } = await this.manifest(checkpoint);
      for (const { name, of = { id, attempt } } of files) named.add(`${checkpointPath(this.#root, of.id, of.attempt)}/${name}`);
    }
    return named;
  }
}
