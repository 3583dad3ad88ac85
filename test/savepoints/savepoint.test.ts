import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import type { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { decodeManifest } from "../../runtime/checkpoint/manifest_codec.ts";
import type { Manifest } from "../../runtime/checkpoint/manifest.ts";
import { extentsOf } from "../../runtime/checkpoint/extent_reader.ts";
import { writeSavepoint } from "../../runtime/checkpoint/savepoint.ts";
import { openSnapshotFolder } from "../../runtime/checkpoint/snapshot_folder.ts";
import { type CheckpointMode, inspect, job, type Run, type, value } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "../scenarios/hand_source.ts";
import { slowly } from "../scenarios/slow.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const savepoints = suite("savepoints");

/** A job with state, and a slow operator behind which records wait. */
function counting(stage: Stage) {
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<string>();
  const pace = { delayMs: 2 };
  const of = job("counting", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n % 5)
      .process("slow", slowly(stage, pace), { parallelism: 2 })
      .keyBy("split", nameOfSplit)
      .process("count", {
        state: { seen: value(type<number>(), 0) },
        emits: type<string>(),
        onRecord: (record, ctx) => {
          const seen = ctx.state.seen.get() + 1;
          ctx.state.seen.set(seen);
          ctx.emit(`${nameOf(record)} ${seen}`);
        },
      })
      .to("out", sink, { parallelism: 1 }));
  return { job: of, source, sink, pace };
}

const nameOfSplit = ({ split }: Numbered): string => split;

/** That every record was counted once: the last count of each split is how many there were. */
function assertCounted({ source, sink }: Pick<ReturnType<typeof counting>, "source" | "sink">): void {
  assert.equal(sink.values.map((line) => line.split(" ")[0] as string).sort(), source.records);
  for (const split of ["a", "b"]) {
    const counts = sink.values.filter((line) => line.startsWith(split)).map((line) => Number(line.split(" ")[1]));
    assert.equal(counts.sort((a, b) => a - b), counts.map((_, at) => at + 1));
  }
}

/** Lets everything flow, to the end of the input and of the job. */
async function finish(
  stage: Stage,
  { pace, source }: Pick<ReturnType<typeof counting>, "pace" | "source">,
  run: Run,
): Promise<void> {
  pace.delayMs = 0;
  source.end();
  await stage.finish(run);
}

async function manifestOf(stage: Stage, folder: string): Promise<Manifest> {
  const decoded = decodeManifest(await stage.disk.read(`${folder}/manifest.json`));
  if (decoded.kind === "damaged") throw new Error(decoded.reason);
  return decoded.manifest;
}

async function copyFolder(stage: Stage, from: string, to: string): Promise<void> {
  await stage.disk.makeDirectory(to);
  for (const name of await stage.disk.list(from)) {
    const file = await stage.disk.openWrite(`${to}/${name}`);
    await file.write(await stage.disk.read(`${from}/${name}`));
    await file.close();
  }
}

async function removeFolder(stage: Stage, folder: string): Promise<void> {
  for (const name of await stage.disk.list(folder)) {
    if (name.includes(".")) await stage.disk.remove(`${folder}/${name}`).catch(() => removeFolder(stage, `${folder}/${name}`));
    else await removeFolder(stage, `${folder}/${name}`).catch(() => stage.disk.remove(`${folder}/${name}`));
  }
  await stage.disk.removeDirectory(folder);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "none", (error: unknown) => (error instanceof SluiceError ? error.code : String(error)));
}

const modes: readonly CheckpointMode[] = ["aligned", "unaligned", { alignedTimeoutMs: 5 }];
for (const mode of modes) {
  savepoints(
    `whatever the mode of the job, a savepoint may be aligned or unaligned, and both restore (${JSON.stringify(mode)})`,
    async () => {
      const stage = new Stage();
      const it = counting(stage);
      const options = { checkpoints: { mode, baseEvery: 3 } } as const;
      const run = await stage.start(it.job, options);
      it.source.give(30);
      await stage.until(() => it.sink.written.length >= 4, "some records");
      const taken = run.savepoint("kept/unaligned", { mode: "unaligned" });
      await stage.settle(taken);
      await stage.settle(run.savepoint("kept/aligned", { mode: "aligned" }));
      const unaligned = await manifestOf(stage, "kept/unaligned");
      const aligned = await manifestOf(stage, "kept/aligned");
      assert.is(unaligned.mode, "unaligned");
      assert.is(aligned.mode, "aligned");
      const inFlight = ({ channels }: Manifest) => channels.reduce((sum, { records }) => sum + records, 0);
      assert.ok(inFlight(unaligned) > 0, "the unaligned one holds records under way");
      assert.is(inFlight(aligned), 0, "the aligned one holds none");
      assert.equal(it.sink.commits, [], "no sink has committed because of them");
      assert.equal(stage.completed, [], "and no checkpoint has");
      stage.kill();
      await removeFolder(stage, "state");

      for (const folder of ["kept/unaligned", "kept/aligned"]) {
        it.sink.rollBack(0);
        const again = await stage.start(it.job, { ...options, from: folder });
        if (folder === "kept/unaligned") stage.assertRecovered();
        assert.is(stage.of("started").at(-1)?.location, folder);
        const id = await stage.settle(again.checkpoint());
        assert.ok(id > (folder === "kept/aligned" ? aligned : unaligned).id, "ids go on above those of the folder");
        stage.kill();
        const last = await stage.start(it.job, options);
        assert.is(stage.of("started").at(-1)?.checkpoint, id, "later ones start from the job's own checkpoints");
        stage.kill();
        await removeFolder(stage, "state");
        void last;
      }
      it.sink.rollBack(0);
      const end = await stage.start(it.job, { ...options, from: "kept/unaligned" });
      await finish(stage, it, end);
      assertCounted(it);
    },
  );
}

