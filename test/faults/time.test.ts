/** The rows of the fault matrix about clocks, and about what takes too long. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "../scenarios/hand_source.ts";
import { slowly } from "../scenarios/slow.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const test = suite("faults of time");

function staged() {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>();
  const pipeline = job("timely", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", slowly(stage, { delayMs: 1 }), { parallelism: 2 })
      .to("out", sink, { parallelism: 2 }));
  return { stage, source, sink, pipeline };
}

test("fault 12: a sink whose preparation never settles costs checkpoints, not the job", async () => {
  const { stage, source, sink, pipeline } = staged();
  sink.beforePrepare = (id) => id === 1 ? new Promise(() => {}) : undefined;
  const run = await stage.start(pipeline, { checkpoints: { mode: "unaligned", timeoutMs: 10 } });
  source.give(20);
  await stage.until(() => sink.written.length >= 4, "some records");
  const taken = run.checkpoint();
  await stage.until(() => stage.of("checkpoint-aborted").length === 1, "the abort");
  assert.match(String(stage.of("checkpoint-aborted")[0]?.reason), /not acknowledged by \d of 4 subtasks within 10 ms/);
  sink.beforePrepare = undefined;
  void taken.catch(() => {});
  await stage.leave(run);
});

for (const shiftMs of [3_600_000, -3_600_000]) {
  test(`fault 38: the wall clock jumps by ${shiftMs / 3_600_000} h, and checkpoints keep their pace`, async () => {
    const { stage, source, sink, pipeline } = staged();
    const run = await stage.start(pipeline, { checkpoints: { mode: { alignedTimeoutMs: 5 }, intervalMs: 10, timeoutMs: 1_000 } });
    source.give(40);
    await stage.until(() => stage.completed.length >= 2, "two checkpoints");
    const begin = stage.clock.monotonic();
    const before = stage.of("checkpoint-triggered").length;
    stage.wallShiftMs = shiftMs;
    await stage.advance(100);
    const triggered = stage.of("checkpoint-triggered").length - before;
    const fitting = (stage.clock.monotonic() - begin) / 10;
    assert.ok(triggered >= fitting / 3 && triggered <= fitting + 1, `${triggered} were triggered in ${fitting} intervals`);
    assert.is(stage.of("checkpoint-aborted").length, 0);
    assert.is(stage.of("failed").length, 0);
    source.end();
    await stage.finish(run);
    assert.equal(sink.values.map(nameOf).sort(), source.records);
  });
}

test.run();
