import type { Random } from "../../../actors/random.ts";
import type { ChaosCluster } from "./chaos_cluster.ts";
import type { CutDirection } from "./cut_network.ts";
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

/** Its connections stay, and nothing arrives: worse than one that breaks. */
const cutOff = (role: "worker" | "coordinator", direction: CutDirection): Fault => ({
  name: `cut a ${role} off, ${direction}, for longer than the timeout`,
  inject: async (cluster, random) => {
    const { network } = cluster;
    if (network === undefined) throw new Error("members do not run where they could be cut off");
    const member = role === "worker" ? random.pick(cluster.workers) : cluster.leader ?? random.pick(cluster.coordinators);
    if (role === "worker") await cluster.until(`${member.name} takes part`, () => cluster.counts(member));
    const { leader } = cluster;
    network.cut(member.name, direction);
    await pause(cluster.timeoutMs * 2 + random.int(1_500));
    const noticed = () => role === "worker" ? !cluster.counts(member) : cluster.leader !== leader;
    await cluster.until(`somebody noticed that ${member.name} is cut off, ${direction}`, noticed);
    network.heal(member.name);
  },
});

/** A worker whose connection for data the server breaks, since it does not read what comes. */
const slowConsumer: Fault = {
  name: "a worker is a slow consumer",
  inject: async (cluster, random) => {
    const before = cluster.slowConsumers;
    const worker = random.pick(cluster.workers);
    worker.pause();
    await cluster.flood(worker);
    worker.resume();
    if (cluster.slowConsumers === before) throw new Error("the server has called nobody a slow consumer");
  },
};

/** Faults of the network between members: they need a {@link CutNetwork}. */
export const cuts: readonly Fault[] = [
  cutOff("worker", "both ways"),
  cutOff("worker", "inwards"),
  cutOff("worker", "outwards"),
  cutOff("coordinator", "both ways"),
];

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
  slowConsumer,
];
