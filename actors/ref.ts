/** Which actor, in the whole world: no two actors ever share an address, also not two that had the same name. */
export interface Address {
  /** The id of the actor's system. */
  readonly system: string;
  /** Names from the top, joined by `/`. */
  readonly path: string;
  /** Tells actors apart that had the same path one after the other. */
  readonly id: number;
}

/** Where an answer goes. Every `ActorRef<R>` is one. */
export interface ReplyTo<in R> {
  /** Gives the answer. Never throws; a second answer, and one that comes too late, is dropped. */
  tell(reply: R): void;
}

/** The messages of `M` that ask for an answer, as the asker writes them: without their `replyTo`. */
export type Question<M> = M extends { readonly replyTo: ReplyTo<never> } ? Omit<M, "replyTo"> : never;

/** What question `Q` to an actor of messages `M` is answered with. */
export type Answer<M, Q> = M extends { readonly replyTo: ReplyTo<infer R> } ? Q extends Omit<M, "replyTo"> ? R : never : never;

/** How long to wait for an answer. */
export interface AskOptions {
  /**
   * How long to wait, in milliseconds.
   * @default the system's `askTimeoutMs`, 5,000
   */
  readonly timeoutMs?: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
}

/**
 * The way to an actor. Refs are values: they may be kept, put into messages and sent to another process.
 *
 * - **Order:** what one actor tells another arrives in that order.
 * - **Loss:** a message to an actor that has stopped becomes a dead letter. Within a process nothing else is lost; between
 *   processes a connection that breaks loses what is under way.
 * - **Restarts:** a ref stays good when its actor is restarted. Once the actor has stopped for good it never comes back, even
 *   if another actor takes its name.
 */
export interface ActorRef<in M> {
  readonly address: Address;
  /**
   * Sends a message and returns at once.
   *
   * @throws {SluiceError} `MAILBOX_FULL` when the mailbox is full and its overflow policy is `fail`
   */
  tell(message: M): void;
  /**
   * Sends a message with a `replyTo` added to it and waits for the answer. An answer that comes after the wait has ended is
   * dropped; the actor may have done the work nevertheless.
   *
   * @throws {SluiceError} `ASK_TIMEOUT` when no answer came in time, `ASK_FAILED` when the actor failed on the question, has
   * stopped or could not take it (`cause` says more), `ASK_ABORTED` when `signal` aborted
   */
  ask<const Q extends Question<M>>(question: Q, options?: AskOptions): Promise<Answer<M, Q>>;
  /** `system/path#id`. */
  toString(): string;
}
