import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import type { Logger } from "../../actors/logger.ts";
import type { CheckpointId } from "./frame.ts";

/** What a sink is given. Valid for one attempt. */
export interface SinkContext {
  readonly job: string;
  /**
   * Which life of the job this is: kept across restarts, another one when the job starts from nothing. Checkpoint ids tell
   * output apart within one life only.
   */
  readonly life: string;
  readonly uid: string;
  readonly subtask: number;
  readonly parallelism: number;
  readonly attempt: number;
  /**
   * The checkpoint that this attempt was restored from; 0: none. Output prepared for a later one is never committed. A sink
   * that is not told must keep all of it.
   */
  readonly restoredFrom?: CheckpointId;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Something written but not yet visible, that a commit makes visible: a plain value of msgpack's kinds. */
export interface Committable {
  readonly checkpointId: CheckpointId;
  readonly subtask: number;
  readonly content: unknown;
}

/**
 * The writing half of a sink in one subtask.
 *
 * A plain sink has `write` and `close`. A transactional one has `prepare` and `commit` too:
 * - `prepare(n)` is called in the snapshot turn; what is written after the call belongs to the next checkpoint. Its promise
 *   delays only the acknowledgement; nothing may be visible before `commit`.
 * - `commit` gets every committable of completed checkpoints not known to be committed, oldest first, perhaps again after
 *   a crash: committing twice must be seen once.
 */
export interface SinkWriter<T> {
  /** Writes one record. A promise means: no more until it settles. */
  readonly write: (value: T) => void | Promise<void>;
  /** A plain sink's chance to push out what it holds, before a snapshot is acknowledged and at the end. */
  flush?(): void | Promise<void>;
  prepare?(checkpointId: CheckpointId): unknown | undefined | Promise<unknown | undefined>;
  commit?(committables: readonly Committable[]): void | Promise<void>;
  close(): void | Promise<void>;
}

/** What a sink promises about records seen more than once after a recovery. */
export type Delivery =
  /** A replayed record is written again. */
  | "at-least-once"
  /** A replayed record is written again, to the same effect. */
  | "idempotent"
  /** Nothing is visible before its checkpoint is complete. */
  | "transactional";

/** Where results leave the job. */
export interface Sink<T> {
  /** For plans and messages, such as `jsonl`. */
  readonly kind: string;
  readonly delivery: Delivery;
  open(context: SinkContext): SinkWriter<T> | Promise<SinkWriter<T>>;
  /**
   * The highest checkpoint whose output is visible, for transactional sinks (0: none). A restore from an older checkpoint
   * cannot be exactly once unless the sink can `rollbackTo` it. A transactional sink that does not tell is taken to have shown
   * the output of every complete checkpoint, unless somebody asks to go back (`from`).
   */
  lastCommitted?(context: SinkContext): CheckpointId | Promise<CheckpointId>;
  /** Takes back all that was committed after checkpoint `id`. */
  rollbackTo?(id: CheckpointId, context: SinkContext): void | Promise<void>;
}