savepoints("a savepoint of an incremental job holds every byte it needs: a copy restores when all else is gone", async () => {
  const stage = new Stage();
  const it = counting(stage);
  const options = { checkpoints: { mode: "unaligned", baseEvery: 10 } } as const;
  const run = await stage.start(it.job, options);
  for (let round = 0; round < 4; round++) {
    it.source.give(6);
    await stage.until(() => it.sink.written.length >= 6 * (round + 1), "some records");
    await stage.settle(run.checkpoint());
  }
  it.source.give(20);
  await stage.until(() => it.sink.written.length >= 30, "some more");
  const id = await stage.settle(run.savepoint("savepoints/one/"));
  const manifest = await manifestOf(stage, "savepoints/one");
  assert.is(manifest.id, id);
  assert.ok(manifest.parts.some(({ below }) => below !== undefined), "it was taken as a layer over others");
  assert.equal(manifest.files.map(({ of }) => of), [undefined], "all of it is in one file of its own");
  const shared = await manifestOf(stage, "state/chk-4-1");
  assert.ok(shared.files.some(({ of }) => of !== undefined), "a checkpoint beside it shares files");
  it.sink.rollBack(0);
  stage.kill();
  await copyFolder(stage, "savepoints/one", "elsewhere/copy");
  await removeFolder(stage, "savepoints");
  await removeFolder(stage, "state");

  const restored = await stage.start(it.job, { ...options, from: "elsewhere/copy" });
  stage.assertRecovered();
  it.pace.delayMs = 0;
  it.source.end();
  await stage.settle(restored.finished);
  const counts = it.sink.values.map((line) => Number(line.split(" ")[1]));
  assert.is(Math.max(...counts), it.source.records.length / 2, "every record was counted once");
  assert.is(new Set(it.sink.values).size, it.sink.values.length);
  assert.ok((await stage.disk.list("elsewhere/copy")).includes("manifest.json"), "the runtime has not touched it");
  await stage.leave(restored);
});

savepoints("the folder of a checkpoint is as good as a savepoint, shared files and all", async () => {
  const stage = new Stage();
  const it = counting(stage);
  const options = { checkpoints: { mode: "unaligned", baseEvery: 10, retain: 3 } } as const;
  const run = await stage.start(it.job, options);
  for (let round = 0; round < 3; round++) {
    it.source.give(10);
    await stage.until(() => it.sink.written.length >= 5 * (round + 1), "some records");
    await stage.settle(run.checkpoint());
  }
  stage.kill();
  await stage.disk.makeDirectory("old");
  for (const folder of ["chk-1-1", "chk-2-1", "chk-3-1"]) await copyFolder(stage, `state/${folder}`, `old/${folder}`);
  await removeFolder(stage, "state");
  it.sink.rollBack(0);
  const restored = await stage.start(it.job, { ...options, from: "old/chk-3-1" });
  stage.assertRecovered();
  await finish(stage, it, restored);
  const counts = it.sink.values.map((line) => Number(line.split(" ")[1]));
  assert.is(Math.max(...counts), 30);
});

savepoints("a run is stopped with a savepoint: its sinks have committed, and it goes on from there", async () => {
  const stage = new Stage();
  const it = counting(stage);
  const run = await stage.start(it.job, { checkpoints: { mode: "aligned" } });
  it.source.give(20);
  await stage.until(() => it.sink.written.length >= 4, "some records");
  const { stopped, checkpoint } = await stage.settle(run.stop({ savepoint: "last", mode: "unaligned" }));
  assert.ok(stopped);
  const manifest = await manifestOf(stage, "last");
  assert.is(manifest.id, checkpoint);
  assert.ok(manifest.channels.some(({ records }) => records > 0), "it caught records under way");
  assert.equal(it.sink.commits, [checkpoint], "the sink has committed it");
  await stage.leave(run);
  const again = await stage.start(it.job, { checkpoints: { mode: "aligned" }, from: "last" });
  stage.assertRecovered();
  await finish(stage, it, again);
  assertCounted(it);
});

