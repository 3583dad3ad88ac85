import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointMode, job } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { meeting } from "./meeting.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const test = suite("end of input and aligning");

for (const mode of ["aligned", "unaligned", { alignedTimeoutMs: 1 }, "at-least-once"] satisfies CheckpointMode[]) {
  for (const when of ["before", "while", "after"] as const) {
    test(`an input ends ${when} the others align, and the output is right (${JSON.stringify(mode)})`, async () => {
      const stage = new Stage();
      const { quick, late, sink, pipeline, seen } = meeting(stage, 1);
      const options = { checkpoints: { mode } } as const;
      const run = await stage.start(pipeline, options);
      quick.give(5);
      late.give(20);
      const quickSeen = () => seen.filter((name) => name.startsWith("quick")).length;
      if (when === "before") quick.end();
      await stage.until(() => seen.length >= 8 && quickSeen() === 5, "the first records");
      const taken = run.checkpoint();
      await stage.until(() => stage.of("checkpoint-triggered").length === 1, "the trigger");
      await stage.advance(0.5);
      if (when === "while") {
        if (mode === "aligned") assert.is(stage.completed.length, 0, "the slow path has not delivered its barrier");
        quick.end();
      }
      const id = await stage.settle(taken);
      if (when === "after") quick.end();
      if (mode === "unaligned") stage.assertCaptured(id);
      await stage.advance(3);
      stage.kill();

      const restored = await stage.start(pipeline, options);
      if (mode === "unaligned") stage.assertRecovered();
      late.end();
      quick.end();
      await stage.finish(restored);
      const values = sink.values.map(nameOf).sort();
      const expected = [...quick.records, ...late.records].sort();
      assert.equal(mode === "at-least-once" ? [...new Set(values)] : values, expected);
    });
  }
}

test("a source that has nothing to give takes part in checkpoints, in every mode", async () => {
  for (const mode of ["aligned", "unaligned", { alignedTimeoutMs: 1 }, "at-least-once"] satisfies CheckpointMode[]) {
    const stage = new Stage();
    const { sink, pipeline } = meeting(stage, 1);
    const run = await stage.start(pipeline, { checkpoints: { mode } });
    const ids = [await stage.settle(run.checkpoint()), await stage.settle(run.checkpoint())];
    assert.equal(ids, [1, 2]);
    assert.is(sink.values.length, 0);
    await stage.leave(run);
  }
});

test("a source that is blocked for lack of credit answers the trigger at once", async () => {
  const stage = new Stage();
  const source = new HandSource("a");
  const sink = new WitnessSink<Numbered>();
  const pipeline = job(
    "blocked",
    (flow) => flow.from("in", source).rebalance().process("slow", slowly(stage, { delayMs: 100 })).to("out", sink),
  );
  const run = await stage.start(pipeline, { checkpoints: { mode: "unaligned" } });
  source.give(100);
  await stage.until(() => sink.written.length === 1, "the first record");
  const position = () => stage.of("checkpoint-completed").length;
  assert.is(position(), 0);
  const id = await stage.settle(run.checkpoint());
  stage.assertCaptured(id);
  assert.ok(sink.written.length <= 2, `the barrier waited for the record at hand only, ${sink.written.length} were written`);
  const parts = stage.figures(id).subtasks;
  assert.ok((parts.find(({ task }) => task === "in")?.endToEndMs as number) <= stage.figures(id).endToEndMs);
  assert.is(parts.find(({ task }) => task === "in")?.alignmentMs, 0);
  await stage.leave(run);
});

test("two hundred inputs of one subtask: aligned and unaligned checkpoints complete, and a restore is exact", async () => {
  for (const mode of ["aligned", "unaligned"] satisfies CheckpointMode[]) {
    const stage = new Stage(64);
    const splits = Array.from({ length: 200 }, (_, i) => `s${i}`);
    const source = new HandSource(...splits);
    const sink = new WitnessSink<string>();
    const pace = { delayMs: 0.01 };
    const pipeline = job(
      "wide",
      (flow) =>
        flow.from("in", source, { parallelism: 200 }).rebalance().process("narrow", slowly(stage, pace), { parallelism: 1 })
          .map(nameOf).to("out", sink),
    );
    const options = { checkpoints: { mode }, parallelism: 1 } as const;
    const run = await stage.start(pipeline, options);
    source.give(6);
    await stage.until(() => sink.written.length >= 100, "some records");
    const id = await stage.settle(run.checkpoint());
    if (mode === "unaligned") stage.assertCaptured(id);
    stage.kill();
    const restored = await stage.start(pipeline, options);
    if (mode === "unaligned") stage.assertRecovered();
    source.end();
    await stage.finish(restored);
    assert.equal([...sink.values].sort(), source.records);
  }
});

test.run();
