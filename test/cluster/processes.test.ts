/**
 * Rows 23, 24, 32, 48 and 55 of the fault matrix with real processes: one cluster undergoes them one after the other, and at the
 * end its output is compared with its input.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { takesUpTo } from "../limit.ts";
import { findNatsServer } from "../nats/server.ts";
import { ownRuntime } from "../runner/runtimes.ts";
import { skip } from "../skip.ts";
import { ChaosCluster } from "./chaos/chaos_cluster.ts";
import type { MemberProcess } from "./chaos/member_process.ts";
import { pause } from "./chaos/traffic.ts";

takesUpTo(600_000);

/** So small a heap is soon full. */
const heap = "--max-old-space-size=256";

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const processes = suite("a cluster of real processes, one fault at a time");
  const runtime = ownRuntime();
  const environment = runtime === "node" ? { NODE_OPTIONS: heap } : { DENO_V8_FLAGS: heap };
  const started = ChaosCluster.start({ runtime, mode: "unaligned", seed: 1, recordsPerSecond: 200, environment });
  started.catch(() => {}); // every test shows it
  const failures = (cluster: ChaosCluster) => cluster.events.filter(({ kind }) => kind === "failed").length;

  /** Has one worker's process undergo something by itself, and the job recover on the others. */
  const fatal = async (cluster: ChaosCluster, deed: "hoard" | "forget"): Promise<MemberProcess> => {
    const before = cluster.attempt;
    await cluster.traffic.send({ once: { file: cluster.token(deed), deed } });
    await cluster.until("a worker's process has ended", () => cluster.workers.some(({ ended }) => ended !== undefined));
    await cluster.until("the job runs again", () => cluster.attempt > before);
    await cluster.checkpoints(2);
    return cluster.workers.find(({ ended }) => ended !== undefined) as MemberProcess;
  };
  const again = async (cluster: ChaosCluster, worker: MemberProcess): Promise<void> => {
    worker.start();
    await cluster.until(`${worker.name} takes part`, () => cluster.counts(worker));
  };

  processes("23: while NATS is away workers neither spin nor grow, and afterwards nothing is restarted", async () => {
    const cluster = await started;
    const before = cluster.attempt;
    await cluster.server.kill();
    await pause(1_000); // what was being done is done
    const begin = cluster.workers.map(({ pid }) => usage(pid));
    const away = 4 * cluster.timeoutMs;
    await pause(away);
    const end = cluster.workers.map(({ pid }) => usage(pid));
    await cluster.server.start();
    await cluster.checkpoints(2);
    assert.is(cluster.attempt, before);
    assert.is(failures(cluster), 0);
    for (const worker of cluster.workers) {
      const said = worker.lines.join("\n");
      assert.match(said, /its connection to NATS \(control\) broke.*its connection to NATS \(control\) stands again/s);
    }
    if (process.platform !== "linux") return skip("23: what a process uses is read from /proc");
    for (const [index, { cpuMs, residentMb }] of end.entries()) {
      const used = { cpuMs: cpuMs - (begin[index]?.cpuMs ?? 0), grownMb: residentMb - (begin[index]?.residentMb ?? 0) };
      assert.ok(used.cpuMs < away / 2 && used.grownMb < 64, JSON.stringify(used));
    }
  });

  processes(
    "24: a worker whose connection the server ends, since it does not read, says so, and what was lost is sent again",
    async () => {
      if (runtime === "deno") return skip("24: a process of Deno that has stopped a child was seen to hang");
      const cluster = await started;
      const [worker] = cluster.workers as [MemberProcess];
      const before = cluster.slowConsumers;
      const heard = worker.lines.length;
      worker.pause();
      await cluster.flood(worker);
      worker.resume();
      assert.ok(cluster.slowConsumers > before, "the server has called it a slow consumer");
      const said = /\(data\) broke: .* did not read for long[^]*\(data\) stands again/;
      await cluster.until("it says so", () => said.test(worker.lines.slice(heard).join("\n")));
      await cluster.checkpoints(2);
    },
  );

  processes(
    "48: a rejection that user code forgets ends its process with the reason, and the job goes on elsewhere",
    async () => {
      const cluster = await started;
      const worker = await fatal(cluster, "forget");
      assert.is(worker.ended, 1);
      assert.match(worker.lines.join("\n"), /forgotten by operator keys/);
      await again(cluster, worker);
    },
  );

  processes("32: a worker that runs out of memory ends with a code that says so, and the job goes on elsewhere", async () => {
    if (runtime === "bun") return skip("32: Bun has no limit of its heap that could be set");
    const cluster = await started;
    const worker = await fatal(cluster, "hoard");
    assert.ok([134, "SIGABRT", "SIGTRAP", "SIGILL"].includes(worker.ended as string), `it ended with ${worker.ended}`);
    assert.match(worker.lines.join("\n"), /out of memory/i);
    await again(cluster, worker);
  });

  processes("55: a worker asked to end has its part go on elsewhere, and ends with 0; asked twice it ends at once", async () => {
    const cluster = await started;
    const before = failures(cluster);
    const [first, second] = cluster.workers as [MemberProcess, MemberProcess];
    first.interrupt();
    await cluster.until(`${first.name} has ended`, () => first.ended !== undefined);
    assert.is(first.ended, 0, first.lines.join("\n"));
    await cluster.checkpoints(2);
    assert.is(failures(cluster), before, "nothing failed");
    await again(cluster, first);
    second.interrupt();
    await pause(50); // signals of a kind that come at once are one
    const begin = performance.now();
    second.interrupt();
    await cluster.until(`${second.name} has ended`, () => second.ended !== undefined);
    assert.ok(performance.now() - begin < 10_000);
    assert.ok(second.ended === 130 || second.ended === 0, `it ended with ${second.ended}`); // 0: it had been quick
    await again(cluster, second);
    await cluster.checkpoints(2);
  });

  processes("23, 24, 32, 48, 55: of all that nothing is lost, repeated or out of order", async () => {
    const cluster = await started;
    const { records, ...wrong } = await cluster.finish();
    assert.ok(records > 0);
    assert.equal(wrong, { lost: 0, duplicated: 0, disordered: 0 });
  });

  processes.after(async () => await (await started.catch(() => undefined))?.end());

  processes.run();
}

/** What a process has used of processors so far, and what it holds of memory. */
function usage(pid: number | undefined): { readonly cpuMs: number; readonly residentMb: number } {
  if (process.platform !== "linux") return { cpuMs: 0, residentMb: 0 };
  // Behind the name, which may hold anything: user and system time are the 12th and 13th field, resident pages the 22nd.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ").map(Number);
  return { cpuMs: ((fields[11] ?? 0) + (fields[12] ?? 0)) * 10, residentMb: (fields[21] ?? 0) * 4_096 / 1e6 };
}