savepoints("a run that is stopped aligned processes what is under way, whatever its checkpoints do", async () => {
  const stage = new Stage();
  const it = counting(stage);
  const run = await stage.start(it.job, { checkpoints: { mode: "unaligned" } });
  it.source.give(20);
  await stage.until(() => it.sink.written.length >= 4, "some records");
  const { stopped } = await stage.settle(run.stop({ mode: "aligned" }));
  assert.ok(stopped);
  assertCounted(it);
});

savepoints("a savepoint that was asked for is taken after the restart when the job fails meanwhile", async () => {
  const stage = new Stage();
  const it = counting(stage);
  let failing = true;
  it.sink.beforePrepare = () => {
    if (!failing) return;
    failing = false;
    throw new Error("the sink is away");
  };
  const run = await stage.start(it.job, { checkpoints: { mode: "unaligned" } });
  it.source.give(10);
  await stage.until(() => it.sink.written.length >= 2, "some records");
  const id = await stage.settle(run.savepoint("kept"));
  assert.is(stage.of("restarting").length, 1);
  assert.is((await manifestOf(stage, "kept")).id, id);
  await finish(stage, it, run);
  assertCounted(it);
});

savepoints("no place that cannot hold a savepoint harms the job, and nothing is written over", async () => {
  const stage = new Stage();
  const it = counting(stage);
  const run = await stage.start(it.job, { checkpoints: { mode: "aligned" } });
  it.source.give(5);
  await stage.disk.makeDirectory("mine");
  const file = await stage.disk.openWrite("mine/notes.txt");
  await file.write(new TextEncoder().encode("kept"));
  await file.close();
  for (const path of ["", "a\0b", 7 as unknown as string]) {
    assert.is(await stage.settle(codeOf(run.savepoint(path))), "BAD_SAVEPOINT_PATH", JSON.stringify(path));
  }
  assert.is(await stage.settle(codeOf(run.savepoint("x", { mode: "sideways" as never }))), "BAD_OPTIONS");
  assert.is(await stage.settle(codeOf(run.stop({ mode: "sideways" as never }))), "BAD_OPTIONS");
  assert.is(await stage.settle(codeOf(run.savepoint("mine"))), "SAVEPOINT_EXISTS");
  assert.equal(await stage.disk.list("mine"), ["notes.txt"]);
  assert.is(await stage.settle(codeOf(run.savepoint("mine/notes.txt"))), "SAVEPOINT_FAILED");
  assert.is(await stage.settle(codeOf(run.stop({ savepoint: "mine" }))), "SAVEPOINT_EXISTS");
  await stage.settle(run.savepoint("one"));
  assert.is(await stage.settle(codeOf(run.savepoint("one"))), "SAVEPOINT_EXISTS");
  const [first, second] = [codeOf(run.savepoint("two")), codeOf(run.savepoint("two"))];
  assert.is(await stage.settle(second), "SAVEPOINT_EXISTS", "while the other is being written");
  assert.is(await stage.settle(first), "none");
  await finish(stage, it, run);
  assertCounted(it);
  assert.is(await codeOf(run.savepoint("late")), "RUN_ENDED");
});

savepoints(
  "a disk that fails at any step costs the savepoint and not the job, and the next try into the same folder succeeds",
  async () => {
    let failedAt = 0;
    for (let step = 1;; step++) {
      const stage = new Stage();
      const it = counting(stage);
      const run = await stage.start(it.job, { checkpoints: { mode: "unaligned" } });
      it.source.give(5);
      await stage.until(() => it.sink.written.length >= 2, "some records");
      let steps = 0;
      const disk: SimulatedDisk = stage.disk;
      disk.inject = ({ path }) => path.startsWith("kept") && ++steps === step ? "full" : undefined;
      const code = await stage.settle(codeOf(run.savepoint("kept")));
      const injected = steps >= step;
      disk.inject = undefined;
      if (code === "none") {
        assert.ok((await manifestOf(stage, "kept")).id > 0);
      } else {
        assert.is(code, "SAVEPOINT_FAILED", `step ${step}`);
        failedAt++;
        const left = await stage.disk.list("kept").catch((): readonly string[] => []);
        assert.ok(!left.includes("manifest.json"), `step ${step} leaves half a savepoint`);
        await stage.settle(run.savepoint("kept"));
      }
      await finish(stage, it, run);
      assertCounted(it);
      assert.is(stage.of("failed").length, 0);
      if (!injected) break;
    }
    assert.ok(failedAt >= 5, `it failed at ${failedAt} steps only`);
  },
);

