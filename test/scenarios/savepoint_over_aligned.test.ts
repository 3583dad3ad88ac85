import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const over = suite("scenario 8: an unaligned savepoint while an aligned checkpoint aligns");

function stuck(stage: Stage) {
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pace = { delayMs: 2 };
  const of = job("stuck", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n % 5)
      .process("first", slowly(stage, pace), { parallelism: 2 })
      .keyBy("n", ({ n }) => n % 5)
      .process("second", slowly(stage, pace), { parallelism: 2 })
      .to("out", sink, { parallelism: 1 }));
  return { job: of, source, sink, pace };
}

for (const encoded of [false, true]) {
  over(
    `8: it does not wait for what is stuck, holds what is under way, and harms nothing${encoded ? " (encoded)" : ""}`,
    async () => {
      const stage = new Stage();
      const it = stuck(stage);
      const options = { checkpoints: { mode: "aligned" }, encoded } as const;
      const run = await stage.start(it.job, options);
      it.source.give(60);
      await stage.until(() => it.sink.written.length >= 4, "some records");
      const aligned = run.checkpoint();
      await stage.until(() => stage.of("checkpoint-triggered").length === 1, "the trigger");
      await stage.advance(3);
      const written = it.sink.written.length;
      const id = await stage.settle(run.savepoint("savepoint", { mode: "unaligned" }));
      assert.ok(it.sink.written.length - written < 10, "it was there long before the records in its way were processed");
      assert.equal(stage.completed, [], "the aligned one was still open");
      assert.equal(it.sink.commits, [], "and no sink commits because of a savepoint");
      const [first, second] = stage.of("checkpoint-triggered");
      assert.equal([first?.checkpoint, second?.checkpoint, second?.reason], [1, id, "savepoint"]);

      // The aligned one, or the one after it where the savepoint has overtaken it, completes without records under way.
      const completed = await stage.settle(aligned);
      assert.is(stage.figures(completed).inFlightRecords, 0);
      it.source.end();
      await stage.finish(run);
      assert.equal(it.sink.values.map(nameOf).sort(), it.source.records);

      it.sink.rollBack(id);
      const again = await stage.start(it.job, { ...options, from: "savepoint" });
      stage.assertRecovered();
      await stage.finish(again);
      assert.equal(it.sink.values.map(nameOf).sort(), it.source.records, "and so does a job that starts from it");
    },
  );
}

over("8: the other way round, an aligned savepoint of an unaligned job waits for what is under way, and holds none", async () => {
  const stage = new Stage();
  const it = stuck(stage);
  const options = { checkpoints: { mode: "unaligned", intervalMs: 5, maxConcurrent: 2, tolerableFailures: 100 } } as const;
  const run = await stage.start(it.job, options);
  it.source.give(40);
  await stage.until(() => stage.completed.length >= 2, "some checkpoints");
  stage.assertCaptured(stage.completed.at(-1) as number);
  const id = await stage.settle(run.savepoint("savepoint", { mode: "aligned" }));
  it.source.end();
  await stage.finish(run);
  assert.equal(it.sink.values.map(nameOf).sort(), it.source.records);
  it.sink.rollBack(id);
  const again = await stage.start(it.job, { checkpoints: { mode: "unaligned" }, from: "savepoint" });
  const started = stage.of("started").at(-1);
  assert.equal([started?.checkpoint, started?.inFlightRecords], [id, 0]);
  await stage.finish(again);
  assert.equal(it.sink.values.map(nameOf).sort(), it.source.records);
});

over.run();
