import type { CheckpointReason } from "../checkpoint/coordinator.ts";
import type { SubtaskFigures } from "../checkpoint/contribution.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Parallelism } from "../graph/parallelism.ts";

/** One subtask's part in a completed checkpoint. */
export interface SubtaskCheckpoint extends SubtaskFigures {
  /** The task's id: that of its first operator. */
  readonly task: string;
  readonly subtask: number;
  /** What its operators and connectors have counted in this attempt so far, such as `lateRecords` and `malformedRecords`. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What a completed checkpoint cost. Times in milliseconds. */
export interface CheckpointFigures {
  /** From the trigger to the completion. */
  readonly endToEndMs: number;
  /** What a restore of it reads of state. */
  readonly stateBytes: number;
  /** What was written of state: the rest is in files of earlier checkpoints. */
  readonly writtenBytes: number;
  /** What was captured of records under way. */
  readonly inFlightBytes: number;
  readonly inFlightRecords: number;
  readonly subtasks: readonly SubtaskCheckpoint[];
}

/** Something that happened to a run. `at` is wall-clock milliseconds. */
export type JobEvent =
  /** Every subtask of an attempt has loaded and processes. `checkpoint`: what it was restored from. */
  | {
    readonly kind: "started";
    readonly at: number;
    readonly attempt: number;
    readonly checkpoint: CheckpointId | undefined;
    readonly location: string | undefined;
    /** Where each source went on, by uid, for messages. */
    readonly positions: Readonly<Record<string, string>>;
    /** From the failure, or the call of `start`, to now. */
    readonly tookMs: number;
    /** Records of the snapshot that were under way, and are processed first. */
    readonly inFlightRecords: number;
  }
  | {
    readonly kind: "checkpoint-triggered";
    readonly at: number;
    readonly checkpoint: CheckpointId;
    readonly reason: CheckpointReason;
  }
  | {
    readonly kind: "checkpoint-completed";
    readonly at: number;
    readonly checkpoint: CheckpointId;
    readonly reason: CheckpointReason;
    readonly location: string;
    readonly figures: CheckpointFigures;
  }
  | {
    readonly kind: "checkpoint-aborted";
    readonly at: number;
    readonly checkpoint: CheckpointId;
    readonly reason: string;
    readonly cause: unknown;
  }
  /** An attempt failed: what, and where its sources were. */
  | {
    readonly kind: "failed";
    readonly at: number;
    readonly attempt: number;
    readonly cause: unknown;
    readonly positions: Readonly<Record<string, string>>;
  }
  | { readonly kind: "restarting"; readonly at: number; readonly attempt: number; readonly delayMs: number }
  /** The job is being stopped with a checkpoint, to go on from it with this parallelism: `started` follows. */
  | { readonly kind: "rescaling"; readonly at: number; readonly parallelism: Parallelism }
  /** With the poison policy `skip`: a record was kept from the operator `uid`, which could not process it. */
  | {
    readonly kind: "record-skipped";
    readonly at: number;
    readonly attempt: number;
    readonly uid: string;
    readonly subtask: number;
    /** Tells it from other records: never the record itself. */
    readonly hash: string;
    readonly keyHash: string | undefined;
    /** What the operator failed with, and where each source was then. */
    readonly error: string;
    readonly positions: Readonly<Record<string, string>>;
  }
  /** With the poison policy `pause`: the operator `uid` keeps failing at a record. Nothing happens until `run.resume()`. */
  | {
    readonly kind: "paused";
    readonly at: number;
    readonly attempt: number;
    readonly uid: string;
    readonly hash: string;
    readonly keyHash: string | undefined;
    readonly positions: Readonly<Record<string, string>>;
    readonly cause: unknown;
  }
  /** Something that does not stop the job but should be known. */
  | { readonly kind: "warning"; readonly at: number; readonly code: string; readonly message: string }
  /** The end: `checkpoint` is the last one. `stopped`: by `stop`, before the end of input. */
  | { readonly kind: "finished"; readonly at: number; readonly checkpoint: CheckpointId; readonly stopped: boolean }
  | { readonly kind: "given-up"; readonly at: number; readonly cause: unknown };

/** How many events a slow reader may lag behind before it loses the oldest. */
const maxLag = 10_000;

/** How many are kept for readers that are still to come. */
const keptEvents = 256;

/**
 * Events to any number of readers. A reader sees everything since it began to read, and the latest {@link keptEvents} from before
 * it; one that lags by more than {@link maxLag} loses the oldest.
 */
export class EventLog {
  #history: JobEvent[] = [];
  #dropped = 0;
  #closed = false;
  #waiting: (() => void)[] = [];
  readonly #readers = new Set<{ next: number }>();

  emit(event: JobEvent): void {
    this.#history.push(event);
    if (this.#history.length > 2 * keptEvents) this.#trim();
    this.#wake();
  }

  /** No event comes any more: readers end when they have read all. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** All events from the first one kept. */
  async *read(): AsyncGenerator<JobEvent, void, undefined> {
    const reader = { next: 0 };
    this.#readers.add(reader);
    try {
      for (;;) {
        reader.next = Math.max(reader.next, this.#dropped);
        const event = this.#history[reader.next - this.#dropped];
        if (event !== undefined) {
          reader.next++;
          yield event;
        } else if (this.#closed) {
          return;
        } else {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  /** Forgets what neither a reader that lags nor one that is to come has a claim to; in steps, so that little is copied. */
  #trim(): void {
    const end = this.#dropped + this.#history.length;
    let first = end - keptEvents;
    for (const { next } of this.#readers) if (next < first) first = next;
    const over = Math.max(first, end - maxLag) - this.#dropped;
    if (over < keptEvents) return;
    this.#dropped += over;
    this.#history = this.#history.slice(over);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
