import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointMode, job } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const test = suite("scenario 2: open batch at the barrier");

/** Frames so large that they are never full: every barrier finds an open batch. */
const largeFrames = { frameRecords: 64, frameBytes: 100_000, windowBytes: 2_000, targetMs: 60_000 } as const;

for (const mode of ["unaligned", "aligned", { alignedTimeoutMs: 2 }] satisfies CheckpointMode[]) {
  const name = typeof mode === "object" ? "aligned with a timeout" : mode;

  test(`2: a batch that is open at the barrier is before it (${name})`, async () => {
    const stage = new Stage();
    const source = new HandSource("a");
    const sink = new WitnessSink<Numbered>();
    const pace = { delayMs: 1 };
    const pipeline = job("open-batch", (flow) =>
      flow.from("in", source)
        .keyBy("split", ({ split }) => split)
        .process("first", slowly(stage, pace))
        .rebalance()
        .process("second", slowly(stage, pace))
        .to("out", sink));
    const options = { checkpoints: { mode }, channels: largeFrames, parallelism: 1 };
    const run = await stage.start(pipeline, options);
    source.give(60);
    await stage.until(() => sink.written.length >= 10, "ten records");
    const id = await stage.settle(run.checkpoint());
    if (mode !== "aligned") stage.assertCaptured(id);
    stage.kill();

    const restored = await stage.start(pipeline, options);
    if (mode !== "aligned") stage.assertRecovered();
    source.end();
    await stage.finish(restored);
    assert.equal(sink.values.map(nameOf).sort(), source.records);
  });
}

test("2: what a flatMap holds back for lack of credit is emitted before the barrier", async () => {
  const stage = new Stage();
  const source = new HandSource("a");
  const sink = new WitnessSink<number>();
  const pace = { delayMs: 1 };
  const pulled: number[] = [];
  const pipeline = job("held-back", (flow) =>
    flow.from("in", source)
      .flatMap(function* ({ split, n }): Generator<Numbered> {
        for (let i = 0; i < 100; i++) {
          pulled.push(n * 100 + i);
          yield { split, n: n * 100 + i, at: 0 };
        }
      })
      .rebalance()
      .process("slow", slowly(stage, pace))
      .map(({ n }) => n)
      .to("out", sink));
  const options = { checkpoints: { mode: "unaligned" } } as const;
  const run = await stage.start(pipeline, options);
  source.give(2);
  await stage.until(() => sink.written.length >= 5, "some results");
  assert.ok(pulled.length < 100, `the iterable is pulled under credit, ${pulled.length} of it`);
  const id = await stage.settle(run.checkpoint());
  stage.assertCaptured(id);
  stage.kill();

  const restored = await stage.start(pipeline, options);
  stage.assertRecovered();
  source.end();
  await stage.finish(restored);
  assert.equal([...sink.values].sort((a, b) => a - b), Array.from({ length: 200 }, (_, n) => n));
});

test.run();
