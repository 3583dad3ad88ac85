import type { Behavior, SpawnOptions } from "../../actors/behavior.ts";
import type { ActorRef } from "../../actors/ref.ts";
import { World } from "../../actors/simulation/world.ts";
import type { SupervisionOptions } from "../../actors/supervisor.ts";

/** What a child can be told. */
export type Order = "crash" | "finish" | "ping";

/** A supervisor with named children that note their lives. */
export function family(seed: string, options: SupervisionOptions, children: Record<string, SpawnOptions>) {
  const world = new World(seed);
  const system = world.system("s");
  const log: string[] = [];
  const refs: Record<string, ActorRef<Order>> = {};
  const child = (name: string): Behavior<Order> => ({
    start: () => void log.push(`+${name}`),
    receive(order, context) {
      if (order === "crash") throw new Error(`${name} crashed`);
      if (order === "finish") context.stop();
      if (order === "ping") log.push(`${name} pong`);
    },
    stop: () => void log.push(`-${name}`),
  });
  const parent = system.spawn<string>("parent", () => ({
    start(context) {
      for (const [name, spawn] of Object.entries(children)) refs[name] = context.spawn(name, () => child(name), spawn);
    },
    receive(name, context) {
      context.stop(refs[name]);
    },
  }), { supervision: options });
  const after = async (act: () => void, ms = 2000): Promise<string> => {
    await world.pass(50);
    log.length = 0;
    act();
    await world.pass(ms);
    return log.join(" ");
  };
  return { world, system, log, refs, parent, after };
}

export const permanent: SpawnOptions = { restart: "permanent" };
