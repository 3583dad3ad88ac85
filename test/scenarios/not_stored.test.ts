import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointStorage, job } from "../../mod.ts";
import { alteredStorage } from "./altered_storage.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const test = suite("a checkpoint that the storage does not complete");

/** Lets `before` be called where a checkpoint would be completed; it may throw, or wait. */
function completing(real: CheckpointStorage, before: (id: number) => Promise<void>): CheckpointStorage {
  return alteredStorage(real, (store) => ({
    async complete(manifest) {
      await before(manifest.id);
      return await store.complete(manifest);
    },
  }));
}

function pipelineOf(stage: Stage, source: HandSource, sink: WitnessSink<Numbered>) {
  return job("not-stored", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n % 5)
      .process("slow", slowly(stage, { delayMs: 1 }), { parallelism: 2 })
      .to("out", sink, { parallelism: 2 }));
}

test("nothing of it is visible when the process dies before the storage answers, and a restart repeats nothing", async () => {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pipeline = pipelineOf(stage, source, sink);
  let asked = 0;
  const run = await stage.start(pipeline, {
    checkpoints: { mode: "unaligned" },
    storage: (real) =>
      completing(real, (id) => {
        asked = id;
        return new Promise(() => {});
      }),
  });
  source.give(20);
  await stage.until(() => sink.written.length >= 6, "some records");
  run.checkpoint().catch(() => {});
  await stage.until(() => asked === 1, "the storage is asked to complete checkpoint 1");
  await stage.advance(20);
  assert.equal(stage.completed, []);
  assert.ok(sink.prepared.includes(1), "its output is prepared");
  assert.equal(sink.commits, [], "and none of it is committed");
  stage.kill();

  const again = await stage.start(pipeline, { checkpoints: { mode: "unaligned" } });
  assert.is(stage.of("started").at(-1)?.checkpoint, undefined, "there is no checkpoint to start from");
  source.end();
  await stage.finish(again);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test("what was prepared for one that the storage refused is shown with the next, once", async () => {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pipeline = pipelineOf(stage, source, sink);
  const commitsAtRefusal: number[][] = [];
  const run = await stage.start(pipeline, {
    checkpoints: { mode: "unaligned", tolerableFailures: 1 },
    storage: (real) =>
      completing(real, async (id) => {
        if (id > 1) return;
        await new Promise<void>((resolve) => void stage.process.clock.setTimer(10, resolve));
        commitsAtRefusal.push([...sink.commits]);
        throw new Error("the disk is full");
      }),
  });
  source.give(20);
  await stage.until(() => sink.written.length >= 6, "some records");
  const id = await stage.settle(run.checkpoint());
  assert.is(id, 2, "whoever asked for it gets the next one");
  assert.equal(stage.of("checkpoint-aborted").map(({ checkpoint }) => checkpoint), [1]);
  assert.match(stage.of("checkpoint-aborted")[0]?.reason ?? "", /the disk is full/);
  assert.equal(commitsAtRefusal, [[]]);
  await stage.until(() => sink.commits.includes(1) && sink.commits.includes(2), "the commits");
  source.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test.run();
