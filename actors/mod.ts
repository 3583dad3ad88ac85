/**
 * Actors for Node, Deno and Bun: state that is touched by one message at a time, failures that are contained and repaired,
 * and runs that can be repeated exactly.
 *
 * A counter that crashes, and comes back:
 *
 * ```ts run
 * import { createSystem, type ReplyTo } from "sluice/actors";
 *
 * type Count =
 *   | { kind: "add"; by: number }
 *   | { kind: "total"; replyTo: ReplyTo<number> };
 *
 * function counter() {
 *   let total = 0; // lives as long as one life of the actor
 *   return {
 *     receive(message: Count) {
 *       if (message.kind === "total") return message.replyTo.tell(total);
 *       if (Number.isNaN(message.by)) throw new RangeError("not a number");
 *       total += message.by;
 *     },
 *   };
 * }
 *
 * await using system = createSystem({
 *   logger: ({ level, from, message, cause }) => level === "error" && console.log(`${from} ${message}: ${cause}`),
 * });
 * const ref = system.spawn("counter", counter, { restart: "permanent" });
 *
 * ref.tell({ kind: "add", by: 2 });
 * console.log(await ref.ask({ kind: "total" })); // 2
 *
 * ref.tell({ kind: "add", by: NaN });            // counter failed: RangeError: not a number
 * ref.tell({ kind: "add", by: 3 });              // waits for the new life
 * console.log(await ref.ask({ kind: "total" })); // 3: the state of the life that failed is gone
 * ```
 *
 * prints
 *
 * ```text output
 * 2
 * counter failed: RangeError: not a number
 * 3
 * ```
 *
 * - **Messages** are told (`tell`) or asked (`ask`, which adds a `replyTo`). One at a time, in the order of their sender.
 * - **Failure** of a handler ends a life of the actor. Its supervisor (the actor that spawned it, or the system) decides by
 *   `restart` and by its own `supervision` whether a new life begins; more failures than it allows are passed upwards.
 * - **Death** of an actor is seen by whoever watches it (`context.watch`, `system.whenStopped`), exactly once, with the cause.
 * - **Nothing is lost silently**: what no handler took is a dead letter (`onDeadLetter`) with the reason.
 * - **Time and chance** come from the context, so that a `World` of `sluice/actors/simulation` can run the same actors in virtual
 *   time, from a seed.
 * - **Not done for you**: a handler that never returns (a synchronous endless loop) cannot be interrupted, in any runtime.
 *   One that returns a promise which never settles can: `handlerTimeoutMs`.
 *
 * @module
 */

export { SluiceError } from "./error.ts";
export { silent } from "./logger.ts";
export { MemoryBroker } from "./memory_transport.ts";
export { SeededRandom } from "./seeded_random.ts";
export { createSystem } from "./system.ts";
export { SystemClock, systemClock } from "./system_clock.ts";
export { systemRandom } from "./system_random.ts";

export type { ActorState, Phase } from "./actor_state.ts";
export type {
  ActorContext,
  Behavior,
  ChildSpec,
  Factory,
  LaneBehavior,
  LaneHost,
  Overflow,
  Signal,
  SpawnOptions,
  StopReason,
} from "./behavior.ts";

export type { Clock, Timer } from "./clock.ts";
export type { DeadLetter, DeadLetterReason } from "./dead_letter.ts";
export type { DataLane } from "./lane.ts";
export type { LogEntry, Logger, LogLevel } from "./logger.ts";
export type { MemoryBrokerOptions } from "./memory_transport.ts";
export type { Random } from "./random.ts";
export type { ActorRef, Address, Answer, AskOptions, Question, ReplyTo } from "./ref.ts";
export type { RemoteOptions } from "./remote.ts";
export type { SchedulerOptions } from "./scheduler.ts";
export type { AutoShutdown, Backoff, Restart, Strategy, SupervisionOptions } from "./supervisor.ts";
export type { ActorSystem, SystemOptions } from "./system.ts";
export type { Delivery, Subscription, Transport } from "./transport.ts";
