import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const test = suite("scenario 10: abort 7, complete 8, crash before commit");

/** A pipeline whose checkpoint `aborted` fails in the sink of one subtask after others have prepared it. */
function staged(aborted: number) {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pace = { delayMs: 1 };
  const failing = { id: aborted };
  const pipeline = job("abort-then-complete", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", slowly(stage, pace), { parallelism: 2 })
      .rebalance()
      .to("out", sink, { parallelism: 2 }));
  return { stage, source, sink, pipeline, failing };
}

test("10: what was prepared for an aborted checkpoint is committed with the next, also by whoever restores it", async () => {
  const { stage, source, sink, pipeline } = staged(1);
  const options = { checkpoints: { mode: "unaligned", timeoutMs: 20, tolerableFailures: 5 } } as const;
  // The first checkpoint's sinks prepare, and one of them takes longer than the checkpoint may.
  sink.beforePrepare = (id) => id === 1 ? new Promise((resolve) => void stage.process.clock.setTimer(30, resolve)) : undefined;
  let mayCommit = false;
  sink.beforeCommit = () => mayCommit ? undefined : new Promise(() => {});
  const run = await stage.start(pipeline, options);
  source.give(40);
  await stage.until(() => sink.written.length >= 6, "some records");
  const id = await stage.settle(run.checkpoint());
  assert.equal(stage.of("checkpoint-aborted").map((event) => event.checkpoint), [1], "checkpoint 1 is aborted");
  assert.is(id, 2);
  assert.ok(sink.prepared.includes(1), "after its sinks had prepared it");
  assert.is(sink.values.length, 0, "and nothing is committed when the process dies");
  stage.kill();

  mayCommit = true;
  const restored = await stage.start(pipeline, options);
  assert.is(stage.of("started").at(-1)?.checkpoint, 2);
  await stage.until(() => sink.commits.length >= 2, "the commits of the restore");
  assert.ok(sink.commits.indexOf(1) >= 0, "the restore commits what was prepared for checkpoint 1");
  assert.ok(sink.commits.indexOf(1) < sink.commits.indexOf(2), `oldest first: ${sink.commits}`);
  assert.ok(sink.values.length > 0);
  source.end();
  await stage.finish(restored);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test("10: a restore commits what was complete before it processes anything", async () => {
  const { stage, source, sink, pipeline } = staged(0);
  const options = { checkpoints: { mode: "aligned" } } as const;
  let mayCommit = false;
  sink.beforeCommit = () => mayCommit ? undefined : new Promise(() => {});
  const run = await stage.start(pipeline, options);
  source.give(10);
  await stage.until(() => sink.written.length >= 6, "some records");
  await stage.settle(run.checkpoint());
  stage.kill();
  mayCommit = true;
  const written = sink.written.length;
  let writtenAtCommit = -1;
  sink.beforeCommit = () => {
    if (writtenAtCommit < 0) writtenAtCommit = sink.written.length - written;
  };
  const restored = await stage.start(pipeline, options);
  // No further checkpoint is taken: what becomes visible is what the restore commits.
  await stage.until(() => sink.values.length > 0, "the restore's commit");
  assert.is(writtenAtCommit, 0);
  await stage.leave(restored);
});

test("9: after an abort the next checkpoint is whole", async () => {
  const { stage, source, sink, pipeline } = staged(1);
  const options = { checkpoints: { mode: "unaligned", timeoutMs: 20, tolerableFailures: 5 } } as const;
  sink.beforePrepare = (id) => id === 1 ? new Promise((resolve) => void stage.process.clock.setTimer(30, resolve)) : undefined;
  const run = await stage.start(pipeline, options);
  source.give(40);
  await stage.until(() => sink.written.length >= 6, "some records");
  const id = await stage.settle(run.checkpoint());
  assert.is(id, 2);
  stage.assertCaptured(id);
  stage.kill();
  const restored = await stage.start(pipeline, options);
  stage.assertRecovered();
  source.end();
  await stage.finish(restored);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test.run();
