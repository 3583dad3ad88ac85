import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inspect } from "../../mod.ts";
import type { Request } from "../../runtime/cluster/message.ts";
import { SimCluster } from "./sim_cluster.ts";

const savepoints = suite("savepoints on a simulated cluster");

/** What is answered, or the code of what is refused. */
async function asked(sim: SimCluster, request: Request) {
  const answer = await sim.ask(request);
  if (answer.kind === "refused") return `${answer.code}: ${answer.message}`;
  assert.is(answer.kind, "savepoint", JSON.stringify(answer));
  return answer as Extract<typeof answer, { kind: "savepoint" }>;
}

async function taken(sim: SimCluster, request: Request) {
  const answer = await asked(sim, request);
  if (typeof answer === "string") throw new Error(answer);
  return answer;
}

/** Opens a snapshot, and says how many records have been counted in it. */
async function opened(sim: SimCluster, folder: string) {
  const open = async () => {
    const seen = await inspect(folder, { disk: sim.disk });
    let counted = 0;
    for await (const { kind, value } of seen.entries("count")) if (kind === "value") counted += value as number;
    const { checkpoint, channels } = seen;
    assert.equal([...new Set(channels.map(({ edge }) => edge))].filter((edge) => edge !== "numbers->count"), []);
    return { checkpoint, channels, counted };
  };
  const found = await sim.world.run(open());
  if (found === undefined) throw new Error("the simulation stands still");
  return found;
}

for (const mode of ["aligned", "unaligned"] as const) {
  savepoints(`one is taken while the job goes on, with a mode of its own (${mode}), and is started from elsewhere`, async () => {
    const sim = await SimCluster.start(`taken ${mode}`, { records: 500, mode: mode === "aligned" ? "unaligned" : "aligned" });
    await sim.checkpoints(3);
    const { location, checkpoint, job } = await taken(sim, { kind: "savepoint", job: "counting", place: "first", mode });
    assert.is(location, "state/counting/savepoints/first");
    assert.is(job, "counting");
    const seen = await opened(sim, location);
    assert.is(seen.checkpoint, checkpoint);
    if (mode === "aligned") assert.equal(seen.channels, []);
    await sim.checkpoints(2);
    await sim.finish();
    assert.is(sim.count("failed"), 0);
    // It is whole by itself, wherever it is.
    await sim.move(location, "elsewhere/moved");
    sim.events.length = 0;
    await sim.submit({ parallelism: 2, checkpoints: { intervalMs: 50 }, from: "elsewhere/moved" });
    await sim.finish();
    const started = sim.events.find((event) => event.kind === "started");
    assert.is(started?.kind === "started" && started.location, "elsewhere/moved");
  });

  savepoints(`a stop writes its last checkpoint as one, and the next job goes on from exactly there (${mode})`, async () => {
    const sim = await SimCluster.start(`stopped ${mode}`, { records: 500 });
    await sim.checkpoints(3);
    const { location } = await taken(sim, { kind: "stop", job: "counting", savepoint: { place: "last", mode } });
    await sim.world.run(() => sim.count("finished") === 1, { maxMs: 10_000 });
    await sim.world.pass(300);
    assert.is((await sim.job()).state, "stopped");
    const before = sim.out.values.length;
    assert.ok(before > 0 && before < 500);
    sim.events.length = 0;
    // Under the same name: what is asked for counts, not the latest checkpoint.
    await sim.submit({ parallelism: 3, checkpoints: { intervalMs: 50 }, from: "last" });
    await sim.finish();
    const started = sim.events.find((event) => event.kind === "started");
    assert.is(started?.kind === "started" && started.location, location);
  });
}

savepoints(
  "a job submitted again under its name starts from an older savepoint that it is told, also after failures",
  async () => {
    const sim = await SimCluster.start("older", { records: 700 });
    await sim.checkpoints(3);
    const { checkpoint } = await taken(sim, { kind: "savepoint", job: "counting", place: "old", mode: "aligned" });
    await sim.checkpoints(2);
    assert.is((await sim.ask({ kind: "cancel", job: "counting" })).kind, "accepted");
    await sim.world.pass(1_000);
    sim.events.length = 0;
    await sim.submit({ parallelism: 3, checkpoints: { intervalMs: 400 }, from: "old" });
    await sim.world.run(() => sim.count("started") === 1, { maxMs: 10_000 });
    sim.workers[0]?.process.kill();
    sim.addWorker();
    await sim.world.run(() => sim.count("started") === 2, { maxMs: 10_000 });
    const from = sim.events.flatMap((event) => event.kind === "started" ? [event.checkpoint] : []);
    assert.equal(from, [checkpoint, checkpoint]);
    sim.leader.process.kill();
    await sim.finish();
  },
);

