import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import { concatenated, DataSum } from "./data_file.ts";
import type { DataFile, Manifest } from "./manifest.ts";
import { checkManifest } from "./manifest_codec.ts";
import type { CheckpointStorage, CheckpointStore, DataWriter, JobRecord, StoredCheckpoint } from "./storage.ts";
import { alreadyComplete, checkReservation, damaged, foreignStore, freshRecord, storeClosed } from "./storage_rules.ts";

/** Data files by place and name: the slices as they were appended. A checkpoint has those of others that it refers to, too. */
type Files = Map<string, readonly Uint8Array[]>;

/** What outlives a run. */
interface Shelf {
  readonly job: string;
  record: JobRecord;
  readonly completed: Map<CheckpointId, { readonly manifest: Manifest; readonly files: Files }>;
  /** Data of checkpoints that are not complete, by id and attempt. */
  readonly pending: Map<string, { readonly id: CheckpointId; readonly files: Files }>;
}

class MemoryStorage implements CheckpointStorage {
  readonly location = "memory";
  #shelf: Shelf | undefined;
  #taken = false;

  async open(job: string): Promise<CheckpointStore> {
    if (this.#taken) {
      throw new SluiceError(
        "CHECKPOINTS_IN_USE",
        `Cannot keep checkpoints of job ${job} in this memory storage: this process runs job ${this.#shelf?.job} with it; stop ` +
          "that run first, or give this job a storage of its own",
      );
    }
    this.#shelf ??= { job, record: freshRecord, completed: new Map(), pending: new Map() };
    if (this.#shelf.job !== job) throw foreignStore("this memory storage", job, this.#shelf.job);
    this.#taken = true;
    this.#shelf.pending.clear();
    return new MemoryStore(this.#shelf, () => this.#taken = false);
  }
}

class MemoryStore implements CheckpointStore {
  readonly #shelf: Shelf;
  readonly #release: () => void;
  #files = 0;
  #closed = false;

  constructor(shelf: Shelf, release: () => void) {
    this.#shelf = shelf;
    this.#release = release;
  }

  record(): JobRecord {
    return this.#shelf.record;
  }

  async reserve(record: JobRecord): Promise<void> {
    this.#admit();
    checkReservation(this.#shelf.record, record, "memory");
    this.#shelf.record = { attempt: record.attempt, nextCheckpointId: record.nextCheckpointId };
  }

  createData(id: CheckpointId, attempt: number): DataWriter {
    const name = `data-${++this.#files}`;
    const sum = new DataSum();
    const slices: Uint8Array[] = [];
    let state: "open" | "sealed" | "dropped" = "open";
    return {
      append: (bytes) => {
        if (state === "sealed") throw new TypeError(`${name} is sealed`);
        if (state === "open") slices.push(bytes);
        return sum.add(bytes);
      },
      backlogBytes: 0,
      drained: async () => {},
      seal: async () => {
        this.#admit();
        if (this.#shelf.completed.has(id)) throw alreadyComplete(id, "memory");
        if (state === "dropped") {
          throw new SluiceError("CHECKPOINTS_UNUSABLE", `Cannot write checkpoint data ${name}: it was dropped`);
        }
        state = "sealed";
        const key = keyOf(id, attempt);
        const files = this.#shelf.pending.get(key)?.files ?? new Map<string, readonly Uint8Array[]>();
        this.#shelf.pending.set(key, { id, files: files.set(`${key}/${name}`, slices) });
        return { name, bytes: sum.bytes, checksum: sum.checksum };
      },
      discard: async () => {
        state = "dropped";
        const key = keyOf(id, attempt);
        this.#shelf.pending.get(key)?.files.delete(`${key}/${name}`);
      },
    };
  }

  async complete(manifest: Manifest): Promise<StoredCheckpoint> {
    this.#admit();
    const { id, attempt } = manifest;
    const { completed, pending } = this.#shelf;
    if (completed.has(id)) throw alreadyComplete(id, "memory");
    // Refuses what file storage would refuse.
    checkManifest(manifest);
    const key = keyOf(id, attempt);
    const files: Files = new Map(pending.get(key)?.files);
    for (const file of manifest.files) {
      const fileKey = fileKeyOf(manifest, file);
      const slices = files.get(fileKey) ?? this.#shared(fileKey);
      if (slices === undefined) throw damaged(`${locationOf(id)}/${file.name}`, "it was not written");
      files.set(fileKey, slices);
    }
    pending.delete(key);
    completed.set(id, { manifest, files });
    return { id, location: locationOf(id) };
  }

  async list(): Promise<readonly StoredCheckpoint[]> {
    this.#admit();
    return [...this.#shelf.completed.keys()].sort((a, b) => b - a).map((id) => ({ id, location: locationOf(id) }));
  }

  async manifest(checkpoint: StoredCheckpoint): Promise<Manifest> {
    this.#admit();
    // What file storage would give back. Few are ever read, so it is not made for each that is kept.
    return JSON.parse(JSON.stringify(this.#completed(checkpoint).manifest)) as Manifest;
  }

  async readData(checkpoint: StoredCheckpoint, file: DataFile): Promise<Uint8Array> {
    return concatenated(this.#slices(checkpoint, file));
  }

  async readRange(checkpoint: StoredCheckpoint, file: DataFile, offset: number, length: number): Promise<Uint8Array> {
    const within: Uint8Array[] = [];
    let start = 0;
    for (const slice of this.#slices(checkpoint, file)) {
      const end = start + slice.length;
      if (end > offset && start < offset + length) {
        within.push(slice.subarray(Math.max(0, offset - start), Math.min(slice.length, offset + length - start)));
      }
      if (end >= offset + length) break;
      start = end;
    }
    const bytes = concatenated(within);
    if (bytes.length !== length) throw damaged(`${checkpoint.location}/${file.name}`, `it ends before byte ${offset + length}`);
    return bytes;
  }

  async verify(checkpoint: StoredCheckpoint, file: DataFile): Promise<void> {
    this.#slices(checkpoint, file);
  }

  async remove(checkpoint: StoredCheckpoint): Promise<void> {
    this.#admit();
    this.#shelf.completed.delete(checkpoint.id);
  }

  async sweep(below: CheckpointId): Promise<void> {
    this.#admit();
    for (const [key, { id }] of this.#shelf.pending) if (id < below) this.#shelf.pending.delete(key);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  #slices(checkpoint: StoredCheckpoint, file: DataFile): readonly Uint8Array[] {
    this.#admit();
    let slices: readonly Uint8Array[] | undefined;
    if (file.of === undefined) {
      const { manifest, files } = this.#completed(checkpoint);
      slices = files.get(fileKeyOf(manifest, file));
    } else {
      const key = keyOf(file.of.id, file.of.attempt);
      slices = this.#shared(`${key}/${file.name}`) ?? this.#shelf.pending.get(key)?.files.get(`${key}/${file.name}`);
    }
    if (slices === undefined) throw damaged(`${checkpoint.location}/${file.name}`, "it is missing");
    return slices;
  }

  /** A file of whichever checkpoint still has it. */
  #shared(fileKey: string): readonly Uint8Array[] | undefined {
    for (const { files } of this.#shelf.completed.values()) if (files.has(fileKey)) return files.get(fileKey);
    return undefined;
  }

  #completed(checkpoint: StoredCheckpoint): { readonly manifest: Manifest; readonly files: Files } {
    const found = this.#shelf.completed.get(checkpoint.id);
    if (found === undefined || checkpoint.location !== locationOf(checkpoint.id)) {
      throw damaged(checkpoint.location, "the checkpoint is missing");
    }
    return found;
  }

  #admit(): void {
    if (this.#closed) throw storeClosed("memory");
  }
}

function fileKeyOf(manifest: Manifest, { name, of }: DataFile): string {
  const { id, attempt } = of ?? manifest;
  return `${keyOf(id, attempt)}/${name}`;
}

function keyOf(id: CheckpointId, attempt: number): string {
  return `${id}-${attempt}`;
}

function locationOf(id: CheckpointId): string {
  return `memory:${id}`;
}

/**
 * Checkpoints in memory: they outlive a run, not the process. Start the job with the same object again to go on from them.
 *
 * Slices are kept as they were appended, and completion waits for nothing.
 */
export function memoryStorage(): CheckpointStorage {
  return new MemoryStorage();
}
