import type { Logger } from "../../actors/logger.ts";
import type { CheckpointId } from "./frame.ts";
import type { OrderedStores } from "./ordered_store.ts";

/** Where an operator's results go. */
export interface Collector<T> {
  /** Hands one result to what follows. The value must not be changed afterwards. Never waits. */
  collect(value: T): void;
}

/**
 * What is true of the record being processed. One object per task, overwritten for every record, so that nothing is
 * allocated: read it while processing, never keep it.
 */
export interface Cursor {
  /** Event time in milliseconds; NaN on streams without event time. */
  timestamp: number;
  /** The record's key group below a `keyBy`; -1 elsewhere. */
  keyGroup: number;
  /** The watermark of the task: event time has come this far. */
  watermark: number;
  /** The split a source reads from now; "" elsewhere. */
  split: string;
  /** Which input of the operator the record came by: 0, unless the job gave its edge another number. */
  port: number;
}

/** A range of key groups, both ends included. */
export interface KeyGroupRange {
  readonly first: number;
  readonly last: number;
}

/** How state is dealt out when the parallelism changes. */
export type StateScope =
  /** By key group. */
  | "keyed"
  /** Items are dealt out over the subtasks. */
  | "split"
  /** Every subtask has the same. */
  | "replicate"
  /** Of this subtask. At another parallelism every new one is given those of all old ones, to make its own of them. */
  | "subtask";

/**
 * A piece of an operator's state, on its way into a snapshot. Its content is fixed when it is made, however long it takes until
 * it has been written.
 */
export interface SnapshotPart {
  readonly scope: StateScope;
  /** Unique within the operator and scope. */
  readonly name: string;
  /**
   * The completed checkpoint over whose part of the same name this one is a layer: it says what changed since; without any bytes,
   * that nothing did. Without a base it stands alone.
   */
  readonly base?: CheckpointId | undefined;
  /** The bytes, in slices; each step does a bounded piece of work, so a writer can do other things between. Some may be empty. */
  slices(): Iterable<Uint8Array>;
  /** It has been written, or never will be. May be called more than once. */
  release?(): void;
}

/** A piece of an operator's state, coming back. `subtask` is the old index it was written by. */
export interface RestoredPart {
  readonly scope: StateScope;
  readonly name: string;
  readonly subtask: number;
  readonly bytes: Uint8Array;
  /** What it is a layer over, the oldest first. */
  readonly below?: readonly Uint8Array[] | undefined;
  /** Names of declared states in it that are dropped: nobody has them any more. */
  readonly dropped?: ReadonlySet<string> | undefined;
}