for (const [what, place] of [["savepoint", "once"], ["stop", "end"]] as const) {
  savepoints(`a ${what} with a savepoint outlives its coordinator, and is answered by the next one, once`, async () => {
    for (let waitMs = 0; waitMs <= 40; waitMs += 8) {
      const sim = await SimCluster.start(`${what} taken over ${waitMs}`, { records: 2_000 });
      await sim.checkpoints(2);
      const request: Request = what === "stop"
        ? { kind: "stop", job: "counting", savepoint: { place, mode: "unaligned" } }
        : { kind: "savepoint", job: "counting", place, mode: "unaligned" };
      const leader = sim.leader;
      sim.world.clock.setTimer(waitMs, () => leader.process.kill());
      const { location, checkpoint } = await taken(sim, request);
      assert.is((await opened(sim, location)).checkpoint, checkpoint, `${waitMs} ms`);
      assert.is(sim.count("failed"), 0, `${waitMs} ms`);
      if (what === "savepoint") continue;
      await sim.world.pass(1_000);
      const view = await sim.job();
      assert.equal([view.state, view.checkpoint], ["stopped", checkpoint], `${waitMs} ms`);
    }
  });
}

savepoints("one that a failure of the job interrupts is taken after the restart", async () => {
  const sim = await SimCluster.start("failing", { records: 700 });
  await sim.checkpoints(2);
  sim.workers[1]?.process.pause();
  const { location } = await taken(sim, { kind: "savepoint", job: "counting", place: "late", mode: "aligned" });
  assert.is(sim.count("failed"), 1);
  assert.ok((await opened(sim, location)).counted > 0);
  sim.workers[1]?.process.resume();
  await sim.finish();
});

savepoints("what cannot be is refused before anything is stopped or run", async () => {
  const sim = await SimCluster.start("refused", { records: 500 });
  await sim.checkpoints(2);
  const there = await taken(sim, { kind: "savepoint", job: "counting", place: "there", mode: null });
  const cases: readonly (readonly [Request, RegExp])[] = [
    [{ kind: "savepoint", job: "counting", place: "there", mode: null }, /^SAVEPOINT_EXISTS: .*manifest\.json is there already/],
    [{ kind: "stop", job: "counting", savepoint: { place: there.location, mode: null } }, /^SAVEPOINT_EXISTS/],
    [{ kind: "savepoint", job: "counting", place: "..", mode: null }, /^BAD_SAVEPOINT_PATH: ".." is no place/],
    [
      { kind: "savepoint", job: "counting", place: "nats:/counting/x", mode: null },
      /^BAD_SAVEPOINT_PATH: .*keeps nothing in NATS/,
    ],
    [{ kind: "savepoint", job: "nobody", place: "x", mode: null }, /^JOB_UNKNOWN/],
    [
      { kind: "submit", module: "counting", job: "other", options: { from: "nothing" } },
      /^SAVEPOINT_UNKNOWN: .*state\/other\/savepoints/,
    ],
    [{ kind: "submit", module: "counting", job: "other", options: { from: 7 } }, /^CHECKPOINT_UNKNOWN: .*there are: none/],
    [
      { kind: "submit", module: "renamed", job: "other", options: { from: there.location } },
      /^CHECKPOINT_MISMATCH: cannot restore job other from .*state of operators that the job no longer has: count/,
    ],
  ];
  for (const [request, says] of cases) {
    const answer = await sim.ask(request);
    assert.is(answer.kind, "refused", JSON.stringify(request));
    assert.match(answer.kind === "refused" ? `${answer.code}: ${answer.message}` : "", says);
  }
  assert.is((await sim.job()).state, "running");
  await sim.finish();
  await sim.world.pass(300);
  assert.match(await asked(sim, { kind: "savepoint", job: "counting", place: "after", mode: null }) as string, /^RUN_ENDED/);
});

savepoints("a plan of the restore is told while the old job runs: what goes where, and what has no home", async () => {
  const sim = await SimCluster.start("planned", { records: 500 });
  await sim.checkpoints(2);
  await taken(sim, { kind: "savepoint", job: "counting", place: "now", mode: "unaligned" });
  const plan = async (module: string, options: Readonly<Record<string, unknown>>) => {
    const answer = await sim.ask({ kind: "plan", module, job: "counting", options: { parallelism: 2, ...options } });
    if (answer.kind !== "plan") throw new Error(JSON.stringify(answer));
    return answer.plan;
  };
  const fits = await plan("counting", { from: "now" });
  assert.equal(fits?.problems, []);
  const count = fits?.operators.find(({ uid }) => uid === "count");
  assert.equal([count?.action, count?.oldParallelism, count?.parallelism], ["restored", 3, 2]);
  assert.is((await plan("counting", {}))?.location.startsWith("state/counting/chk-"), true);
  const differs = await plan("renamed", { from: "now" });
  assert.match(differs?.problems.join("; ") ?? "", /state of operators that the job no longer has: count/);
  const dropped = await plan("renamed", { from: "now", allowDropped: true });
  assert.equal(dropped?.problems, []);
  assert.ok((dropped?.warnings.length ?? 0) > 0);
  await sim.finish();
  assert.is(sim.count("failed"), 0);
});

savepoints.run();
