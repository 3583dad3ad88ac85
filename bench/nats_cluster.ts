import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../actors/system_clock.ts";
import { systemRandom } from "../actors/system_random.ts";
import type { ChannelOptions } from "../mod.ts";
import { ask } from "../runtime/cluster/client.ts";
import type { Answer, Request } from "../runtime/cluster/message.ts";
import { connectNats, NatsTransport } from "../runtime/nats/mod.ts";
import { NatsServer } from "../test/nats/server.ts";
import { Child } from "./child.ts";
import { processCpuMs } from "./machine.ts";
import { pause } from "./pause.ts";
import type { Figures } from "./report.ts";

/** keyed-count on two workers, in a time box. */
export interface OverNats {
  /** How checkpoints are taken, every second, into a folder that both see; or `none`. */
  readonly mode: string;
  /** Both in seconds. */
  readonly warm: number;
  readonly seconds: number;
  readonly channels?: ChannelOptions;
}

interface WorkerFigures {
  readonly emittedByReader: readonly [number, number];
  readonly records: number;
  readonly counted: number;
}

/** Where processor time goes: the sum over these processes, by name. */
interface Usage {
  readonly wallMs: number;
  readonly cpuMs: readonly number[];
}

/** The processor time of several processes so far. @throws {Error} where the system does not say */
export function usageOf(pids: readonly number[]): Usage {
  const cpuMs = pids.map((pid) => processCpuMs(pid));
  if (cpuMs.some((ms) => ms === undefined)) throw new Error("the processor time of processes is only known on Linux (/proc)");
  return { wallMs: performance.now(), cpuMs: cpuMs as number[] };
}

/**
 * Runs keyed-count on two workers with one slot each (half of the records cross from one to the other) and a server of their own;
 * warms up, measures in a time box, stops the job with a last checkpoint. Processor time is that of workers and server.
 */
export async function runOverNats({ mode, warm, seconds, channels = {} }: OverNats): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const server = await NatsServer.start({ jetstream: true });
  const workers = ["node", "worker"].map((role) => new Child("working", [`w-${role}`, server.url, folder, role]));
  try {
    await using transport = new NatsTransport(await connectNats({ servers: server.url }), { ownsConnection: true });
    const client = { transport, clock: systemClock, random: systemRandom(), cluster: "bench", patienceMs: 30_000 };
    const asking = async (request: Request): Promise<Exclude<Answer, { kind: "refused" }>> => {
      const answer = await ask(client, request);
      if (answer.kind === "refused") throw new Error(`${answer.code}: ${answer.message}`);
      return answer;
    };
    const until = async (reached: (answer: Extract<Answer, { kind: "listing" }>) => boolean): Promise<void> => {
      for (;;) {
        const answer = await asking({ kind: "list" });
        if (answer.kind === "listing" && reached(answer)) return;
        await pause(50);
      }
    };
    const figures = async (): Promise<WorkerFigures[]> => {
      for (const worker of workers) worker.say("figures");
      const lines = await Promise.all(workers.map((worker) => worker.line("figures ")));
      return lines.map((line) => JSON.parse(line.slice("figures ".length)) as WorkerFigures);
    };
    const sum = (of: readonly WorkerFigures[], count: (worker: WorkerFigures) => number) =>
      of.reduce((total, worker) => total + count(worker), 0);
    const emittedBy = (of: readonly WorkerFigures[], reader: 0 | 1) => sum(of, ({ emittedByReader }) => emittedByReader[reader]);
    const emitted = (of: readonly WorkerFigures[]) => emittedBy(of, 0) + emittedBy(of, 1);
    const checkpoints = mode === "none" ? {} : { checkpoints: { mode, intervalMs: 1_000 } };
    await Promise.all(workers.map((worker) => worker.line("joined")));
    await until(({ workers }) => workers.length === 2);
    await asking({ kind: "submit", module: "keyed-count", job: null, options: { parallelism: 2, channels, ...checkpoints } });
    await (workers[0] as Child).line("event started");
    await pause(warm * 1_000);
    const pids = [server.pid ?? NaN, ...workers.map(({ pid }) => pid)];
    const [before, from] = [await figures(), usageOf(pids)];
    await pause(seconds * 1_000);
    const [after, to] = [await figures(), usageOf(pids)];
    await asking({ kind: "stop", job: "keyed-count", savepoint: null });
    await until(({ jobs }) => jobs.every(({ state }) => state === "stopped"));
    const totals = await figures();
    const records = emitted(after) - emitted(before);
    const [totalEmitted, totalSunk] = [emitted(totals), sum(totals, (worker) => worker.records)];
    if (totalEmitted !== totalSunk) throw new Error(`${totalEmitted} records were emitted, ${totalSunk} came to the sinks`);
    const [serverMs = NaN, ...workerMs] = to.cpuMs.map((ms, index) => ms - (from.cpuMs[index] as number));
    const usedMs = workerMs.reduce((total, ms) => total + ms, serverMs);
    const wallMs = to.wallMs - from.wallMs;
    return {
      workload: "nats",
      mode,
      parallelism: 2,
      tms: 2,
      records,
      seconds: wallMs / 1_000,
      recordsPerSecond: Math.round(records / wallMs * 1_000),
      cpuSecondsPerMillion: usedMs / records * 1_000,
      serverCpuSecondsPerMillion: serverMs / records * 1_000,
      cpuCores: usedMs / wallMs,
      ...channels,
      totalEmitted,
      emittedByReader: [emittedBy(totals, 0), emittedBy(totals, 1)],
      counted: sum(totals, (worker) => worker.counted),
      summed: 0,
    };
  } finally {
    for (const worker of workers) await worker.kill();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
