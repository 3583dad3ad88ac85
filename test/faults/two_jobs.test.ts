/** The row of the fault matrix about two jobs that claim one name, or one folder of checkpoints. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { SimulatedMachine, type SimulatedProcess } from "../../actors/simulation/processes.ts";
import { fileStorage, job, type SluiceError } from "../../mod.ts";
import { SimCluster } from "../cluster/sim_cluster.ts";
import { HandSource, nameOf, type Numbered } from "../scenarios/hand_source.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const test = suite("two jobs with one name");

function counting(name: string) {
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  return { source, sink, pipeline: job(name, (flow) => flow.from("in", source).rebalance().to("out", sink)) };
}

/** Starts jobs with their checkpoints in one folder, each as a process of one machine. */
function folder(stage: Stage) {
  return ({ pipeline }: ReturnType<typeof counting>, processes: SimulatedProcess) =>
    stage.start(pipeline, {
      storage: () => fileStorage("state", { disk: stage.process.disk, random: new SeededRandom("52"), processes }),
    });
}

const failure = (promise: Promise<unknown>): Promise<SluiceError> =>
  promise.then(() => assert.unreachable("it was not refused"), (error: SluiceError) => error) as Promise<SluiceError>;

test("fault 52: a second process that runs the same job from the same folder is refused, and harms nothing", async () => {
  const stage = new Stage();
  const start = folder(stage);
  const machine = new SimulatedMachine();
  const first = counting("orders");
  const run = await start(first, machine.start(11));
  first.source.give(10);
  const taken = await stage.settle(run.checkpoint());
  const running = stage.process;
  const before = [...stage.disk.files().keys()].sort();

  for (const [name, process] of [["orders", machine.start(12)], ["invoices", machine.start(13)]] as const) {
    const error = await failure(start(counting(name), process));
    assert.is(error.code, "CHECKPOINTS_IN_USE");
    assert.match(error.message, /state.*process 11 on .*runs job orders with it; stop that process first/);
  }
  assert.equal([...stage.disk.files().keys()].sort(), before, "the refused ones left something, or took it");

  first.source.give(10);
  assert.is(await stage.settle(run.checkpoint()), taken + 1);
  first.source.end();
  await stage.settle(run.finished);
  assert.equal(first.sink.values.map(nameOf).sort(), first.source.records);
  assert.ok(running.alive);
});

test("fault 52: a folder belongs to the job that began in it, also when that one is over", async () => {
  const stage = new Stage();
  const start = folder(stage);
  const machine = new SimulatedMachine();
  const first = counting("orders");
  const run = await start(first, machine.start(11));
  first.source.give(10);
  first.source.end();
  await stage.finish(run);
  const before = [...stage.disk.files()].map(([path, bytes]) => `${path} ${bytes.length}`);
  const error = await failure(start(counting("invoices"), machine.start(12)));
  assert.is(error.code, "CHECKPOINTS_OF_ANOTHER_JOB");
  assert.match(error.message, /checkpoints of job invoices in .*state.*those of job orders; give every job a folder of its own/);
  const after = [...stage.disk.files()].map(([path, bytes]) => `${path} ${bytes.length}`);
  assert.equal(after.filter((file) => !file.includes("/lock")), before.filter((file) => !file.includes("/lock")));
});

test("fault 52: a cluster refuses a second job of that name, before and after its coordinator is replaced", async () => {
  const sim = await SimCluster.start("same name", { records: 1_500 });
  await sim.checkpoints(2);
  for (let coordinator = 0; coordinator < 2; coordinator++) {
    const answer = await sim.ask({ kind: "submit", module: "counting", job: null, options: { parallelism: 1 } });
    assert.match(JSON.stringify(answer), /JOB_EXISTS.*job counting runs already: stop it first, or give the job another name/);
    if (coordinator === 0) sim.leader.process.kill();
  }
  await sim.finish();
  assert.is(sim.count("failed"), 0);
  assert.is((await sim.job()).attempt, 1);
});

test.run();
