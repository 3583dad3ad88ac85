/** The rows of the fault matrix about members of a cluster, and about the broker between them, in virtual time. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SluiceError } from "../../mod.ts";
import { decodeJobEntry } from "../../runtime/cluster/job_entry.ts";
import { absentStore } from "../cluster/absent_store.ts";
import { SimCluster } from "../cluster/sim_cluster.ts";

const test = suite("faults of members and of the broker");
const minuteMs = 60_000;

test("fault 23: the broker is away for five minutes: nothing spins or grows, all members say so, and all goes on", async () => {
  let isAway = false;
  const sim = await SimCluster.start("five minutes", {
    records: 4_000,
    ratePerSecond: 2_000,
    times: { heartbeatMs: 1_000, workerTimeoutMs: 5_000, leaseMs: 5_000, orphanMs: 20_000 },
    keyValue: (store) => absentStore(store, () => isAway),
  });
  await sim.checkpoints(3);
  const { network } = sim.world;
  const read = () =>
    sim.workers.flatMap(({ member }) => member.figures().attempts.flatMap(({ subtasks }) => subtasks)).reduce(
      (sum, { task, recordsIn }) => task === "numbers" ? sum + recordsIn : sum,
      0,
    );
  const healths = () => sim.workers.map(({ member }) => member.figures().health);
  assert.equal(healths(), ["OK", "OK", "OK"]);

  isAway = true;
  const back = network.disconnect();
  const minutes: { readonly lost: number; readonly read: number; readonly waiting: number }[] = [];
  for (let minute = 0; minute < 5; minute++) {
    const before = network.counts.lost;
    await sim.world.pass(minuteMs);
    const waiting = [...sim.workers, ...sim.coordinators].reduce((sum, { process }) => sum + process.waiting, 0);
    minutes.push({ lost: network.counts.lost - before, read: read(), waiting });
  }
  assert.equal(healths(), ["DEGRADED", "DEGRADED", "DEGRADED"]);
  assert.match(sim.workers[0]?.member.troubles.join() ?? "", /orders come on is down.*frames go on is down/);
  assert.match(sim.coordinators[0]?.member.troubles.join() ?? "", /orders go on is down/);
  // Workers pause: sources read no further than the windows, and what is tried again is tried at a steady pace.
  const [first, last] = [minutes[0], minutes[4]];
  assert.ok(
    last !== undefined && first !== undefined && last.read === first.read && last.read > 0 && last.read < 4_000,
    JSON.stringify(minutes),
  );
  const probes = 12 * minuteMs / 250; // of channels, each way, on which something was under way
  assert.ok(last.lost > 0 && last.lost <= 2 * probes, `${last.lost} messages were lost in the last minute`);
  assert.ok(last.waiting <= first.waiting + 2, `${first.waiting} timers were set after a minute, ${last.waiting} after five`);

  isAway = false;
  back();
  await sim.finish();
  assert.is(sim.count("failed"), 0);
  assert.equal(healths(), ["OK", "OK", "OK"]);
});

test("fault 32: a record at which every worker runs out of memory ends the job, with a hint", async () => {
  let killed = 0;
  const sim = await SimCluster.start("out of memory", {
    records: 600,
    onRecord: (n, process) => {
      if (n !== 300 || !process.alive) return;
      killed++;
      process.kill();
    },
    options: { restart: { kind: "fixed-delay", delayMs: 10, maxRestarts: 3 } },
  });
  for (let more = 0; more < 3; more++) sim.addWorker();
  await sim.world.run(() => sim.count("given-up") > 0 || sim.count("finished") > 0, { maxMs: minuteMs });
  assert.is(killed, 4);
  const over = sim.events.find((event) => event.kind === "given-up");
  const cause = over?.kind === "given-up" ? over.cause as SluiceError : undefined;
  assert.is(cause?.code, "JOB_FAILED");
  const wanted =
    /job counting failed, and 3 restarts in all did not help: worker w\d is lost.*134 or 137 is out of memory.*less state/;
  assert.match(cause?.message ?? "", wanted);
  const view = await sim.job();
  assert.is(view.state, "failed");
  assert.match(view.failure ?? "", /out of memory/);
});

for (const mode of ["aligned", "unaligned"]) {
  test(`fault 34: the coordinator dies when a checkpoint is complete and nobody has been told (${mode})`, async () => {
    let dying = 0;
    const sim = await SimCluster.start(`not told ${mode}`, {
      records: 1_500,
      mode,
      keyValue: (store, coordinator, process) => ({
        ...absentStore(store, () => false),
        put: async (key, value, expected) => {
          const revision = await store.put(key, value, expected);
          const entry = key.startsWith("jobs.") ? decodeJobEntry(value) : undefined;
          const last = entry === undefined || "damaged" in entry ? 0 : entry.retained.at(-1)?.id ?? 0;
          if (coordinator !== "c1" || last < 4 || dying > 0) return revision;
          dying = last;
          process.kill();
          return await new Promise<never>(() => {});
        },
      }),
    });
    await sim.world.run(() => dying > 0, { maxMs: minuteMs });
    const before = sim.out.values.length;
    const completed = () => sim.events.flatMap((event) => event.kind === "checkpoint-completed" ? [event.checkpoint] : []);
    assert.ok(!completed().includes(dying), "nobody was told");
    // What it covers is shown although nothing new has completed: the successor says that it is complete.
    await sim.world.run(() => sim.out.values.length > before || completed().some((id) => id > dying), { maxMs: minuteMs });
    assert.ok(completed().every((id) => id < dying), `${completed().at(-1)} completed before the output of ${dying} was shown`);
    assert.is((await sim.job()).attempt, 1);
    await sim.finish();
    assert.is(sim.count("failed"), 0);
  });
}

test.run();
