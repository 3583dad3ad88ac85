import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import type { Processes } from "../../actors/processes.ts";
import type { Random } from "../../actors/random.ts";
import { systemClock } from "../../actors/system_clock.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemProcesses } from "../../actors/system_processes.ts";
import { systemRandom } from "../../actors/system_random.ts";
import type { CheckpointId } from "../graph/frame.ts";
import {
  type CheckpointFolder,
  checkpointFolders,
  checkpointPath,
  dismantle,
  manifestName,
  withdraw,
} from "./checkpoint_folder.ts";
import { CheckpointReader } from "./checkpoint_reader.ts";
import { DataFileWriter } from "./data_file.ts";
import { isMissing, isTaken, storeStep } from "./disk_failure.ts";
import { allDone, makeDirectoryDurably } from "./durable_file.ts";
import { type FolderRecord, readFolderRecord, writeFolderRecord } from "./job_record.ts";
import { DirectoryLock } from "./lock.ts";
import type { DataFile, Manifest } from "./manifest.ts";
import { ManifestDraft } from "./manifest_draft.ts";
import { patientReads } from "./patient_reads.ts";
import type { CheckpointStorage, CheckpointStore, DataWriter, JobRecord, StoredCheckpoint } from "./storage.ts";
import { alreadyComplete, checkReservation, damaged, foreignStore, freshRecord, storeClosed } from "./storage_rules.ts";

/** What file storage works on. All of it is optional. */
export interface FileStorageWorld {
  /** @default the machine's */
  readonly disk?: Disk;
  /** Measures the pauses before a read that failed is tried again. @default the machine's */
  readonly clock?: Clock;
  /** Names locks. @default the machine's */
  readonly random?: Random;
  /** Tells whether the owner of a lock still runs. @default the processes of this machine */
  readonly processes?: Processes;
}

/**
 * Checkpoints in a folder, made if missing. They outlive the process, and a power failure where the disk keeps its promises.
 *
 * - One live job uses the folder; the lock of one that is gone is taken over.
 * - A checkpoint is there whole or not at all; what crashes leave of others is swept when the folder is opened.
 * - A read that fails is tried again for a moment before a checkpoint counts as damaged; a wrong checksum damages it at once.
 * - A data file stays as long as any manifest names it, also that of another checkpoint than the one that wrote it; so the
 *   folder of a checkpoint that is gone may still hold data. While some manifest cannot be read no data is swept.
 *
 * | file                               | content                                                                          |
 * |------------------------------------|----------------------------------------------------------------------------------|
 * | `lock`, `lock.…`                   | who uses the folder: see `lock.ts`                                               |
 * | `job.json`, `job.backup.json`      | the job, and the attempts and ids allotted: see `job_record.ts`                  |
 * | `chk-<id>-<attempt>/data-<n>`      | data files: written as `….tmp`, synced, renamed                                  |
 * | `chk-<id>-<attempt>/manifest.json` | completes the checkpoint: synced, then linked to this name, which must be free   |
 *
 * @param world what it works on instead of this machine; `start` gives its own to `checkpoints.directory`
 * @throws {SluiceError} `BAD_OPTIONS` for an empty path
 */
export function fileStorage(directory: string, world: FileStorageWorld = {}): CheckpointStorage {
  const trimmed = directory.length > 1 ? directory.replace(/\/+$/, "") : directory;
  if (trimmed === "") {
    throw new SluiceError("BAD_OPTIONS", 'the checkpoint directory is ""; name a folder, such as "./checkpoints"');
  }
  return new FileStorage(trimmed, world);
}

class FileStorage implements CheckpointStorage {
  readonly location: string;
  readonly #world: Required<Omit<FileStorageWorld, "clock">>;

  constructor(location: string, world: FileStorageWorld) {
    this.location = location;
    const { disk = systemDisk(), clock = systemClock, random = systemRandom(), processes = systemProcesses() } = world;
    this.#world = { disk: patientReads(disk, clock), random, processes };
  }

