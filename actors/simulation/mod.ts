/**
 * A simulated world for actors: time that passes only from event to event, chance from one seed, a network that delays, loses,
 * duplicates and parts, a disk that forgets what a power failure may take. The same seed gives the same run, in every runtime.
 *
 * ```ts run
 * import { type ActorRef } from "sluice/actors";
 * import { World } from "sluice/actors/simulation";
 *
 * const world = new World("seed 1");
 * const system = world.system("app");
 * const rings: string[] = [];
 * const clock: ActorRef<"ring"> = system.spawn<"ring">("alarm", () => ({
 *   start: (context) => void context.setTimer(3_600_000, "ring"),
 *   receive: () => void rings.push(`after ${world.clock.monotonic()} ms`),
 * }));
 *
 * await world.run(() => rings.length > 0); // an hour, in no time
 * console.log(`${clock.address.path} rings ${rings[0]}`);
 * await world.run(system.shutdown());
 * ```
 *
 * prints
 *
 * ```text output
 * alarm rings after 3600000.… ms
 * ```
 *
 * @module
 */

export { settled, VirtualClock } from "./clock.ts";
export { SimulatedDisk } from "./disk.ts";
export { SimulatedNetwork } from "./network.ts";
export { SimulatedProcess } from "./process.ts";
export { Trace } from "./trace.ts";
export { World } from "./world.ts";

export type { VirtualClockOptions } from "./clock.ts";
export type { DiskAction, DiskCounts, DiskFaultRates, DiskOperation, SimulatedDiskOptions } from "./disk.ts";
export type { NetworkCounts, NetworkFaults, SimulatedNetworkOptions } from "./network.ts";
export type { RunLimits, WorldOptions } from "./world.ts";
