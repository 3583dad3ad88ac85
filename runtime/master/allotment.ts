import type { CheckpointStore } from "../checkpoint/storage.ts";
import type { CheckpointId } from "../graph/frame.ts";

/** How many checkpoint ids are allotted at a time. */
export const idBlock = 1_000;

/** The numbers of attempts: their own, and those of their first checkpoints. Whoever uses them waits until they are durable. */
export class Allotment {
  readonly #store: Pick<CheckpointStore, "reserve">;
  #last: { readonly attempt: number; readonly durable: Promise<void> } | undefined;

  constructor(store: Pick<CheckpointStore, "reserve">) {
    this.#store = store;
  }

  /** Settles when the numbers are durable. They may be asked for before it is known whether the attempt will be made. */
  of(attempt: number, nextCheckpointId: CheckpointId): Promise<void> {
    if (this.#last?.attempt === attempt) return this.#last.durable;
    const durable = this.#store.reserve({ attempt, nextCheckpointId: nextCheckpointId + idBlock });
    const last = { attempt, durable };
    this.#last = last;
    durable.catch(() => {
      if (this.#last === last) this.#last = undefined; // who asks for them now may be luckier
    });
    return durable;
  }
}
