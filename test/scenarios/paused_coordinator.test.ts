/** Scenario 7 of protocol 14: a coordinator that is paused in the act of completing a checkpoint, and numbers that come twice. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeJobEntry, type JobEntry } from "../../runtime/cluster/job_entry.ts";
import { absentStore } from "../cluster/absent_store.ts";
import { SimCluster, type SimClusterOptions } from "../cluster/sim_cluster.ts";

const scenario = suite("scenario 7: a coordinator paused at completion; id n+1 twice");

/** What a write to the store makes of a job's record; undefined: it is of something else. */
function entryOf(key: string, value: Uint8Array): JobEntry | undefined {
  const entry = key.startsWith("jobs.") ? decodeJobEntry(value) : undefined;
  return entry === undefined || "damaged" in entry ? undefined : entry;
}

for (const mode of ["aligned", "unaligned"]) {
  for (const sent of [false, true]) {
    const title = sent ? "its write is under way meanwhile" : "it writes when it wakes up";
    scenario(`7 paused at completion, ${mode}: ${title}, and nothing of it counts`, async () => {
      let held: (() => void) | undefined;
      let pausedAt = 0;
      const written: { readonly coordinator: string; readonly entry: JobEntry; readonly won: boolean }[] = [];
      const sim = await SimCluster.start(`paused ${mode} ${sent}`, {
        records: 2_000,
        mode,
        keyValue: (store, coordinator, process) => ({
          ...absentStore(store, () => false),
          put: async (key, value, expected) => {
            const entry = entryOf(key, value);
            const completing = entry?.retained.at(-1)?.id ?? 0;
            if (coordinator === "c1" && completing >= 4 && pausedAt === 0) {
              pausedAt = completing;
              process.pause();
              // Under way: it arrives when the other one has long taken over. Not sent: the process has not come to it.
              await new Promise<void>((resolve) => held = resolve);
            }
            const revision = await store.put(key, value, expected);
            if (entry !== undefined) written.push({ coordinator, entry, won: revision !== undefined });
            return revision;
          },
        }),
      });
      await sim.world.run(() => pausedAt > 0, { maxMs: 60_000 });
      const old = sim.coordinators[0];
      const successor = sim.coordinators[1];
      const triggered = () => sim.events.flatMap((event) => event.kind === "checkpoint-triggered" ? [event.checkpoint] : []);
      const completed = () => sim.events.flatMap((event) => event.kind === "checkpoint-completed" ? [event.checkpoint] : []);
      await sim.world.run(() => successor?.member.term !== undefined, { maxMs: 60_000 });
      await sim.checkpoints(2);
      assert.ok(completed().every((id) => id !== pausedAt), `checkpoint ${pausedAt} is of nobody`);
      if (sent) held?.();
      else await sim.world.pass(10);
      old?.process.resume();
      if (!sent) held?.();
      await sim.world.run(() => old?.member.term === undefined, { maxMs: 60_000 });
      await sim.checkpoints(2);

      // It tried, and was refused; no number was given twice, and none completed twice.
      const refused = written.filter(({ won }) => !won);
      assert.ok(refused.some(({ coordinator, entry }) => coordinator === "c1" && entry.retained.at(-1)?.id === pausedAt));
      assert.ok(!completed().includes(pausedAt));
      assert.equal(completed(), [...new Set(completed())]);
      assert.ok(triggered().some((id) => id > pausedAt), "ids go on behind it");
      assert.equal(triggered(), [...new Set(triggered())], "no id was triggered twice");
      for (const { entry } of written.filter(({ won }) => won)) {
        assert.ok(entry.retained.every(({ id }) => id !== pausedAt), "the record never names it");
      }
      await sim.finish();
      assert.is(sim.count("failed"), 0);
    });
  }
}

scenario("7 id n+1 twice: what one coordinator triggered last, and its successor first, are different checkpoints", async () => {
  let isCut = false;
  const keyValue: SimClusterOptions["keyValue"] = (store, name) => absentStore(store, () => isCut && name === "c1");
  const sim = await SimCluster.start("twice", { records: 2_000, keyValue });
  await sim.checkpoints(3);
  const old = sim.leader;
  const triggers = () => sim.events.flatMap((event) => event.kind === "checkpoint-triggered" ? [event.checkpoint] : []);
  const completed = () => sim.events.flatMap((event) => event.kind === "checkpoint-completed" ? [event.checkpoint] : []);
  // Cut off just when it has triggered n+1: it goes on believing, and its successor does not know of n+1.
  const before = triggers().length;
  await sim.world.run(() => triggers().length > before, { maxMs: 60_000 });
  const last = triggers().at(-1) as number;
  const heal = sim.world.network.isolate("c1-control");
  isCut = true;
  await sim.world.run(() => sim.leader !== old, { maxMs: 60_000 });
  await sim.checkpoints(2);
  assert.is(old, sim.coordinators[0]);
  heal();
  isCut = false;
  await sim.checkpoints(2);
  const ids = triggers();
  assert.equal(ids, [...new Set(ids)], "no id was triggered twice");
  assert.ok(ids.some((id) => id > last), `ids behind ${last}`);
  assert.ok(!completed().includes(last), `checkpoint ${last} was aborted with its coordinator`);
  await sim.finish();
  assert.is(sim.count("failed"), 0);
});

scenario.run();
