import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ask } from "../../runtime/cluster/client.ts";
import { SimCluster, times } from "./sim_cluster.ts";

const cluster = suite("a cluster of simulated processes");

for (const mode of ["aligned", "unaligned"]) {
  cluster(`a job runs on three workers to its end, each record once (${mode})`, async () => {
    const sim = await SimCluster.start(`whole ${mode}`, { records: 300, mode });
    await sim.finish();
    assert.is(sim.count("failed"), 0);
    await sim.world.pass(500);
    const view = await sim.job();
    assert.is(view.state, "finished");
    assert.equal(sim.workers.flatMap(({ member }) => member.attempts), []);
  });

  cluster(`29: a worker that is killed is replaced within twice the timeout and a second, exactly once (${mode})`, async () => {
    const sim = await SimCluster.start(`killed ${mode}`, { records: 600, mode });
    await sim.checkpoints(3);
    const killedAt = sim.world.clock.monotonic();
    sim.workers[1]?.process.kill();
    await sim.world.run(() => sim.count("started") === 2, { maxMs: 10_000 });
    const tookMs = sim.world.clock.monotonic() - killedAt;
    assert.ok(tookMs <= 2 * times.workerTimeoutMs + 1_000, `it took ${tookMs} ms`);
    await sim.finish();
    assert.is(sim.count("failed"), 1);
  });
}

for (const parallelism of [1, 3]) {
  cluster(`members say how many records each task has read, sent and been given (parallelism ${parallelism})`, async () => {
    const sim = await SimCluster.start(`figures ${parallelism}`, {
      records: 600,
      options: { parallelism, channels: { handOverSteps: 1 } },
    });
    const sum = (of: string, count: "recordsIn" | "recordsOut") =>
      sim.workers.flatMap(({ member }) => member.figures().attempts.flatMap(({ subtasks }) => subtasks))
        .reduce((sum, figure) => figure.task === of ? sum + figure[count] : sum, 0);
    const counts = () => [sum("numbers", "recordsIn"), sum("numbers", "recordsOut"), sum("count", "recordsIn")] as const;
    let [read, sent, given] = counts();
    await sim.world.run(() => {
      [read, sent, given] = counts();
      return read >= 200 && sent === read && given === read;
    }, { maxMs: 10_000 });
    assert.ok(read >= 200 && read < 600, `${read} were read`);
    assert.equal([sent, given, sum("count", "recordsOut")], [read, read, 0], "a sink behind count is in its task");
    await sim.finish();
  });
}

cluster("30: a worker that wakes up after it was replaced reaches nothing, and ends what it ran", async () => {
  const sim = await SimCluster.start("zombie", { records: 900 });
  await sim.checkpoints(3);
  const zombie = sim.workers[2];
  zombie?.process.pause();
  await sim.world.run(() => sim.count("started") === 2, { maxMs: 10_000 });
  await sim.checkpoints(2);
  zombie?.process.resume();
  await sim.world.pass(1_000);
  assert.equal(zombie?.member.attempts, []);
  await sim.finish();
  assert.is(sim.count("failed"), 1);
});

cluster("33: a coordinator that is killed is replaced within the lease time and two seconds, and no task restarts", async () => {
  const sim = await SimCluster.start("coordinator", { records: 1_500 });
  await sim.checkpoints(3);
  const before = sim.leader;
  before.process.kill();
  const killedAt = sim.world.clock.monotonic();
  await sim.checkpoints(1);
  const tookMs = sim.world.clock.monotonic() - killedAt;
  assert.ok(tookMs <= times.leaseMs + 2_000, `it took ${tookMs} ms`);
  assert.ok((sim.leader.member.term ?? 0) > 0);
  await sim.finish();
  assert.is(sim.count("failed"), 0);
  assert.is((await sim.job()).attempt, 1);
});

cluster("33: a coordinator that takes long to load the job's module ends nothing of what runs meanwhile", async () => {
  const sim = await SimCluster.start("slow modules", { records: 3_000, moduleMs: 700 });
  await sim.checkpoints(3);
  sim.leader.process.kill();
  await sim.finish();
  assert.is(sim.count("failed"), 0);
  assert.is((await sim.job()).attempt, 1);
});

cluster("35: of two coordinators that both believe in their lease one completes checkpoints, the other steps down", async () => {
  const sim = await SimCluster.start("two coordinators", { records: 1_500 });
  await sim.checkpoints(3);
  const old = sim.leader;
  old.process.pause();
  await sim.world.run(() => sim.leader !== old && sim.leader.member.term !== undefined, { maxMs: 5_000 });
  await sim.checkpoints(2);
  old.process.resume();
  await sim.world.run(() => old.member.term === undefined, { maxMs: 5_000 });
  await sim.finish();
  const completed = sim.events.flatMap((event) => event.kind === "checkpoint-completed" ? [event.checkpoint] : []);
  assert.equal(completed, [...new Set(completed)].sort((a, b) => a - b));
  assert.is(sim.count("failed"), 0);
});

