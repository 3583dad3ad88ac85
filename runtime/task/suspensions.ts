import type { Brake } from "./brake.ts";

/** The promises that handlers of a subtask have given: it takes no record, timer or control before they settle. */
export class Suspensions {
  readonly #brake: Brake;
  #pending: Promise<unknown>[] = [];

  constructor(brake: Brake) {
    this.#brake = brake;
  }

  get some(): boolean {
    return this.#pending.length > 0;
  }

  add(pending: Promise<unknown>): void {
    this.#pending.push(pending);
    // It is awaited at the end of the turn; a rejection before that is not an unhandled one.
    pending.catch(() => {});
    this.#brake.suspend();
  }

  /** Waits for those given so far, and calls `then` when the task may go on. */
  async settled<R>(then: () => R): Promise<R> {
    const pending = this.#pending;
    this.#pending = [];
    await Promise.all(pending);
    for (const _ of pending) this.#brake.release();
    return then();
  }

  /** All of them are over, whatever became of them. */
  async over(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }
}
