import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import type { Logger } from "../../actors/logger.ts";
import type { Random } from "../../actors/random.ts";

/** A part of a source that is read in order by one subtask: a file, a range of one, a stream. */
export interface Split {
  /** Unique in the source, the same in every attempt. */
  readonly id: string;
}

/** What a source is given. Valid for one attempt. */
export interface SourceContext {
  readonly uid: string;
  readonly subtask: number;
  readonly parallelism: number;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly log: Logger;
  /** Aborts when the attempt ends. */
  readonly signal: AbortSignal;
  /** Says that a reader which answered `waiting` has something to give. Calling it too often is harmless. */
  wake(): void;
  /** Fails the task from outside a call of the runtime. */
  fail(error: unknown): void;
  /** Counts something under a name that shows in the task's figures, such as skipped malformed records. */
  count(name: string, by: number): void;
}

/** Where a reader puts its records. */
export interface SourceOutput<T> {
  /** Emits one record; false means: stop, there is no credit for more (this one was taken). */
  emit(value: T): boolean;
  /** The same with an event time in milliseconds. */
  emitAt(value: T, timestamp: number): boolean;
}

/** `more`: call again. `waiting`: nothing to give now, `wake` will be called. `ended`: nothing more, for ever. */
export type PollResult = "more" | "waiting" | "ended";

/**
 * Reads one split. Slow work (reading ahead) happens outside `poll`, into a bounded buffer of the reader's own.
 *
 * - `poll` never waits and emits at most `maxRecords` records; it stops when `emit` returns false.
 * - `position` is where to go on after the last record *emitted*: a plain value of msgpack's kinds.
 */
export interface SplitReader<T, P = unknown> {
  poll(output: SourceOutput<T>, maxRecords: number): PollResult;
  position(): P;
  close(): void | Promise<void>;
}

/**
 * A source of records that can be replayed: opened at a position it gave before, it emits the same records again.
 */
export interface Source<T, P = unknown> {
  /** For plans and messages, such as `jsonl`. */
  readonly kind: string;
  /** Whether it ends by itself. */
  readonly bounded: boolean;
  /**
   * All splits there are, in an order that is the same in every attempt.
   *
   * `known` are those of the snapshot being restored, of all its subtasks, ended ones included (nothing at a first start):
   * they must be among the answer, whatever the parallelism and the options are now.
   */
  splits(context: SourceContext, known?: readonly Split[]): readonly Split[] | Promise<readonly Split[]>;
  /**
   * Opens a split, at the start (`position` undefined) or where an earlier reader was. Rejects with a clear error when
   * the store no longer has that position: it never skips silently.
   */
  open(split: Split, position: P | undefined, context: SourceContext): SplitReader<T, P> | Promise<SplitReader<T, P>>;
}
