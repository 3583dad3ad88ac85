import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointMode, job } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const test = suite("scenario 3: the final checkpoint and the end of input");

function pipeline(stage: Stage, source: HandSource, sink: WitnessSink<Numbered>, pace: { delayMs: number }) {
  return job("ending", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", slowly(stage, pace), { parallelism: 2 })
      .to("out", sink, { parallelism: 1 }));
}

test("3: a checkpoint that overtakes the end of input is not the last one, and a job restored from it ends again", async () => {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pace = { delayMs: 1 };
  const options = { checkpoints: { mode: "unaligned" } } as const;
  const run = await stage.start(pipeline(stage, source, sink, pace), options);
  source.give(20);
  source.end();
  await stage.until(() => sink.written.length >= 4, "the first records");
  // The sources are read to their end; their ends of input wait behind records.
  const id = await stage.settle(run.checkpoint());
  stage.assertCaptured(id);
  assert.is(stage.of("finished").length, 0, "captured records are not processed: it cannot be the last checkpoint");
  stage.kill();

  const restored = await stage.start(pipeline(stage, source, sink, pace), options);
  stage.assertRecovered();
  await stage.finish(restored);
  const last = stage.completed.at(-1) as number;
  assert.ok(last > id, "a later checkpoint ends the job");
  assert.is(stage.figures(last).inFlightRecords, 0, "nothing is in flight at the end");
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

for (const mode of ["aligned", "unaligned", { alignedTimeoutMs: 1 }, "at-least-once"] satisfies CheckpointMode[]) {
  const name = JSON.stringify(mode);
  test(`3: without periodic checkpoints the last output shows with the final one (${name})`, async () => {
    const stage = new Stage();
    const source = new HandSource("a", "b");
    const sink = new WitnessSink<Numbered>();
    const run = await stage.start(pipeline(stage, source, sink, { delayMs: 0 }), { checkpoints: { mode } });
    source.give(9);
    source.end();
    await stage.settle(run.finished);
    assert.equal(stage.of("checkpoint-triggered").map((event) => event.reason), ["end of input"]);
    assert.is(stage.completed.length, 1);
    assert.equal(sink.commits.length, 1, "the sink has committed before the run is over");
    assert.equal(sink.values.map(nameOf).sort(), source.records);
    await stage.leave(run);
  });

  test(`3: restored from its last checkpoint a job ends again and repeats nothing (${name})`, async () => {
    const stage = new Stage();
    const source = new HandSource("a", "b");
    const sink = new WitnessSink<Numbered>();
    const pace = { delayMs: 0 };
    const first = await stage.start(pipeline(stage, source, sink, pace), { checkpoints: { mode } });
    source.give(9);
    source.end();
    await stage.finish(first);
    const again = await stage.start(pipeline(stage, source, sink, pace), { checkpoints: { mode } });
    await stage.finish(again);
    assert.equal(sink.values.map(nameOf).sort(), source.records);
    assert.ok((stage.completed[1] as number) > (stage.completed[0] as number), "ids go on growing");
  });
}

test("3: the last output is not lost when the process is killed between the last completion and its commit", async () => {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pace = { delayMs: 0 };
  sink.beforeCommit = () => new Promise(() => {});
  const run = await stage.start(pipeline(stage, source, sink, pace), { checkpoints: { mode: "unaligned" } });
  source.give(9);
  source.end();
  await stage.until(() => stage.completed.length === 1, "the last checkpoint");
  await stage.advance(50);
  assert.is(stage.of("finished").length, 0, "the job is not over before its sinks have committed");
  assert.is(sink.values.length, 0);
  stage.kill();
  void run;

  sink.beforeCommit = undefined;
  const again = await stage.start(pipeline(stage, source, sink, pace), { checkpoints: { mode: "unaligned" } });
  await stage.finish(again);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test("3: a stopped job's sources emit nothing behind the last barrier, and it goes on where it stopped", async () => {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pace = { delayMs: 1 };
  const options = { checkpoints: { mode: "unaligned" } } as const;
  const run = await stage.start(pipeline(stage, source, sink, pace), options);
  source.give(30);
  await stage.until(() => sink.written.length >= 4, "the first records");
  const result = await stage.settle(run.stop());
  assert.ok(result.stopped);
  stage.assertCaptured(result.checkpoint);
  await stage.leave(run);

  const again = await stage.start(pipeline(stage, source, sink, pace), options);
  stage.assertRecovered();
  source.end();
  await stage.finish(again);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test.run();
