/**
 * Actors: supervised state machines that exchange messages, in one process or across several.
 *
 * A supervised counter that crashes, comes back empty, and goes on:
 *
 * ```ts ignore
 * import { type ActorRef, createSystem, type ReplyTo } from "sluice/actors";
 *
 * type Message = { kind: "add" } | { kind: "crash" } | { kind: "read"; replyTo: ReplyTo<number> };
 *
 * await using system = createSystem();
 * const counter: ActorRef<Message> = system.spawn<Message>("counter", () => {
 *   let count = 0;
 *   return {
 *     receive(message) {
 *       if (message.kind === "add") count++;
 *       else if (message.kind === "crash") throw new Error("out of order");
 *       else message.replyTo.tell(count);
 *     },
 *   };
 * }, { restart: "permanent" });
 *
 * counter.tell({ kind: "add" });
 * console.log(await counter.ask({ kind: "read" })); // 1
 * counter.tell({ kind: "crash" });
 * console.log(await counter.ask({ kind: "read" })); // 0
 * ```
 *
 * A synchronous endless loop in a handler cannot be interrupted, in any runtime: it stops the whole event loop.
 *
 * @module
 */
export { SluiceError } from "./error.ts";
export { createSystem } from "./system.ts";
export type { ActorSystem, SystemOptions } from "./system.ts";
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
export type { ActorRef, Address, Answer, AskOptions, Question, ReplyTo } from "./ref.ts";
export type { DataLane } from "./lane.ts";
export type { DeadLetter, DeadLetterReason } from "./dead_letter.ts";
export type { Backoff, Restart, Strategy, SupervisionOptions } from "./supervisor.ts";
export type { SchedulerOptions } from "./scheduler.ts";
export { silent } from "./logger.ts";
export type { LogEntry, Logger, LogLevel } from "./logger.ts";
export type { Clock, Timer } from "./clock.ts";
export { systemClock } from "./system_clock.ts";
export type { Random } from "./random.ts";
export { SeededRandom } from "./seeded_random.ts";
export { systemRandom } from "./system_random.ts";
export type { Delivery, Subscription, Transport } from "./transport.ts";
export { MemoryBroker } from "./memory_transport.ts";
export type { MemoryBrokerOptions } from "./memory_transport.ts";
