import type { TSchema } from "@sinclair/typebox";
import type { Clock, Timer } from "./clock.ts";
import type { DataLane } from "./lane.ts";
import type { LogLevel } from "./logger.ts";
import type { Random } from "./random.ts";
import type { ActorRef } from "./ref.ts";
import type { Restart, SupervisionOptions } from "./supervisor.ts";
import type { ActorSystem } from "./system.ts";

/** Why an actor stopped. */
export type StopReason =
  /** It stopped itself, or was asked to by its parent or its system's owner. */
  | { readonly kind: "normal" }
  /** Its parent or its system stopped, or a sibling's failure took it along. */
  | { readonly kind: "shutdown" }
  /** A handler threw, rejected or took too long. */
  | { readonly kind: "failed"; readonly cause: unknown }
  /** It is of another process and had stopped before it was watched; why is no longer known. */
  | { readonly kind: "gone" }
  /** It is of another process, which has not answered for `unreachableMs`. A suspicion: it may live on. */
  | { readonly kind: "unreachable" };

/** What the runtime, and not another actor, has to say. */
export type Signal = {
  /** An actor under watch has stopped for good. Comes exactly once for each `watch`, also if it had stopped before. */
  readonly kind: "terminated";
  readonly ref: ActorRef<never>;
  readonly reason: StopReason;
};

/**
 * What an actor does with its messages. One is made by the factory given to `spawn`, and a new one for every restart, so
 * that no state outlives a failure.
 *
 * - **One at a time:** while a promise that a handler returned is pending, the actor takes no other message.
 * - **Failure:** a handler that throws or rejects fails the actor, and its supervisor decides. The message in hand goes to
 *   dead letters; what waits in the mailbox is kept for the restarted actor.
 * - **Endless loops:** a handler that never returns cannot be interrupted, in any runtime: it stops the whole event loop.
 */
export interface Behavior<M> {
  /** Checked for messages that come from another process; one that does not fit becomes a dead letter. */
  readonly schema?: TSchema;
  /** Called once, before the first message. */
  start?(context: ActorContext<M>): void | Promise<void>;
  receive(message: M, context: ActorContext<M>): void | Promise<void>;
  /** Needed by actors that `watch`. Comes before waiting messages. */
  signal?(signal: Signal, context: ActorContext<M>): void | Promise<void>;
  /** Called once, last, also after a failure and before a restart; children have stopped by then. */
  stop?(reason: StopReason, context: ActorContext<M>): void | Promise<void>;
}

/** What the runtime gives to the data lane of a {@link LaneBehavior}. */
export interface LaneHost {
  /** Says that the lane may have become ready. Cheap; needless calls are harmless. */
  wake(): void;
  /** True once any actor of this loop has control waiting: a long turn should end at the next step. */
  readonly interrupted: boolean;
}

/**
 * An actor with a data lane of its own, such as a stream operator with one queue per input channel. Everything told to its
 * ref is control: it waits for at most one step of a data lane that heeds `interrupted`, and for a pending promise.
 */
export interface LaneBehavior<C> {
  /** As in {@link Behavior}. */
  readonly schema?: TSchema;
  /** Gives the data lane. Called once, before `start`; the lane is not run before `start` is over. */
  lane(host: LaneHost, context: ActorContext<C>): DataLane;
  /** Called once, before control and data. */
  start?(context: ActorContext<C>): void | Promise<void>;
  /** Everything told to the ref arrives here, before any data. */
  control(message: C, context: ActorContext<C>): void | Promise<void>;
  /**
   * Whether a control message touches no user state and so may be handled while an asynchronous step is pending.
   * @default none is urgent
   */
  urgent?(message: C): boolean;
  /** Needed by actors that `watch`. */
  signal?(signal: Signal, context: ActorContext<C>): void | Promise<void>;
  /** Called once, last, also after a failure and before a restart. */
  stop?(reason: StopReason, context: ActorContext<C>): void | Promise<void>;
}

/** Makes the behaviour of an actor, once for its start and once for each restart. */
export type Factory<M> = () => Behavior<M> | LaneBehavior<M>;

/** What happens to a message that finds the mailbox full. */
export type Overflow =
  /** `tell` throws `MAILBOX_FULL`. */
  | "fail"
  /** The message becomes a dead letter. */
  | "drop-newest"
  /** The message that has waited longest becomes a dead letter. */
  | "drop-oldest";

