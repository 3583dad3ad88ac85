/**
 * Faults in a cluster of real processes: `npm run chaos -- --faults 20 --mode unaligned`. The last line counts what was lost,
 * duplicated or out of order; the exit code is 1 when anything was. `--holds` first measures one fault of each kind; `--only`
 * takes faults with a text in their name.
 */
import { parseArgs } from "node:util";
import { SeededRandom } from "../../../actors/seeded_random.ts";
import { provideNatsServer } from "../../nats/server.ts";
import { type RuntimeName, runtimeNames } from "../../runner/discover.ts";
import { ownRuntime } from "../../runner/runtimes.ts";
import { ChaosCluster } from "./chaos_cluster.ts";
import { cannotCut, CutNetwork } from "./cut_network.ts";
import { cuts, faults } from "./fault.ts";
import { recoveryTimes } from "./recovery_times.ts";

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "20" },
    mode: { type: "string", default: "unaligned" },
    runtime: { type: "string", default: ownRuntime() },
    seed: { type: "string", default: "1" },
    rate: { type: "string", default: "500" },
    holds: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    verbose: { type: "boolean", default: false },
  },
});
const { mode, runtime } = values;
if ((mode !== "aligned" && mode !== "unaligned") || !(runtimeNames as readonly string[]).includes(runtime)) {
  console.error("--mode takes aligned or unaligned, --runtime node, deno or bun");
  process.exit(2);
}
const program = provideNatsServer(console.error);
if ("reason" in program) {
  console.error(program.reason);
  process.exit(2);
}
const uncut = cannotCut();
if (uncut !== undefined) console.error(`NOTE: no member is cut off from the others: ${uncut}`);
const possible = (uncut === undefined ? [...faults, ...cuts] : faults).filter(({ name }) => name.includes(values.only));
if (possible.length === 0) {
  console.error(`no fault has ${JSON.stringify(values.only)} in its name`);
  process.exit(2);
}
const seed = Number(values.seed);
const random = new SeededRandom(`${seed}`).fork("faults");
const cluster = await ChaosCluster.start({
  runtime: runtime as RuntimeName,
  mode,
  seed,
  network: uncut === undefined ? CutNetwork.make() : undefined,
  recordsPerSecond: Number(values.rate),
  ...(values.verbose ? { say: (line: string) => console.log(`  ${(performance.now() / 1_000).toFixed(2)} ${line}`) } : {}),
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void cluster.end().finally(() => process.exit(130)));
}
let failed = true;
try {
  if (values.holds) {
    for (const { fault, tookMs, limitMs, restarts, restartsAllowed } of await recoveryTimes(cluster)) {
      const good = tookMs <= limitMs && restarts <= restartsAllowed;
      console.log(`${good ? "ok" : "NOT OK"}: ${fault} after ${tookMs.toFixed(0)} ms (limit ${limitMs}), ${restarts} restarts`);
    }
  }
  for (let number = 1; number <= Number(values.faults); number++) {
    const fault = random.pick(possible);
    const begin = performance.now();
    await fault.inject(cluster, random);
    await cluster.checkpoints(2);
    const tookMs = performance.now() - begin;
    console.log(`fault ${number}: ${fault.name}; two checkpoints later ${tookMs.toFixed(0)} ms, attempt ${cluster.attempt}`);
  }
  const { records, lost, duplicated, disordered } = await cluster.finish();
  failed = lost + duplicated + disordered > 0;
  console.log(
    `${runtime}, ${mode}, seed ${seed}: ${values.faults} faults, ${records} records, attempt ${cluster.attempt}: ` +
      `${lost} lost, ${duplicated} duplicated, ${disordered} out of order`,
  );
} finally {
  await cluster.end();
}
process.exit(failed ? 1 : 0);
