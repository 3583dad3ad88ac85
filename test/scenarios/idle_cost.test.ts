import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointMode, job } from "../../mod.ts";
import { HandSource, nameOf } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const test = suite("a checkpoint of a job in which nothing flows");

/** What one checkpoint of an idle job took, counted. */
async function cost(mode: CheckpointMode, parallelism: number) {
  const stage = new Stage();
  const source = new HandSource(...Array.from({ length: parallelism }, (_, i) => `s${i}`));
  const sink = new WitnessSink<string>();
  const pipeline = job(
    "idle",
    (flow) =>
      flow.from("in", source).keyBy("n", ({ n }) => n).process("first", slowly(stage, { delayMs: 0 }))
        .rebalance().process("second", slowly(stage, { delayMs: 0 })).map(nameOf).to("out", sink),
  );
  const run = await stage.start(pipeline, { checkpoints: { mode }, parallelism });
  await stage.settle(run.checkpoint());
  const one = await counted(stage, () => run.checkpoint());
  for (let i = 0; i < 20; i++) await stage.settle(run.checkpoint());
  const later = await counted(stage, () => run.checkpoint());
  await stage.advance(10);
  const turnsBefore = stage.turns;
  const readsBefore = stage.clockReads;
  await stage.advance(1_000);
  const idle = { turns: stage.turns - turnsBefore, reads: stage.clockReads - readsBefore };
  await stage.leave(run);
  return { one, later, idle, subtasks: 3 * parallelism, channels: 2 * parallelism * parallelism };
}

async function counted(stage: Stage, take: () => Promise<number>) {
  const turns = stage.turns;
  const reads = stage.clockReads;
  const timers = stage.timersSet;
  const at = stage.clock.monotonic();
  const id = await stage.settle(take());
  const figures = stage.figures(id);
  assert.is(figures.inFlightRecords, 0);
  assert.is(figures.inFlightBytes, 0);
  return {
    turns: stage.turns - turns,
    reads: stage.clockReads - reads,
    timers: stage.timersSet - timers,
    ms: stage.clock.monotonic() - at,
  };
}

for (const mode of ["aligned", "unaligned", { alignedTimeoutMs: 10 }, "at-least-once"] satisfies CheckpointMode[]) {
  test(`it takes one turn a subtask at most, and no more the twentieth time (${JSON.stringify(mode)})`, async () => {
    for (const parallelism of [1, 4]) {
      const { one, later, idle, subtasks, channels } = await cost(mode, parallelism);
      const said = JSON.stringify({ one, later, subtasks, channels });
      // Overtaking barriers are control: no subtask is scheduled for its data.
      const turns = mode === "unaligned" ? 0 : subtasks + 1;
      assert.ok(one.turns <= turns, said);
      assert.ok(one.reads <= 24 * subtasks + 8 * channels, said);
      assert.ok(one.timers <= subtasks + 4, said);
      assert.ok(one.ms < 1, said);
      assert.equal({ ...later, ms: 0 }, { ...one, ms: 0 }, "nothing piles up from checkpoint to checkpoint");
      assert.equal(idle, { turns: 0, reads: 0 }, "between checkpoints nothing runs at all");
    }
  });
}

test.run();
