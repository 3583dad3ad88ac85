import type { ChaosCluster } from "./chaos_cluster.ts";
import { pause } from "./traffic.ts";

/** How long a cluster took to get over one fault of each kind, and what it had to restart. */
export interface RecoveryTime {
  readonly fault: string;
  readonly tookMs: number;
  readonly limitMs: number;
  readonly restarts: number;
  readonly restartsAllowed: number;
}

/** Measures one of each: what `docs/cluster.md` promises, in figures. */
export async function recoveryTimes(cluster: ChaosCluster): Promise<readonly RecoveryTime[]> {
  const { timeoutMs } = cluster;
  const times: RecoveryTime[] = [];
  const measure = async (fault: string, limitMs: number, restartsAllowed: number, work: () => Promise<void>): Promise<void> => {
    await cluster.checkpoints(2);
    const before = cluster.attempt;
    const begin = performance.now();
    await work();
    const tookMs = performance.now() - begin;
    await cluster.checkpoints(2);
    times.push({ fault, tookMs, limitMs, restarts: cluster.attempt - before, restartsAllowed });
  };
  await measure("worker killed: the next attempt processes", 2 * timeoutMs + 1_000, 1, async () => {
    const started = cluster.next("started");
    await cluster.workers[0]?.kill();
    await started;
  });
  cluster.workers[0]?.start();
  await pause(5_000);
  await measure("coordinator killed: the next checkpoint is complete", timeoutMs + 2_000, 0, async () => {
    const leader = cluster.leader;
    await leader?.kill();
    await cluster.next("checkpoint-completed");
    leader?.start();
  });
  await measure("nats-server away for 3 s: a checkpoint is complete", 3_000 + 5_000, 0, async () => {
    await cluster.server.kill();
    await pause(3_000);
    await cluster.server.start();
    await cluster.next("checkpoint-completed");
  });
  return times;
}