savepoints("a process that ends at any step leaves a whole savepoint or none, and its folder can be used again", async () => {
  let none = 0;
  for (let step = 1;; step++) {
    const stage = new Stage();
    const it = counting(stage);
    const run = await stage.start(it.job, { checkpoints: { mode: "unaligned" } });
    it.source.give(5);
    await stage.until(() => it.sink.written.length >= 2, "some records");
    let steps = 0;
    const disk: SimulatedDisk = stage.disk;
    disk.inject = ({ path }) => {
      if (path.startsWith("kept") && ++steps === step) stage.kill();
      return undefined;
    };
    let over = false;
    void run.savepoint("kept").then(() => over = true, () => over = true);
    await stage.until(() => over || steps >= step, "its end");
    if (steps < step) {
      await stage.leave(run);
      break;
    }
    const again = await stage.start(it.job, { checkpoints: { mode: "unaligned" } });
    const code = await stage.settle(codeOf(again.savepoint("kept")));
    if (code === "none") none++;
    else assert.is(code, "SAVEPOINT_EXISTS", `step ${step}`);
    const { id } = await manifestOf(stage, "kept");
    await stage.leave(again);
    await removeFolder(stage, "state");
    it.sink.rollBack(0);
    const restored = await stage.start(it.job, { checkpoints: { mode: "unaligned" }, from: "kept" });
    assert.is(stage.of("started").at(-1)?.checkpoint, id);
    await finish(stage, it, restored);
    assertCounted(it);
  }
  assert.ok(none >= 5, `it could be used again at ${none} steps only`);
});

savepoints("of two that are written into one folder at the same time one is there, whole, and the other is refused", async () => {
  const stage = new Stage();
  const it = counting(stage);
  const run = await stage.start(it.job, { checkpoints: { mode: "unaligned" } });
  it.source.give(10);
  await stage.until(() => it.sink.written.length >= 2, "some records");
  await stage.settle(run.savepoint("one"));
  await stage.leave(run);
  const { store, checkpoint } = await openSnapshotFolder(stage.disk, "one");
  const manifest = await store.manifest(checkpoint);
  const read = extentsOf(store, checkpoint, manifest);
  const two = ["a", "b"].map((life) => codeOf(writeSavepoint(stage.disk, "both", { ...manifest, life }, read)));
  assert.equal((await Promise.all(two)).sort(), ["SAVEPOINT_EXISTS", "none"]);
  const seen = await inspect("both", { disk: stage.disk });
  assert.is(seen.checkpoint, manifest.id);
  assert.is([...seen.records()].length, [...(await inspect("one", { disk: stage.disk })).records()].length);
});

savepoints("an at-least-once job has savepoints as its checkpoints are, and none of another mode", async () => {
  const stage = new Stage();
  const it = counting(stage);
  const run = await stage.start(it.job, { checkpoints: { mode: "at-least-once" } });
  it.source.give(5);
  assert.is(await stage.settle(codeOf(run.savepoint("a", { mode: "unaligned" }))), "BAD_OPTIONS");
  await stage.settle(run.savepoint("b"));
  assert.is((await manifestOf(stage, "b")).mode, "at-least-once");
  await stage.leave(run);
});

savepoints("a run that was told where to start starts there again until it has a checkpoint of its own", async () => {
  const stage = new Stage();
  const it = counting(stage);
  const options = { checkpoints: { mode: "aligned", retain: 5 } } as const;
  const run = await stage.start(it.job, options);
  const ids: number[] = [];
  for (let round = 0; round < 3; round++) {
    it.source.give(4);
    await stage.until(() => it.sink.written.length >= 8 * (round + 1), "all records");
    ids.push(await stage.settle(run.checkpoint()));
  }
  stage.kill();
  const [first] = ids as [number];
  it.sink.rollBack(first);
  it.sink.written.length = 0;
  let failures = 2;
  it.sink.onWrite = () => {
    if (it.sink.written.length >= 3 && failures-- > 0) throw new Error("the sink is away");
  };
  const again = await stage.start(it.job, { ...options, from: first });
  await stage.until(() => stage.of("started").length === 4, "two restarts");
  assert.equal(stage.of("started").slice(1).map(({ checkpoint }) => checkpoint), [first, first, first]);
  const own = await stage.settle(again.checkpoint());
  failures = 1;
  it.sink.written.length = 3;
  it.source.give(1);
  await stage.until(() => stage.of("started").length === 5, "another restart");
  assert.is(stage.of("started").at(-1)?.checkpoint, own, "then from its own");
  await finish(stage, it, again);
  assertCounted(it);
});

savepoints.run();