  async open(job: string): Promise<CheckpointStore> {
    const { disk } = this.#world;
    const root = this.location;
    return await storeStep(`keep checkpoints in ${root}`, async () => {
      await makeDirectoryDurably(disk, root);
      const lock = await DirectoryLock.take(this.#world, root, job);
      try {
        const found = await readFolderRecord(disk, root);
        if (found !== undefined && found.job !== job) throw foreignStore(root, job, found.job);
        const folders = await checkpointFolders(disk, root);
        const record = { job, ...notBehind(found ?? freshRecord, folders) };
        if (found === undefined) await writeFolderRecord(disk, root, record);
        const completed = folders.filter((folder) => folder.complete);
        const store = new FileStore(disk, root, lock, record, completed);
        await store.readReferences();
        // Nobody else writes here now: what never completed never will. What cannot be removed is in nobody's way.
        await store.sweep(Infinity).catch(() => {});
        return store;
      } catch (error) {
        await lock.release().catch(() => {});
        throw error;
      }
    });
  }
}

/** A record not behind what the names of folders show: the files of the record may be gone while they are not. */
function notBehind(record: JobRecord, folders: readonly CheckpointFolder[]): JobRecord {
  let { attempt, nextCheckpointId } = record;
  for (const folder of folders) {
    attempt = Math.max(attempt, folder.attempt);
    nextCheckpointId = Math.max(nextCheckpointId, folder.id + 1);
  }
  return { attempt, nextCheckpointId };
}

/** A completed checkpoint. */
interface Stored {
  readonly id: CheckpointId;
  /** The paths of all data files that its manifest names; undefined where that cannot be read. */
  readonly files: readonly string[] | undefined;
}

/** A manifest that is written down, and a look at the data that it shares with others. */
interface Draft {
  readonly file: ManifestDraft;
  readonly checked: Promise<unknown>;
}

class FileStore implements CheckpointStore {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #reader: CheckpointReader;
  readonly #job: string;
  readonly #lock: DirectoryLock;
  /** Ids that are complete, or are being completed: their files stay. */
  readonly #completed: Set<CheckpointId>;
  /** Data files that were started in this run and are in no completed checkpoint. */
  readonly #writers = new Map<DataFileWriter, CheckpointId>();
  /** Manifests that are written down already, of checkpoints that are not complete. */
  readonly #drafts = new Map<Manifest, Draft>();
  readonly #forgetting = new Set<Promise<void>>();
  /** The completed checkpoints by their folders: nobody else makes or removes any. */
  readonly #stored = new Map<string, Stored>();
  #record: JobRecord;
  /** Changes of the folder, data files aside, come one after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #files = 0;
  #closing: Promise<void> | undefined;

  constructor(disk: Disk, root: string, lock: DirectoryLock, record: FolderRecord, completed: readonly CheckpointFolder[]) {
    this.#disk = disk;
    this.#root = root;
    this.#reader = new CheckpointReader(disk, root);
    this.#job = record.job;
    this.#lock = lock;
    this.#record = { attempt: record.attempt, nextCheckpointId: record.nextCheckpointId };
    this.#completed = new Set(completed.map(({ id }) => id));
    for (const { id, path } of completed) this.#stored.set(path, { id, files: undefined });
  }

  /** Finds out which manifest names which files. */
  async readReferences(): Promise<void> {
    for (const checkpoint of await this.list()) {
      const manifest = await this.manifest(checkpoint).catch(() => undefined);
      const files = manifest === undefined ? undefined : this.#filesOf(manifest);
      this.#stored.set(checkpoint.location, { id: checkpoint.id, files });
    }
  }

  record(): JobRecord {
    return this.#record;
  }

  reserve(record: JobRecord): Promise<void> {
    return this.#change(`reserve checkpoint ids in ${this.#root}`, async () => {
      checkReservation(this.#record, record, this.#root);
      const { attempt, nextCheckpointId } = record;
      await writeFolderRecord(this.#disk, this.#root, { job: this.#job, attempt, nextCheckpointId });
      this.#record = { attempt, nextCheckpointId };
    });
  }