/** How an actor is run and supervised. */
export interface SpawnOptions {
  /**
   * When its supervisor restarts it: `permanent` always, `transient` after a failure, `temporary` never.
   * @default "temporary"
   */
  readonly restart?: Restart;
  /**
   * Whether its own end can end its supervisor: see `autoShutdown`, which must not be `never` then. A permanent child cannot be.
   * @default false
   */
  readonly significant?: boolean;
  /** How it supervises its own children. */
  readonly supervision?: SupervisionOptions;
  /**
   * How many messages can wait, at least 1. Control and signals do not count.
   * @default 1,000,000
   */
  readonly capacity?: number;
  /** @default "fail" */
  readonly overflow?: Overflow;
  /**
   * How long a promise that a handler returned may stay pending before the actor fails with `HANDLER_TIMEOUT`; in
   * milliseconds. It cannot help against synchronous code.
   * @default the system's `handlerTimeoutMs`
   */
  readonly handlerTimeoutMs?: number;
  /**
   * How long a stopping actor may take for the handler that is pending, and again for `stop`, before it is abandoned; in
   * milliseconds. Its children have their own time.
   * @default 5,000
   */
  readonly shutdownMs?: number;
}

/** A child to start: its name, what it does and how it is run. */
export interface ChildSpec<in out M> extends SpawnOptions {
  readonly name: string;
  readonly factory: Factory<M>;
}

/**
 * What an actor can do besides answering. It belongs to one life of the actor: after a stop or a restart every call throws
 * `STALE_CONTEXT` and has no effect.
 */
export interface ActorContext<in out M> {
  readonly self: ActorRef<M>;
  /** Names from the top, joined by `/`. */
  readonly path: string;
  readonly system: ActorSystem;
  readonly clock: Clock;
  /** Chance of its own: draws of other actors do not disturb it. */
  readonly random: Random;
  /** Aborts when the actor stops or is restarted. */
  readonly signal: AbortSignal;
  log(level: LogLevel, message: string, cause?: unknown): void;
  /**
   * Starts a child, which stops with this actor.
   *
   * @throws {SluiceError} `NAME_TAKEN` when a child of that name is alive, `BAD_NAME`, `OPTION_OUT_OF_RANGE`
   */
  spawn<C>(name: string, factory: Factory<C>, options?: SpawnOptions): ActorRef<C>;
  /** Starts children one after the other, each when the start of the one before is over. Throws as `spawn`, before any starts. */
  spawnInOrder<const Ms extends readonly unknown[]>(
    children: readonly [...{ [I in keyof Ms]: ChildSpec<Ms[I]> }],
  ): { readonly [I in keyof Ms]: ActorRef<Ms[I]> };
  /** Stops a child for good, or without an argument this actor, after the message in hand. A stopped one is not an error. */
  stop(child?: ActorRef<never>): void;
  /** Has `signal` called when that actor stops for good. Watching twice is watching once. */
  watch(ref: ActorRef<never>): void;
  /** Takes a watch back; a signal that already waits does not come. */
  unwatch(ref: ActorRef<never>): void;
  /**
   * Sends `message` to this actor after `delayMs` milliseconds, ahead of waiting messages and outside the mailbox's bound. A
   * cancelled timer's message never arrives, also if it already waits; all timers are cancelled when the actor stops.
   */
  setTimer(delayMs: number, message: M): Timer;
  /**
   * Sends `message` when for `timeoutMs` milliseconds no message was handled and none waits (at the latest after twice that
   * time), and again after each such silence. Timers and signals are no messages. `undefined` ends it.
   */
  setReceiveTimeout(timeoutMs: number | undefined, message?: M): void;
  /**
   * The promises that this actor's handlers have returned are getting on: `handlerTimeoutMs` counts from now. For work that takes
   * long in all and cannot hang between two calls. Without effect when none is pending, or the actor is stopping.
   */
  progress(): void;
  /**
   * Puts a message aside.
   *
   * @throws {SluiceError} `STASH_FULL` when as many are put aside as the mailbox's capacity
   */
  stash(message: M): void;
  /** Puts all that was put aside at the front of the mailbox, in the order in which it was put aside. */
  unstash(): void;
  /** Fails this actor, as if the handler had thrown; what was called goes on until it returns. */
  fail(cause: unknown): void;
  /**
   * Takes responsibility for work that goes on outside the handler: when it rejects during this life, this actor fails with that
   * cause; when it rejects later, that is logged. A rejected promise that nobody takes responsibility for ends the process, in
   * every runtime, without saying whose it was.
   */
  attend(work: PromiseLike<unknown>): void;
}
