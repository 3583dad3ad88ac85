import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Committable, Sink, SinkContext, SinkWriter } from "../graph/sink.ts";
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
  readonly name: string;
  readonly run: number;
  readonly subtask: number;
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

type Owner = Pick<SinkContext, "job" | "uid">;

class TransactionalMemorySink<T> implements MemorySink<T> {
  readonly kind = "memory";
  readonly delivery = "transactional";
  #commits: Commit<T>[] = [];
  #values: T[] = [];
  /** Which commits have been made, by owner, run, checkpoint and subtask. */
  #made = new Set<string>();
  /** How often each subtask of each owner has begun from nothing: checkpoints are counted anew then. */
  readonly #runs = new Map<string, number>();

  get values(): readonly T[] {
    return this.#values;
  }

  open(context: SinkContext): SinkWriter<T> {
    const { restoredFrom, attempt, subtask } = context;
    if (restoredFrom === undefined ? attempt === 1 : restoredFrom === 0) {
      const name = runName(context, subtask);
      this.#runs.set(name, (this.#runs.get(name) ?? 0) + 1);
    }
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
        for (const committable of committables) this.#commit(context, committable);
      },
      close() {
        written = [];
      },
    };
  }

  lastCommitted(context: SinkContext): CheckpointId {
    const own = this.#commits.filter((commit) => this.#isOf(context, commit));
    return own.reduce((last, { checkpointId }) => Math.max(last, checkpointId), 0);
  }

  rollbackTo(id: CheckpointId, context: SinkContext): void {
    this.#commits = this.#commits.filter((commit) => !this.#isOf(context, commit) || commit.checkpointId <= id);
    this.#values = this.#commits.flatMap((commit) => commit.values);
    this.#made = new Set(this.#commits.map(({ name }) => name));
  }

  #commit(owner: Owner, { checkpointId, subtask, content }: Committable): void {
    if (!Array.isArray(content)) {
      throw new SluiceError(
        "CHECKPOINT_DAMAGED",
        `sink ${owner.uid}: what subtask ${subtask} prepared for checkpoint ${checkpointId} is not of a memory sink`,
      );
    }
    const run = this.#runs.get(runName(owner, subtask)) ?? 0;
    const name = `${runName(owner, subtask)} ${run} ${checkpointId}`;
    if (this.#made.has(name)) return;
    this.#made.add(name);
    const { job, uid } = owner;
    this.#commits.push({ name, job, uid, run, subtask, checkpointId, values: content as T[] });
    for (const value of content as T[]) this.#values.push(value);
  }

  /** Whether a commit belongs to what this owner began last. */
  #isOf(owner: Owner, { job, uid, run, subtask }: Commit<T>): boolean {
    return job === owner.job && uid === owner.uid && run === (this.#runs.get(runName(owner, subtask)) ?? 0);
  }
}

function runName({ job, uid }: Owner, subtask: number): string {
  return JSON.stringify([job, uid, subtask]);
}
