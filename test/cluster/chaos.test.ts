import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { takesUpTo } from "../limit.ts";
import { findNatsServer } from "../nats/server.ts";
import { projectRoot } from "../runner/discover.ts";
import { ownRuntime } from "../runner/runtimes.ts";
import { seeds } from "../seeds.ts";
import { skip } from "../skip.ts";
import { ChaosCluster } from "./chaos/chaos_cluster.ts";
import { faults } from "./chaos/fault.ts";

// The only tests that wait in real time: real processes are killed and paused. `npm run chaos` does it for longer.
takesUpTo(900_000);

const program = findNatsServer();
if ("reason" in program) skip(program.reason);
else {
  const chaos = suite("a cluster of real processes");
  const [seed = 1] = seeds(1);
  const runtime = ownRuntime();
  // A process of Deno 2.9.5 that had stopped a child (SIGSTOP) was seen to hang, with no timer firing: Node drives those of Deno.
  if (runtime === "deno") skip("fault 31: members of Deno are driven from Node, and nothing blocks them there");
  for (const [mode, count] of [["aligned", 1], ["unaligned", 2]] as const) {
    if (runtime === "deno") {
      chaos(`faults chosen by a seed lose, repeat and disorder nothing, driven from Node (${mode})`, async () => {
        const { code, said } = await driven(runtime, mode, count, seed);
        assert.is(code, 0, said);
        assert.match(said, /: 0 lost, 0 duplicated, 0 out of order/);
      });
      continue;
    }
    chaos(`faults chosen by a seed lose, repeat and disorder nothing from JetStream to JetStream (${mode})`, async () => {
      const random = new SeededRandom(`${seed} ${mode}`);
      const cluster = await ChaosCluster.start({ runtime, mode, seed });
      const injected: string[] = [];
      try {
        if (mode === "aligned") await blocked(cluster);
        for (let number = 0; number < count; number++) {
          const fault = random.pick(faults);
          injected.push(fault.name);
          await fault.inject(cluster, random);
          await cluster.checkpoints(2);
        }
        const { records, ...wrong } = await cluster.finish();
        assert.ok(records > 0);
        assert.equal(wrong, { lost: 0, duplicated: 0, disordered: 0 }, `seed ${seed}: ${injected.join(", ")}`);
      } finally {
        await cluster.end();
      }
    });
  }

  chaos.run();
}

/** `npm run chaos`: what it said, and how it ended. */
function driven(runtime: string, mode: string, count: number, seed: number): Promise<{ code: number | null; said: string }> {
  const script = fileURLToPath(new URL("chaos/run.ts", import.meta.url));
  const options = ["--runtime", runtime, "--mode", mode, "--faults", String(count), "--seed", String(seed)];
  const child = spawn("node", ["--import", "tsx", script, ...options], { cwd: projectRoot, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Uint8Array) => said += data.toString());
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, said }));
  });
}

/** Fault 31: no lost machine, and the operator is named. */
async function blocked(cluster: ChaosCluster): Promise<void> {
  const before = cluster.attempt;
  await cluster.traffic.send({ blockMs: 2 * cluster.timeoutMs });
  await cluster.until("the operator is named that blocks", () => cluster.blocked.length > 0);
  assert.match(cluster.blocked[0] as string, /blocked for \d+ ms by job keyed: keys/);
  await cluster.checkpoints(2);
  assert.is(cluster.attempt, before);
}
