import type { Behavior, StopReason } from "../../actors/behavior.ts";
import type { DeadLetter } from "../../actors/dead_letter.ts";
import type { LogEntry } from "../../actors/logger.ts";
import { World } from "../../actors/simulation/world.ts";
import type { ActorSystem, SystemOptions } from "../../actors/system.ts";

/** A system in a world, and what can be seen of it. */
export interface Scene {
  readonly world: World;
  readonly system: ActorSystem;
  readonly log: string[];
  readonly entries: LogEntry[];
  readonly letters: DeadLetter[];
}

/** A system whose log entries and dead letters are kept. */
export function scene(seed: string, options: SystemOptions = {}): Scene {
  const world = new World(seed);
  const letters: DeadLetter[] = [];
  const entries: LogEntry[] = [];
  const system = world.system("s", {
    onDeadLetter: (letter) => letters.push(letter),
    logger: (entry) => entries.push(entry),
    ...options,
  });
  return { world, system, log: [], entries, letters };
}

/** A reason as a word, with the failure's message. */
export const reasons = (reason: StopReason) =>
  reason.kind === "failed" ? `failed: ${(reason.cause as Error).message}` : reason.kind;

/** What a {@link noting} actor can be told. */
export type Order = { kind: "say"; text: string } | { kind: "throw" } | { kind: "reject" } | { kind: "hang" } | {
  kind: "slow";
  ms: number;
};

/** An actor that notes its life. */
export function noting(log: string[], name = "a"): Behavior<Order> {
  return {
    start: () => void log.push(`${name} start`),
    receive(order, context) {
      switch (order.kind) {
        case "say":
          log.push(`${name} ${order.text}`);
          return;
        case "throw":
          throw new Error("thrown");
        case "reject":
          return new Promise((_, reject) => void context.clock.setTimer(5, () => reject(new Error("rejected"))));
        case "hang":
          return new Promise(() => {});
        case "slow":
          log.push(`${name} slow`);
          return new Promise((resolve) =>
            void context.clock.setTimer(order.ms, () => {
              log.push(`${name} slow end`);
              resolve();
            })
          );
        default:
          return order satisfies never;
      }
    },
    stop: (reason) => void log.push(`${name} stop ${reasons(reason)}`),
  };
}

export const say = (text: string): Order => ({ kind: "say", text });
