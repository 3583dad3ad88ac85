import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Operator, OperatorContext, RestoredPart, SnapshotPart } from "../graph/operator.ts";
import type { Committable, SinkWriter } from "../graph/sink.ts";

/** The name under which a sink's committables stand in a snapshot. */
export const committablesPart = "committables";

/**
 * A sink in its place at the end of a chain.
 *
 * Every committable that is not known to be committed is in every snapshot; an abort discards nothing (protocol 7.2). Commits
 * run one after the other, oldest first.
 */
export class SinkOperator implements Operator {
  readonly uid: string;
  private readonly writer: SinkWriter<unknown>;
  readonly #context: OperatorContext;
  #pending: Committable[] = [];
  #committing: Promise<void> = Promise.resolve();
  /** Preparations under way, the newest last: a snapshot holds what all earlier ones come to. */
  #preparing: Promise<unknown> | undefined;

  constructor(writer: SinkWriter<unknown>, context: OperatorContext) {
    this.uid = context.uid;
    this.writer = writer;
    this.#context = context;
  }

  /** Whether its output becomes visible by commits. */
  get transactional(): boolean {
    return this.writer.commit !== undefined;
  }

  /** Whether the end of a checkpoint may mean something to it. */
  get mayHaveToCommit(): boolean {
    return this.transactional || this.writer.prepare !== undefined || this.#pending.length > 0;
  }

  process(value: unknown): void {
    const pending: unknown = this.writer.write(value);
    if (typeof pending === "object" && pending !== null) this.#wrote(pending, value);
  }

  /** A function that is declared to return nothing may return anything, as `(v) => map.set(v.id, v)` does. */
  #wrote(pending: object, value: unknown): void {
    if (isThenable(pending)) this.#context.suspend(Promise.resolve(pending), value);
  }

  restore(parts: readonly RestoredPart[]): void {
    for (const part of parts) {
      if (part.name !== committablesPart) continue;
      const decoded = decodeValue(part.bytes);
      if (decoded.kind !== "value" || !Array.isArray(decoded.value)) {
        throw new SluiceError("CHECKPOINT_DAMAGED", `what sink ${this.uid} still had to commit cannot be read`);
      }
      this.#pending.push(...(decoded.value as Committable[]));
    }
  }

  /** Called in the snapshot turn; the promise gives what the snapshot holds of the sink. */
  prepare(checkpointId: CheckpointId): Promise<readonly SnapshotPart[]> | readonly SnapshotPart[] {
    if (this.writer.prepare === undefined) {
      const flushed: unknown = this.writer.flush?.();
      return isThenable(flushed) ? Promise.resolve(flushed).then(() => []) : [];
    }
    const earlier = this.#preparing;
    const prepared = this.writer.prepare(checkpointId);
    if (earlier === undefined && !(prepared instanceof Promise)) return this.#prepared(checkpointId, prepared);
    const whole = Promise.all([prepared, earlier]).then(([content]) => this.#prepared(checkpointId, content));
    const settled = whole.catch(() => {}).finally(() => {
      if (this.#preparing === settled) this.#preparing = undefined;
    });
    this.#preparing = settled;
    return whole;
  }

  /** Makes visible what belongs to checkpoints up to `checkpointId`. */
  commit(checkpointId: CheckpointId): Promise<void> {
    this.#committing = this.#committing.then(async () => {
      const due = this.#pending.filter((committable) => committable.checkpointId <= checkpointId);
      if (due.length === 0) return;
      due.sort((a, b) => a.checkpointId - b.checkpointId);
      await this.writer.commit?.(due);
      this.#pending = this.#pending.filter((committable) => !due.includes(committable));
    });
    return this.#committing;
  }

  async closeWriter(): Promise<void> {
    await this.writer.close();
  }

  #prepared(checkpointId: CheckpointId, content: unknown): readonly SnapshotPart[] {
    if (content !== undefined) this.#pending.push({ checkpointId, subtask: this.#context.subtask, content });
    const upTo = this.#pending.filter((committable) => committable.checkpointId <= checkpointId);
    const bytes = encodeValue(upTo, `what sink ${this.uid} has to commit`);
    return [{ scope: "split", name: committablesPart, slices: () => [bytes] }];
  }
}

/** A function that is declared to return nothing may return anything, as `(v) => list.push(v)` does. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
