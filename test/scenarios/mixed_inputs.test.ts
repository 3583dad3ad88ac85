import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job, type } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const mixed = suite("scenario 6: one aligned and one unaligned input");

mixed("6: the unaligned input waits at its cut until the aligned one has delivered its barrier", async () => {
  const stage = new Stage();
  const quick = new HandSource("quick");
  const late = new HandSource("late");
  const sink = new WitnessSink<Numbered>();
  const seen: string[] = [];
  const pipeline = job("mixed", (flow) => {
    const unaligned = flow.from("quick", quick).process("passes", slowly(stage, { delayMs: 0 })).rebalance()
      .checkpointMode("unaligned");
    const aligned = flow.from("late", late).rebalance().process("slow", slowly(stage, { delayMs: 1 })).rebalance()
      .checkpointMode("aligned");
    unaligned.union(aligned).process("joined", {
      emits: type<Numbered>(),
      onRecord(record, ctx) {
        seen.push(nameOf(record));
        ctx.emit(record);
      },
    }).to("out", sink);
  });
  const options = { checkpoints: { mode: "aligned" } } as const;
  const run = await stage.start(pipeline, options);
  late.give(10);
  quick.give(4);
  await stage.until(() => seen.length >= 5, "some records");
  const taken = run.checkpoint();
  await stage.until(() => stage.of("checkpoint-triggered").length === 1, "the trigger");
  await stage.advance(1);
  const before = seen.filter((name) => name.startsWith("quick")).length;
  quick.give(6); // behind the barrier on the unaligned input
  await stage.advance(3);
  assert.is(stage.completed.length, 0, "the aligned input has not delivered its barrier yet");
  assert.is(seen.filter((name) => name.startsWith("quick")).length, before, "records behind the cut wait");
  const id = await stage.settle(taken);
  const delayed = stage.figures(id).subtasks.map(({ task, delayedRecords }) => [task, delayedRecords]);
  assert.equal(delayed.filter(([, records]) => records !== 0), [["joined", 6]]);
  await stage.until(() => seen.filter((name) => name.startsWith("quick")).length === 10, "what waited");
  stage.kill();

  const restored = await stage.start(pipeline, options);
  quick.end();
  late.end();
  await stage.finish(restored);
  assert.ok(id > 0);
  assert.equal(sink.values.map(nameOf).sort(), [...quick.records, ...late.records].sort());
});

mixed("6: an aligned edge never holds captured records, whatever the mode of the others", async () => {
  const stage = new Stage();
  const source = new HandSource("a");
  const sink = new WitnessSink<Numbered>();
  const pipeline = job(
    "one-aligned-edge",
    (flow) =>
      flow.from("in", source).rebalance().process("first", slowly(stage, { delayMs: 1 })).rebalance().checkpointMode("aligned")
        .process("second", slowly(stage, { delayMs: 1 })).to("out", sink),
  );
  const run = await stage.start(pipeline, { checkpoints: { mode: "unaligned" } });
  source.give(30);
  await stage.until(() => sink.written.length >= 3, "some records");
  const id = await stage.settle(run.checkpoint());
  stage.assertCaptured(id);
  const second = stage.figures(id).subtasks.find(({ task }) => task === "second");
  assert.is(second?.inFlightRecords, 0);
  await stage.leave(run);
});

const twice = suite("scenario 21: two edges between the same two operators");

twice("21: each of two edges between the same operators keeps its own records in flight", async () => {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<string>();
  const pace = { delayMs: 1 };
  const pipeline = job("double", (flow) => {
    const in_ = flow.from("in", source, { parallelism: 2 });
    // One of them is lopsided, so that the two are at different records.
    const lopsided = in_.partition("lopsided", () => 0);
    in_.rebalance().union(lopsided).process("joined", slowly(stage, pace), { parallelism: 2 })
      .map(nameOf).to("out", sink, { parallelism: 2 });
  });
  const options = { checkpoints: { mode: "unaligned" } } as const;
  const run = await stage.start(pipeline, options);
  source.give(20);
  await stage.until(() => sink.written.length >= 5, "some records");
  const id = await stage.settle(run.checkpoint());
  stage.assertCaptured(id);
  stage.kill();

  const restored = await stage.start(pipeline, options);
  stage.assertRecovered();
  source.end();
  await stage.finish(restored);
  assert.equal([...sink.values].sort(), [...source.records, ...source.records].sort());
});

mixed.run();
twice.run();
