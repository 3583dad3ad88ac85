import type { CheckpointId } from "../graph/frame.ts";
import type { DataFile, Manifest } from "./manifest.ts";

/** Numbers that are allotted durably before they are used, and never twice. */
export interface JobRecord {
  /** The highest attempt that was ever started. */
  readonly attempt: number;
  /** No checkpoint id at or above this was ever triggered. */
  readonly nextCheckpointId: CheckpointId;
}

/** Where a run of bytes stands in the file being written. */
export interface WrittenExtent {
  readonly offset: number;
  readonly bytes: number;
  readonly checksum: number;
}

/** Writes one data file of one checkpoint. */
export interface DataWriter {
  /** Makes the file, if it is not made: there will be something to write. */
  open?(): void;
  /** Appends the bytes; they must not change any more. Failures show in `seal`. */
  append(bytes: Uint8Array): WrittenExtent;
  /** How much of what was appended is not written yet. */
  readonly backlogBytes: number;
  /** Settles when nothing is left to write, or writing has failed. */
  drained(): Promise<void>;
  /** What `seal` will give, of what has been appended so far. Undefined where nobody needs to know beforehand. */
  readonly file?: DataFile | undefined;
  /** Makes the file durable and gives it its name. Rejects when anything before failed; nothing is left behind then. */
  seal(): Promise<DataFile>;
  /** Drops the file. Safe at any time, also after a failed `seal`. */
  discard(): Promise<void>;
}

/** A checkpoint that a store holds. */
export interface StoredCheckpoint {
  readonly id: CheckpointId;
  /** How a message names it: a path, or `memory:7`. */
  readonly location: string;
}

/** A store that this process holds for one job. All methods reject with `SluiceError` that names the file and the remedy. */
export interface CheckpointStore {
  /** What was allotted before. */
  record(): JobRecord;
  /** Allots: durable when the promise settles. */
  reserve(record: JobRecord): Promise<void>;
  /** Starts a data file of a checkpoint. */
  createData(id: CheckpointId, attempt: number): DataWriter;
  /**
   * Begins to write a manifest down while its data is still being made durable. Nothing is complete by that, and nothing is said
   * of what goes wrong: `complete` goes on from here when it is given the same object, and says it. Not to be called after that.
   */
  prepare?(manifest: Manifest): void;
  /** Drops what `prepare` began, when the checkpoint is not going to be completed; nothing where that has begun. */
  forget?(manifest: Manifest): Promise<void>;
  /** Completes the checkpoint: one atomic step, refused when one of that id exists. */
  complete(manifest: Manifest): Promise<StoredCheckpoint>;
  /** All completed checkpoints, newest first. Reads no data. */
  list(): Promise<readonly StoredCheckpoint[]>;
  /** Reads and checks a manifest. */
  manifest(checkpoint: StoredCheckpoint): Promise<Manifest>;
  /** Reads and checks one data file, whole. */
  readData(checkpoint: StoredCheckpoint, file: DataFile): Promise<Uint8Array>;
  /**
   * Reads a run of bytes of a data file, unchecked but for its length. A file that says which checkpoint wrote it (`of`) is
   * found whether that one is complete or not.
   */
  readRange(checkpoint: StoredCheckpoint, file: DataFile, offset: number, length: number): Promise<Uint8Array>;
  /** Checks one data file, piece by piece: whether it is all there, as it was written. */
  verify(checkpoint: StoredCheckpoint, file: DataFile): Promise<void>;
  /** Deletes a checkpoint: its manifest first. */
  remove(checkpoint: StoredCheckpoint): Promise<void>;
  /** Deletes data files of checkpoints that never completed, below the given id. */
  sweep(below: CheckpointId): Promise<void>;
  /** Lets go of the store. A second call does nothing. */
  close(): Promise<void>;
}

/** Where checkpoints are kept. */
export interface CheckpointStorage {
  /** For messages: `memory`, or the folder. */
  readonly location: string;
  /** Takes the store for one live job; a second live job is refused. */
  open(job: string): Promise<CheckpointStore>;
}
