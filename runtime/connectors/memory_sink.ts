import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Committable, Sink, SinkWriter } from "../graph/sink.ts";
import { checkOneOf } from "./option.ts";

/** What a memory sink can be told. */
export interface MemorySinkOptions {
  /**
   * `transactional`: values show when their checkpoint is complete, each once. `at-least-once`: values show as they are
   * written, and again when they are replayed.
   * @default "transactional"
   */
  readonly delivery?: "transactional" | "at-least-once";
}

/** A sink whose values can be looked at. It outlives attempts, and belongs to one process. */
export interface MemorySink<T> extends Sink<T> {
  /** What is visible now: in the order of commits, or of writes. */
  readonly values: readonly T[];
}

/** The values that one subtask wrote for one checkpoint. */
interface Commit<T> {
  readonly job: string;
  readonly uid: string;
  readonly checkpointId: CheckpointId;
  readonly values: readonly T[];
}

/**
 * A sink that keeps its values in memory. Values not yet visible travel in the snapshot, so what a checkpoint holds is not
 * lost with the process (what was visible before is).
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`
 *
 * @example
 * ```ts
 * const out = memorySink<number>();
 * const run = await start(job("squares", (flow) => flow.from("n", generate({ count: 9, make: (n) => n * n })).to("out", out)));
 * await run.finished;
 * console.log(out.values);
 * ```
 */
export function memorySink<T>(options: MemorySinkOptions = {}): MemorySink<T> {
  checkOneOf("memorySink", "delivery", options.delivery, ["transactional", "at-least-once"]);
  return options.delivery === "at-least-once" ? new PlainMemorySink<T>() : new TransactionalMemorySink<T>();
}

class PlainMemorySink<T> implements MemorySink<T> {
  readonly kind = "memory";
  readonly delivery = "at-least-once";
  readonly #values: T[] = [];

  get values(): readonly T[] {
    return this.#values;
  }

  open(): SinkWriter<T> {
    let open = true;
    return {
      write: (value) => {
        if (open) this.#values.push(value);
      },
      close: () => {
        open = false;
      },
    };
  }
}

class TransactionalMemorySink<T> implements MemorySink<T> {
  readonly kind = "memory";
  readonly delivery = "transactional";
  /** By job, uid, checkpoint and subtask, in the order of the commits. */
  readonly #commits = new Map<string, Commit<T>>();
  #values: T[] = [];

  get values(): readonly T[] {
    return this.#values;
  }

  open({ job, uid }: { readonly job: string; readonly uid: string }): SinkWriter<T> {
    let written: T[] = [];
    return {
      write(value) {
        written.push(value);
      },
      prepare() {
        const values = written;
        written = [];
        return values.length === 0 ? undefined : values;
      },
      commit: (committables) => {
        for (const committable of committables) this.#commit(job, uid, committable);
      },
      close() {
        written = [];
      },
    };
  }

  lastCommitted({ job, uid }: { readonly job: string; readonly uid: string }): CheckpointId {
    let last = 0;
    for (const commit of this.#commits.values()) {
      if (commit.job === job && commit.uid === uid) last = Math.max(last, commit.checkpointId);
    }
    return last;
  }

  rollbackTo(id: CheckpointId, { job, uid }: { readonly job: string; readonly uid: string }): void {
    for (const [key, commit] of this.#commits) {
      if (commit.job === job && commit.uid === uid && commit.checkpointId > id) this.#commits.delete(key);
    }
    this.#values = [...this.#commits.values()].flatMap((commit) => commit.values);
  }

  #commit(job: string, uid: string, { checkpointId, subtask, content }: Committable): void {
    if (!Array.isArray(content)) {
      throw new SluiceError(
        "CHECKPOINT_DAMAGED",
        `sink ${uid}: what subtask ${subtask} prepared for checkpoint ${checkpointId} is no memory sink's: start without it`,
      );
    }
    const key = JSON.stringify([job, uid, checkpointId, subtask]);
    if (this.#commits.has(key)) return;
    this.#commits.set(key, { job, uid, checkpointId, values: content as T[] });
    for (const value of content as T[]) this.#values.push(value);
  }
}
