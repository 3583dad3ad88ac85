import type { Random } from "../../../actors/random.ts";
import type { ChaosCluster } from "./chaos_cluster.ts";
import { pause } from "./traffic.ts";

/** Something that is done to a cluster. */
export interface Fault {
  readonly name: string;
  readonly inject: (cluster: ChaosCluster, random: Random) => Promise<void>;
}

const killed = (role: "worker" | "coordinator"): Fault => ({
  name: `kill -9 a ${role}`,
  inject: async (cluster, random) => {
    const member = random.pick(role === "worker" ? cluster.workers : cluster.coordinators);
    await member.kill();
    await pause(random.int(1_500));
    member.start();
  },
});

const paused = (role: "worker" | "coordinator"): Fault => ({
  name: `pause a ${role} for longer than the timeout`,
  inject: async (cluster, random) => {
    const member = role === "worker" ? random.pick(cluster.workers) : cluster.leader ?? random.pick(cluster.coordinators);
    member.pause();
    await pause(cluster.timeoutMs * 2 + random.int(1_500));
    member.resume();
  },
});

const serverRestart: Fault = {
  name: "kill -9 nats-server",
  inject: async (cluster, random) => {
    await cluster.server.kill();
    await pause(random.int(3_000));
    await cluster.server.start();
  },
};

const workerInOutage: Fault = {
  name: "kill -9 nats-server and a worker",
  inject: async (cluster, random) => {
    const worker = random.pick(cluster.workers);
    await cluster.server.kill();
    await worker.kill();
    await pause(random.int(1_000));
    await cluster.server.start();
    worker.start();
  },
};

/** What may happen, the more dangerous ones twice. */
export const faults: readonly Fault[] = [
  killed("worker"),
  killed("worker"),
  killed("coordinator"),
  paused("worker"),
  paused("worker"),
  paused("coordinator"),
  serverRestart,
  workerInOutage,
];
