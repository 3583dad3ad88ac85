import type { Committable, Sink, SinkContext, SinkWriter } from "../../mod.ts";

/** A transactional sink that keeps account of what it was told, through every life of the job. */
export class WitnessSink<T> implements Sink<T> {
  readonly kind = "witness";
  readonly delivery = "transactional";
  /** By transaction: what became visible. */
  readonly #committed = new Map<string, readonly T[]>();
  /** The ids of every call of `commit`, in order. */
  readonly commits: number[] = [];
  readonly prepared: number[] = [];
  /** What was written but is not prepared yet, by subtask. */
  readonly written: T[] = [];
  /** Called before a commit takes effect; may throw, or wait. */
  beforeCommit: ((id: number) => void | Promise<void>) | undefined;
  /** Called in `prepare`; may throw, or wait. */
  beforePrepare: ((id: number) => void | Promise<void>) | undefined;
  /** Called for each record. */
  onWrite: ((value: T, context: SinkContext) => void | Promise<void>) | undefined;
  lastCommitted?: () => number;

  /** With `fenced`, the sink says what it has shown last, so that a restore behind it is refused. */
  constructor(options: { readonly fenced?: boolean } = {}) {
    if (options.fenced) this.lastCommitted = () => Math.max(0, ...this.commits);
  }

  /** All that is visible. */
  get values(): T[] {
    return [...this.#committed.values()].flat();
  }

  /** Takes back what was shown of checkpoints after `id`. */
  rollBack(id: number): void {
    for (const transaction of this.#committed.keys()) {
      if (Number(transaction.split("/").at(-1)) > id) this.#committed.delete(transaction);
    }
    this.commits.splice(0, Infinity, ...this.commits.filter((commit) => commit <= id));
  }

  open(context: SinkContext): SinkWriter<T> {
    let open: T[] = [];
    return {
      write: (value) => {
        open.push(value);
        this.written.push(value);
        return this.onWrite?.(value, context);
      },
      prepare: (id) => {
        this.prepared.push(id);
        const content = { transaction: `${context.uid}/${context.subtask}/${context.attempt}/${id}`, values: open };
        open = [];
        const waiting = this.beforePrepare?.(id);
        return waiting instanceof Promise ? waiting.then(() => content) : content;
      },
      commit: async (committables) => {
        for (const committable of committables) await this.#commit(committable);
      },
      close() {},
    };
  }

  async #commit({ checkpointId, content }: Committable): Promise<void> {
    await this.beforeCommit?.(checkpointId);
    const { transaction, values } = content as { transaction: string; values: T[] };
    this.commits.push(checkpointId);
    this.#committed.set(transaction, values);
  }
}
