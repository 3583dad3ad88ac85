import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SluiceError } from "../../mod.ts";
import { ask } from "../../runtime/cluster/client.ts";
import { Answer, openMessage, protocolVersion, sealMessage } from "../../runtime/cluster/message.ts";
import { clientSubject, coordinatorSubject, workerSubject } from "../../runtime/cluster/names.ts";
import { SimCluster, times } from "./sim_cluster.ts";

const live = suite("a running cluster that changes");

for (const mode of ["aligned", "unaligned"]) {
  live(`a job is rescaled by uid and as a whole, and keeps that under another coordinator (${mode})`, async () => {
    const sim = await SimCluster.start(`rescaled ${mode}`, { records: 2_000, mode });
    await sim.checkpoints(2);
    assert.is((await sim.ask({ kind: "rescale", job: "counting", parallelism: { count: 2, out: 2 } })).kind, "accepted");
    await sim.world.run(() => sim.count("started") === 2, { maxMs: 10_000 });
    sim.leader.process.kill();
    await sim.checkpoints(2);
    assert.is((await sim.ask({ kind: "rescale", job: "counting", parallelism: 1 })).kind, "accepted");
    await sim.world.run(() => sim.count("started") === 4, { maxMs: 10_000 }); // one of them by adoption
    await sim.finish();
    assert.is(sim.count("failed"), 0);
  });
}

live("what cannot be: another parallelism than there are key groups, a job that is over or unknown", async () => {
  const sim = await SimCluster.start("refused", { records: 200 });
  const code = async (request: Parameters<SimCluster["ask"]>[0]) => {
    const answer = await sim.ask(request);
    return answer.kind === "refused" ? answer.code : answer.kind;
  };
  assert.is(await code({ kind: "rescale", job: "counting", parallelism: { count: 999 } }), "BAD_PARALLELISM");
  assert.is(await code({ kind: "rescale", job: "counting", parallelism: { nobody: 2 } }), "BAD_PARALLELISM");
  assert.is(await code({ kind: "stop", job: "nobody", savepoint: null }), "JOB_UNKNOWN");
  await sim.finish();
  await sim.world.pass(500);
  assert.is(await code({ kind: "rescale", job: "counting", parallelism: 2 }), "RUN_ENDED");
});

live("55: workers that leave one after the other have their parts go on elsewhere: no failure, nothing replayed", async () => {
  const sim = await SimCluster.start("rolling", { records: 2_500 });
  await sim.checkpoints(2);
  for (const old of sim.workers.slice(0, 3)) {
    sim.addWorker();
    await sim.world.pass(3 * times.heartbeatMs);
    let left = false;
    void old.member.leave(20_000).then(() => old.member.close()).then(() => left = true);
    await sim.world.run(() => left, { maxMs: 20_000 });
    old.process.kill();
    await sim.checkpoints(2);
  }
  const { workers } = await sim.job();
  assert.equal(workers.filter((name) => ["w1", "w2", "w3"].includes(name)), []);
  await sim.finish();
  assert.is(sim.count("failed"), 0);
});

live("31: a worker whose thread says that it is blocked is not taken for lost, and is listed with the operator", async () => {
  const sim = await SimCluster.start("blocked", { records: 1_500 });
  await sim.checkpoints(2);
  const worker = sim.workers[1];
  worker?.process.pause();
  const thread = sim.world.network.connect("w2-watchdog");
  const blocked = {
    version: protocolVersion,
    kind: "blocked",
    worker: "w2",
    blockedMs: 300,
    place: "job counting: count",
  } as const;
  for (let passed = 0; passed < 4 * times.workerTimeoutMs; passed += times.heartbeatMs) {
    thread.publish(coordinatorSubject("test"), sealMessage(blocked));
    await sim.world.pass(times.heartbeatMs);
  }
  const answer = await sim.ask({ kind: "list" });
  assert.is(
    answer.kind === "listing" && answer.workers.find(({ worker: name }) => name === "w2")?.blocked,
    "job counting: count",
  );
  worker?.process.resume();
  await sim.finish();
  assert.is(sim.count("failed"), 0);
});