  createData(id: CheckpointId, attempt: number): DataWriter {
    const writer = new DataFileWriter({
      disk: this.#disk,
      root: this.#root,
      folder: checkpointPath(this.#root, id, attempt),
      name: `data-${++this.#files}`,
      admit: () => {
        this.#admit();
        if (this.#completed.has(id)) throw alreadyComplete(id, this.#root);
      },
      isKept: () => this.#completed.has(id),
    });
    this.#writers.set(writer, id);
    return writer;
  }

  prepare(manifest: Manifest): void {
    if (this.#closing === undefined && !this.#completed.has(manifest.id)) this.#drafts.set(manifest, this.#draft(manifest));
  }

  forget(manifest: Manifest): Promise<void> {
    const forgotten = this.#forget(manifest);
    this.#forgetting.add(forgotten);
    return forgotten.finally(() => this.#forgetting.delete(forgotten));
  }

  async #forget(manifest: Manifest): Promise<void> {
    const { id, attempt } = manifest;
    const draft = this.#drafts.get(manifest);
    if (draft === undefined) return;
    await discard(draft);
    this.#drafts.delete(manifest);
    if (!this.#completed.has(id)) await this.#disk.removeDirectory(checkpointPath(this.#root, id, attempt)).catch(() => {});
  }

  complete(manifest: Manifest): Promise<StoredCheckpoint> {
    const { id, attempt } = manifest;
    const path = checkpointPath(this.#root, id, attempt);
    const prepared = this.#closing === undefined ? this.#drafts.get(manifest) : undefined;
    if (prepared !== undefined) this.#drafts.delete(manifest);
    return this.#change(`complete checkpoint ${path}`, async () => {
      if (this.#completed.has(id)) throw alreadyComplete(id, this.#root);
      this.#completed.add(id);
      try {
        await this.#publish(path, manifest, prepared ?? this.#draft(manifest));
      } catch (error) {
        // A manifest that cannot be made is no fault of the data. Where even this fails the files stay, whole, and so does the
        // id: it is not used again.
        const undone = isInvalid(error) ? this.#disk.remove(`${path}/${manifestName}.tmp`) : dismantle(this.#disk, path);
        await undone.then(() => this.#completed.delete(id), () => {});
        throw error;
      }
      this.#forgetWriters((other) => other === id);
      this.#stored.set(path, { id, files: this.#filesOf(manifest) });
      return { id, location: path };
    });
  }

  async list(): Promise<readonly StoredCheckpoint[]> {
    this.#admit();
    return [...this.#stored].map(([location, { id }]) => ({ id, location })).sort((a, b) => b.id - a.id);
  }

  async manifest(checkpoint: StoredCheckpoint): Promise<Manifest> {
    this.#admit();
    return await this.#reader.manifest(checkpoint);
  }

  async readData(checkpoint: StoredCheckpoint, file: DataFile): Promise<Uint8Array> {
    this.#admit();
    return await this.#reader.readData(checkpoint, file);
  }

  async readRange(checkpoint: StoredCheckpoint, file: DataFile, offset: number, length: number): Promise<Uint8Array> {
    this.#admit();
    return await this.#reader.readRange(checkpoint, file, offset, length);
  }

  async verify(checkpoint: StoredCheckpoint, file: DataFile): Promise<void> {
    this.#admit();
    await this.#reader.verify(checkpoint, file);
  }

  remove(checkpoint: StoredCheckpoint): Promise<void> {
    const { id, location } = checkpoint;
    return this.#change(`remove checkpoint ${location}`, async () => {
      const stored = this.#stored.get(location);
      if (stored === undefined) return;
      await withdraw(this.#disk, location);
      this.#stored.delete(location);
      const isNamed = this.#isNamed();
      await dismantle(this.#disk, location, isNamed);
      this.#completed.delete(id);
      // Data of others that it was the last to name; those that are complete have manifests that name it themselves.
      const freed = (stored.files ?? []).filter((path) => !isNamed(path)).map((path) => path.slice(0, path.lastIndexOf("/")));
      for (const path of new Set(freed)) {
        if (path !== location && !this.#stored.has(path)) await dismantle(this.#disk, path, isNamed);
      }
    });
  }

  sweep(below: CheckpointId): Promise<void> {
    return this.#change(`remove unfinished checkpoints from ${this.#root}`, async () => {
      for (const folder of await checkpointFolders(this.#disk, this.#root)) {
        if (folder.id >= below) continue;
        if (!folder.complete) await dismantle(this.#disk, folder.path, this.#isNamed());
        else for (const path of folder.temporary) await this.#disk.remove(path);
      }
      this.#forgetWriters((id) => id < below);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#changes;
    const drafts = [...this.#drafts.values()].map(discard);
    await Promise.all([...drafts, ...this.#forgetting, ...[...this.#writers.keys()].map((writer) => writer.discard())]);
    await storeStep(`let go of ${this.#root}`, () => this.#lock.release());
  }

  /** Begins to write a manifest down. */
  #draft(manifest: Manifest): Draft {
    const disk = this.#disk;
    const folder = checkpointPath(this.#root, manifest.id, manifest.attempt);
    const own = this.#writersOf(manifest).find((writer) => !writer.isOpen);
    let made = own?.opened();
    if (manifest.files.every((file) => file.of !== undefined)) {
      made = disk.makeDirectory(folder).then(() => disk.syncDirectory(this.#root));
    }
    const file = new ManifestDraft({ disk, folder, manifest, made });
    const checked = this.#check(manifest, ({ of }) => of !== undefined);
    checked.catch(() => {}); // it is awaited when the checkpoint is to be complete
    return { file, checked };
  }

  /** The link makes the checkpoint; it counts once the folder's names are durable. */
  async #publish(path: string, manifest: Manifest, { file, checked }: Draft): Promise<void> {
    const disk = this.#disk;
    // What was sealed here is there: nobody else removes it.
    const sealed = new Set(this.#writersOf(manifest).filter((writer) => writer.isSealed).map(({ file: { name } }) => name));
    const own = this.#check(manifest, ({ of, name }) => of === undefined && !sealed.has(name));
    try {
      await allDone([checked, own, file.written]); // where data is missing, that is what is to be said
    } catch (error) {
      await file.close();
      // What could not be read again is refused before what it names is looked for.
      throw await file.written.then(() => error, (said: unknown) => isInvalid(said) ? said : error);
    }
    await file.link().catch((error: unknown) => {
      throw isTaken(error) ? alreadyComplete(manifest.id, this.#root) : error;
    });
    await disk.syncDirectory(path);
    // Before any other change, but nobody waits for it.
    this.#changes = this.#changes.then(() => disk.remove(file.path)).catch(() => {});
  }

  #writersOf({ id, files }: Manifest): readonly DataFileWriter[] {
    const names = new Set(files.flatMap(({ name, of }) => of === undefined ? [name] : []));
    return [...this.#writers].flatMap(([writer, of]) => of === id && names.has(writer.file.name) ? [writer] : []);
  }

  /** Whether data files that a manifest names are there, in their full length. */
  async #check(manifest: Manifest, which: (file: DataFile) => boolean): Promise<void> {
    const paths = this.#filesOf(manifest);
    await Promise.all(manifest.files.map((file, at) => which(file) ? this.#checkLength(paths[at]!, file.bytes) : undefined));
  }

  /** Whether a data file is there, in its full length. */
  async #checkLength(path: string, expected: number): Promise<void> {
    const length = await this.#disk.size(path).catch((error: unknown) => {
      throw isMissing(error) ? damaged(path, "it is missing", { cause: error }) : error;
    });
    if (length !== expected) throw damaged(path, `it has ${length} bytes instead of ${expected}`);
  }

  /** Where a data file is, which must be as long as it was. */
  #filesOf({ id, attempt, files }: Manifest): readonly string[] {
    return files.map(({ name, of = { id, attempt } }) => `${checkpointPath(this.#root, of.id, of.attempt)}/${name}`);
  }

  /** Whether a data file must stay. A manifest that cannot be read may name any. */
  #isNamed(): (path: string) => boolean {
    const named = new Set<string>();
    for (const { files } of this.#stored.values()) {
      if (files === undefined) return (path) => !path.endsWith(".tmp");
      for (const path of files) named.add(path);
    }
    return (path) => named.has(path);
  }

  async #change<T>(action: string, work: () => Promise<T>): Promise<T> {
    this.#admit();
    const change = this.#changes.then(() => storeStep(action, work));
    this.#changes = change.catch(() => {});
    return await change;
  }

  #forgetWriters(of: (id: CheckpointId) => boolean): void {
    for (const [writer, id] of this.#writers) if (of(id)) this.#writers.delete(writer);
  }

  #admit(): void {
    if (this.#closing !== undefined) throw storeClosed(this.#root);
  }
}

/** Nothing of it goes on. */
async function discard({ file, checked }: Draft): Promise<void> {
  await Promise.all([checked.catch(() => {}), file.discard()]);
}

function isInvalid(error: unknown): boolean {
  return error instanceof SluiceError && error.code === "MANIFEST_INVALID";
}
