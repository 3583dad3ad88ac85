/**
 * The data lane of a mailbox: what an actor works off when no control message waits.
 *
 * An ordinary actor's lane is a bounded FIFO of messages; a stream operator's lane is its input gate with one queue per
 * channel. The scheduler knows only this interface, so an operator *is* an actor.
 *
 * - **Turns:** `run` is called only while no control message of this actor waits and no step of it is pending.
 * - **Priority:** the control lane is always drained first.
 * - **Waking:** whoever makes a lane ready calls the `wake` it was given; waking too often is harmless, forgetting is not.
 */
export interface DataLane {
  /** Whether `run` could make progress now. Read after every turn: must be cheap and without effects. */
  readonly ready: boolean;
  /**
   * Takes up to `maxSteps` steps (records, messages, timers) and returns how many it took. Returns a promise when the last
   * step is asynchronous; until it settles the actor takes no further step. It may stop early.
   */
  run(maxSteps: number): number | Promise<number>;
  /** The actor is stopping for good: give back what was not read. Called once. */
  close(): readonly unknown[];
}