live("18: a record that fails again and again is skipped on a cluster as in one process, and said", async () => {
  const sim = await SimCluster.start("poison", {
    records: 600,
    poison: 100,
    options: { poison: { policy: "skip", afterFailures: 2 }, restart: { kind: "fixed-delay", delayMs: 10, maxRestarts: 10 } },
  });
  await sim.world.run(() => sim.count("finished") > 0 || sim.count("given-up") > 0, { maxMs: 60_000 });
  assert.is(sim.count("given-up"), 0);
  assert.is(sim.count("failed"), 2);
  const skipped = sim.events.find((event) => event.kind === "record-skipped");
  assert.is(skipped?.kind === "record-skipped" && skipped.uid, "count");
  const seen = sim.out.values.map((text) => Number(text.split(":")[0])).sort((a, b) => a - b);
  assert.equal(seen, Array.from({ length: 600 }, (_, n) => n).filter((n) => n !== 100));
});

const speaks = (who: string) =>
  `${who} speaks version 2 of the cluster's protocol, and this side version 1: all members and commands of a cluster need the ` +
  "same version of Sluice";

live("53: a worker or a coordinator of another version is refused in words, once, and does no harm", async () => {
  const sim = await SimCluster.start("versions", { records: 600 });
  const stranger = sim.world.network.connect("stranger");
  const report = { version: 2, kind: "report", worker: "w9", seq: 1, term: 99, slots: 8, attempts: [] };
  const order = { version: 2, kind: "order", coordinator: "c9", term: 99, seq: 1, jobs: [] };
  for (let beats = 0; beats < 5; beats++) {
    stranger.publish(coordinatorSubject("test"), sealMessage(report as never));
    await sim.world.pass(20);
  }
  const leader = sim.leader.process;
  assert.is(leader.alive, true);
  const said = (text: string) => sim.said.filter(({ message }) => message.includes(text));
  assert.is(said(`a report was dropped: ${speaks("worker w9")}`).length, 2, "each of the two coordinators says it once");
  for (let beats = 0; beats < 3; beats++) stranger.publish(workerSubject("test", "w1"), sealMessage(order as never));
  stranger.publish(coordinatorSubject("test"), new Uint8Array([1, 2, 3]));
  await sim.world.run(() => sim.workers[0]?.member.figures().health === "DEGRADED", { maxMs: 1_000 });
  assert.equal(sim.workers[0]?.member.troubles, [speaks("coordinator c9")]);
  assert.is(said(`an order was dropped: ${speaks("coordinator c9")}`).length, 1);
  const answer = await sim.ask({ kind: "list" });
  assert.equal(answer.kind === "listing" && answer.workers.map(({ worker }) => worker).sort(), ["w1", "w2", "w3"]);
  await sim.finish();
  assert.is(sim.workers[0]?.member.figures().health, "OK", "its own coordinator orders again");
  assert.is(sim.count("failed"), 0);
});

live("53: a command and a coordinator of different versions say so at once, whichever is newer", async () => {
  const sim = await SimCluster.start("versions of commands", { records: 200 });
  const { world } = sim;
  const newer = world.network.connect("newer-command");
  const question = { version: 2, kind: "list", id: "q" };
  const answer = await world.run(newer.request(clientSubject("test"), sealMessage(question as never), 5_000));
  const opened = openMessage(Answer, answer as Uint8Array, 1_000_000);
  assert.equal(opened.kind === "message" && opened.message, {
    version: protocolVersion,
    kind: "refused",
    code: "PROTOCOL_DIFFERS",
    message: `the question could not be read: ${speaks("the other side")}`,
  });
  const coordinator = world.network.connect("newer-coordinator");
  coordinator.subscribe(clientSubject("next"), ({ replyTo }) => {
    coordinator.publish(replyTo as string, sealMessage({ version: 2, kind: "refused", code: "X", message: "?" } as never));
  });
  const begin = world.clock.monotonic();
  const client = { transport: world.network.connect("client"), clock: world.clock, random: world.random.fork("client") };
  const asked = ask({ ...client, cluster: "next" }, { kind: "list" }).then(() => undefined, (error: SluiceError) => error);
  const error = await world.run(asked) as SluiceError;
  assert.is(error.code, "PROTOCOL_DIFFERS");
  assert.is(error.message, `cluster next: ${speaks("the other side")}`);
  assert.ok(world.clock.monotonic() - begin < 1_000);
  await sim.finish();
});

live.run();
