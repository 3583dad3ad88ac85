/**
 * The random jobs of the engine's own simulation, as a user would simulate them: in one process and on a cluster, under every
 * kind of fault of the public module, against a run without faults and against a plain loop.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import type { Job } from "../../mod.ts";
import { type Deployment, simulate, type SimulationReport } from "../../runtime/simulation/mod.ts";
import { takesUpTo } from "../limit.ts";
import { seeds } from "../seeds.ts";
import { Faults } from "../simulation/faults.ts";
import { type RandomJob, randomJob } from "../simulation/random_job.ts";
import type { SimRecord } from "../simulation/record.ts";

takesUpTo(600_000);

/**
 * The job of a seed, made anew wherever a process starts. Nothing in it fails by itself, and nothing waits for the wall clock,
 * which may be set back by an hour.
 */
function drawn(seed: number): RandomJob {
  const random = new SeededRandom(`random job ${seed}`);
  const limits = {
    maxRecords: 24,
    slowestMs: 1,
    chain: false,
    edgeModes: random.fork("edges").chance(0.25),
    loopChance: random.fork("loops").chance(0.5) ? 0.4 : 0,
    rescales: true,
    returns: false,
    feedbackBytes: undefined,
  };
  const wakeAtOnce = (_delayMs: number, wake: () => void) => wake(); // a slow operator is asynchronous here, and no more
  for (let draw = 0;; draw++) {
    const made = randomJob(random.fork(`${draw}`), new Faults(), limits, wakeAtOnce);
    if (made.graph.operators.every(({ kind }) => kind !== "alarm")) return made;
  }
}

const idsOf = (records: readonly unknown[]) => (records as readonly SimRecord[]).map(({ id, tags }) => `${id}${tags}`).sort();

const test = suite("random jobs through sluice/simulation");

const inFlight = { captured: 0, restored: 0 };

function simulated(deployment: Deployment, seed: number, seeds: number): Promise<SimulationReport> {
  const made: RandomJob[] = [];
  return simulate(({ seed }) => {
    const one = drawn(seed);
    made.push(one);
    return { graph: one.graph, name: one.graph.name, parallelism: undefined } as unknown as Job;
  }, {
    seed,
    seeds,
    deployments: [deployment],
    check({ seed, outputs }) {
      const { expected, graph } = drawn(seed);
      const sink = graph.operators.find(({ role }) => role.kind === "sink")?.id as string;
      assert.equal(idsOf(outputs[sink] ?? []), expected.toSorted());
      const said = made.splice(0).flatMap(({ disorder, sink: { problems } }) => [...disorder, ...problems]);
      assert.equal(said, []);
    },
  });
}

for (const [deployment, node, elsewhere] of [["process", 60, 30], ["cluster", 24, 8]] as const) {
  test(`${deployment}: they give what a plain loop gives`, async () => {
    const all = seeds(node, elsewhere);
    const report = await simulated(deployment, all[0] as number, all.length);
    inFlight.captured += report.captured;
    inFlight.restored += report.restored;
    console.log(
      `  ${report.seeds} seeds, ${report.checkpoints} checkpoints, ${report.captured} captured, ${report.restored} restored`,
    );
  });
}

/**
 * Jobs that did not end. Barriers of checkpoints that were over kept subtasks from their records; a new coordinator was not told
 * that a loop had run dry before it came; a power failure struck a process in its last moments.
 */
for (const [deployment, seed] of [["process", 207_890_010], ["cluster", 207_880_003], ["process", 207_890_034]] as const) {
  test(`${deployment}: the job of seed ${seed} ends`, () => simulated(deployment, seed, 1).then(() => {}));
}

test("records in flight were captured, and put back", () => {
  assert.ok(inFlight.captured > 0 && inFlight.restored > 0, JSON.stringify(inFlight));
});

test.run();