/** Bytes that are read piece by piece, so that they need not all be in memory. */
export interface ByteReader {
  readonly length: number;
  /** Rejects when they cannot be read, or are not what was written. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A piece of an operator's state, as it is stored. */
export interface StoredPart {
  readonly scope: StateScope;
  readonly name: string;
  readonly subtask: number;
  /** What it is a layer over, the oldest first; then itself. */
  readonly layers: readonly ByteReader[];
  /** As in {@link RestoredPart}. */
  readonly dropped?: ReadonlySet<string> | undefined;
}

/** How a job's keyed state is kept. */
export interface StateSettings {
  /** Every so-many-th checkpoint writes the whole keyed state, those between what has changed. 1: each one does. */
  readonly baseEvery: number;
  /** With how many entries a value on the heap begins to be kept in rows. */
  readonly rowsFrom?: number | undefined;
  /** Where declared keyed state is. @default on the heap */
  readonly stores?: OrderedStores | undefined;
}

/** What an operator is given when it is made. Valid for one attempt. */
export interface OperatorContext {
  readonly uid: string;
  readonly subtask: number;
  readonly parallelism: number;
  readonly attempt: number;
  /** The key groups this subtask owns, and how many there are in all. */
  readonly keyGroups: KeyGroupRange;
  readonly keyGroupCount: number;
  readonly cursor: Cursor;
  /**
   * In the task of a source: the splits that this subtask reads, without those read to their end; another array whenever
   * they change. Undefined elsewhere.
   */
  readonly openSplits?: readonly string[] | undefined;
  /** Whether to emit no more now, for lack of credit or because the task is suspended: see {@link Operator.resume}. */
  readonly halted: boolean;
  /** How keyed state is kept. @default on the heap, every checkpoint whole */
  readonly state?: StateSettings | undefined;
  /** The side output of that name; what nobody takes up goes nowhere. To be asked for once, when the operator is made. */
  side(name: string): Collector<unknown>;
  /** Processing time: wall-clock milliseconds. */
  now(): number;
  /**
   * Takes no further record, timer or barrier until the promise settles; its rejection fails the task. `record`: whose
   * processing it is, if it is that of a record.
   */
  suspend(pending: Promise<unknown>, record?: unknown): void;
  /** Tells the task that the operator's next timer has changed: see {@link Operator.nextProcessingTimer}. */
  timersChanged(): void;
  /** Counts something under a name that shows in the task's figures, such as late records. */
  count(name: string, by: number): void;
  /** Aborts when the attempt ends. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * One operator in one subtask: pure logic, no I/O, no clock of its own. Operators of a fused chain call each other through
 * their collectors. The first of a chain is its *head*; only a head may hold timers or suspend between records.
 *
 * Everything but `process` is optional; an operator that has none of it is stateless.
 */
export interface Operator<In = unknown> {
  /** Processes one record. Throwing fails the task. */
  process(value: In): void;
  /** Processing a record threw, here or in what follows. */
  failed?(): void;
  /** The key of a record, for messages. */
  keyOf?(value: In): unknown;
  /** The rest of the last record's results, when the operator stopped for lack of credit; true when nothing remains. */
  resume?(untilDone: boolean): boolean;
  /** When the earliest event-time timer is due; `Infinity` without one. */
  nextEventTimer?(): number;
  /** Fires the earliest event-time timer: one step. */
  fireEventTimer?(): void;
  /** When the earliest processing-time timer is due, on the wall clock; `Infinity` without one. */
  nextProcessingTimer?(): number;
  /** Fires the earliest processing-time timer: one step. */
  fireProcessingTimer?(): void;
  /** Event time has come to `watermark`, and every timer up to it has fired. Called on every operator of the chain. */
  onWatermark?(watermark: number): void;
  /** Called between batches, at least once a turn: the place for periodic output such as watermarks. */
  onBatch?(): void;
  /** All input has ended and been processed. What is emitted here must show in the state (a second end emits nothing). */
  finish?(): void;
  /** Whether it holds something that comes out by itself, such as requests under way: its loop does not end before. */
  pending?(): boolean;
  /** The synchronous part of a snapshot: fixes the state as of now. Called between two records. */
  snapshot?(checkpointId: CheckpointId): readonly SnapshotPart[];
  /** The checkpoint is complete: later snapshots can build on it. */
  completed?(checkpointId: CheckpointId): void;
  /** Gives the state back, before the first record. For `keyed` it holds the parts of every old subtask: filter by range. */
  restore?(parts: readonly RestoredPart[]): void;
  /**
   * The same for parts of scope `keyed`, after `restore` and before the first record: whoever has it gets these here, to be read
   * piece by piece.
   */
  load?(parts: readonly StoredPart[]): Promise<void>;
  /** The attempt ends. Called once, also after a failure. */
  close?(): void;
}

/** Makes an operator for one subtask. `out` is what follows it in the chain. */
export type OperatorFactory<In = unknown, Out = unknown> = (
  context: OperatorContext,
  out: Collector<Out> & WatermarkCollector,
) => Operator<In>;

/** Results in event time: what a watermark generator emits beside records. */
export interface WatermarkCollector {
  /** Event time has come this far; ignored unless it grows. */
  watermark(timestamp: number): void;
  /** Nothing is to be expected for now. */
  idle(): void;
}
