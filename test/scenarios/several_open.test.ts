import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointMode, job } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const several = suite("scenario 8: several checkpoints open at once");

function pipelineOf(stage: Stage, source: HandSource, sink: WitnessSink<Numbered>, pace: { delayMs: number }) {
  return job("several", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n % 5)
      .process("first", slowly(stage, pace), { parallelism: 2 })
      .keyBy("n", ({ n }) => n % 5)
      .process("second", slowly(stage, pace), { parallelism: 2 })
      .to("out", sink, { parallelism: 1 }));
}

several("8: a checkpoint that is still aligning and a younger one that overtakes at its timeout are both whole", async () => {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pace = { delayMs: 2 };
  const pipeline = pipelineOf(stage, source, sink, pace);
  const options = {
    checkpoints: { mode: { alignedTimeoutMs: 6 }, intervalMs: 4, maxConcurrent: 2, tolerableFailures: 100 },
  } as const;
  const run = await stage.start(pipeline, options);
  source.give(60);
  await stage.until(() => stage.completed.length >= 6, "six checkpoints");
  let open = 0;
  let mostOpen = 0;
  for (const { kind } of stage.events) {
    if (kind === "checkpoint-triggered") mostOpen = Math.max(mostOpen, ++open);
    if (kind === "checkpoint-completed" || kind === "checkpoint-aborted") open--;
  }
  assert.is(mostOpen, 2, "two were open at once");
  assert.ok(stage.completed.some((id, at) => stage.completed[at + 1] === id + 1), "and both of such a pair completed");
  stage.assertCaptured(stage.completed.at(-1) as number);
  stage.kill();

  const restored = await stage.start(pipeline, options);
  stage.assertRecovered();
  source.end();
  await stage.finish(restored);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
  void run;
});

const draining = suite("scenario 11: a second checkpoint while recovered channels drain");

for (const mode of ["unaligned", { alignedTimeoutMs: 1 }] satisfies CheckpointMode[]) {
  draining(
    `11: records in flight are captured as often as the job crashes while it works them off (${JSON.stringify(mode)})`,
    async () => {
      const stage = new Stage();
      const source = new HandSource("a", "b");
      const sink = new WitnessSink<Numbered>();
      const pace = { delayMs: 1 };
      const pipeline = pipelineOf(stage, source, sink, pace);
      const options = { checkpoints: { mode } } as const;
      let run = await stage.start(pipeline, options);
      source.give(40);
      await stage.until(() => sink.written.length >= 4, "some records");
      await stage.settle(run.checkpoint());
      for (let round = 0; round < 3; round++) {
        stage.kill();
        run = await stage.start(pipeline, options);
        stage.assertRecovered();
        source.give(6); // new records, which wait for those of their edge that were in flight
        const written = sink.written.length;
        await stage.until(() => sink.written.length > written, "a recovered record");
        const recovered = stage.of("started").at(-1)?.inFlightRecords as number;
        const id = await stage.settle(run.checkpoint());
        stage.assertCaptured(id);
        assert.ok(sink.written.length - written < recovered, "it was taken while recovered records were left");
      }
      source.end();
      await stage.finish(run);
      assert.equal(sink.values.map(nameOf).sort(), source.records);
      const last = new Map<string, number>();
      for (const { split, n } of sink.values) {
        const key = `${split} ${n % 5}`;
        assert.ok(n > (last.get(key) ?? -1), `${split}.${n} is out of order`);
        last.set(key, n);
      }
    },
  );
}

several.run();
draining.run();