cluster("a job that a deposed coordinator takes in, before it knows that it is deposed, is run by its successor", async () => {
  const sim = new SimCluster("late submission", { records: 300 });
  for (let count = 0; count < 3; count++) sim.addWorker();
  const { world } = sim;
  const old = sim.addCoordinator();
  await world.run(() => old.member.term !== undefined, { maxMs: 10_000 });
  sim.addCoordinator();
  await world.pass(3 * times.heartbeatMs);
  old.process.pause();
  const client = { transport: world.network.connect("early"), clock: world.clock, random: world.random.fork("early") };
  const options = { parallelism: 3, checkpoints: { intervalMs: 50 } };
  const answer = ask({ ...client, cluster: "test" }, { kind: "submit", module: "counting", job: null, options });
  await world.run(() => sim.leader !== old && sim.leader.member.term !== undefined, { maxMs: 5_000 });
  await world.pass(3 * times.heartbeatMs); // the new one has seen that there is no job
  old.process.resume();
  const answered = await world.run(answer);
  assert.is(answered?.kind, "accepted", JSON.stringify(answered));
  await sim.finish();
});

cluster("36: cut off from its workers a coordinator completes nothing; after the cut they go on", async () => {
  const sim = await SimCluster.start("cut", { records: 1_200 });
  await sim.checkpoints(3);
  const heal = sim.world.network.cut(["c1-control", "c2-control"], sim.workers.flatMap(({ connections }) => connections));
  await sim.world.pass(100);
  const before = sim.count("checkpoint-completed");
  await sim.world.pass(1_500);
  assert.is(sim.count("checkpoint-completed"), before);
  heal();
  await sim.finish();
});

cluster("37: a worker that hears nobody but is heard is found out by its channels or its orders", async () => {
  const sim = await SimCluster.start("one way", { records: 900 });
  await sim.checkpoints(3);
  const others = ["c1-control", "c2-control", "w2-control", "w2-data", "w3-control", "w3-data"];
  const heal = sim.world.network.cut(others, sim.workers[0]?.connections ?? [], { oneWay: true });
  await sim.world.pass(2_000);
  heal();
  await sim.finish();
});

cluster("22: a broker that is away for three seconds restarts no job and loses nothing", async () => {
  const sim = await SimCluster.start("broker", { records: 1_500 });
  await sim.checkpoints(3);
  const back = sim.world.network.disconnect();
  await sim.world.pass(3_000);
  back();
  await sim.finish();
  assert.is(sim.count("failed"), 0);
});

cluster("a stop ends with a checkpoint, also when the coordinator dies; submitted again the job goes on from it", async () => {
  const sim = await SimCluster.start("stop", { records: 900 });
  await sim.checkpoints(3);
  assert.is((await sim.ask({ kind: "stop", job: "counting", savepoint: null })).kind, "accepted");
  await sim.world.run(() => sim.count("finished") === 1, { maxMs: 10_000 });
  await sim.world.pass(500);
  assert.is((await sim.job()).state, "stopped");
  const seen = sim.out.values.length;
  assert.ok(seen > 0 && seen < 900, `${seen} records`);
  sim.events.length = 0;
  await sim.submit({ parallelism: 3, checkpoints: { intervalMs: 50 } });
  await sim.finish();
});

cluster("a cancelled job ends at once, and its workers run nothing any more", async () => {
  const sim = await SimCluster.start("cancel", { records: 9_000 });
  await sim.checkpoints(2);
  assert.is((await sim.ask({ kind: "cancel", job: "counting" })).kind, "accepted");
  await sim.world.run(() => sim.count("given-up") === 1, { maxMs: 10_000 });
  await sim.world.pass(1_000);
  assert.is((await sim.job()).state, "cancelled");
  assert.equal(sim.workers.flatMap(({ member }) => member.attempts), []);
});

cluster("a job is cancelled at whatever moment of its deployment", async () => {
  for (let waitMs = 0; waitMs < 40; waitMs += 4) {
    const sim = await SimCluster.start(`cancel after ${waitMs}`, { records: 9_000 });
    await sim.world.pass(waitMs);
    assert.is((await sim.ask({ kind: "cancel", job: "counting" })).kind, "accepted");
    await sim.world.pass(3_000);
    assert.is((await sim.job()).state, "cancelled", `cancelled after ${waitMs} ms`);
    assert.equal(sim.workers.flatMap(({ member }) => member.attempts), []);
  }
});

cluster.run();
