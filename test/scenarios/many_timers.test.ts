import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job, type } from "../../mod.ts";
import { HandSource } from "./hand_source.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const test = suite("scenario 15: 100,000 timers interrupted by a barrier, then a crash");
const timers = 100_000;
const keys = 1_000;

test("15: a barrier comes between two of 100,000 timers, and after a crash each has fired once", async () => {
  const stage = new Stage(256);
  const source = new HandSource("a");
  const sink = new WitnessSink<string>();
  let fired = 0;
  const pipeline = job("timers", (flow) =>
    flow.from("in", source)
      .watermarks(({ n }) => n < keys ? 0 : timers)
      .keyBy("n", ({ n }) => n)
      .process("alarm", {
        emits: type<string>(),
        onRecord({ n }, ctx) {
          for (let i = 0; n < keys && i < timers / keys; i++) ctx.timers.event(1 + i, `${n}.${i}`);
        },
        onTimer({ name }, ctx) {
          fired++;
          ctx.emit(String(name));
        },
      })
      .to("out", sink));
  const options = { checkpoints: { mode: "unaligned" } } as const;
  const run = await stage.start(pipeline, options);
  source.give(keys + 1); // the last record carries event time past all timers
  await stage.until(() => fired > timers / 3, "a third of the timers");
  let firedAtSnapshot = 0;
  sink.beforePrepare = () => {
    firedAtSnapshot = fired;
  };
  await stage.settle(run.checkpoint());
  assert.ok(firedAtSnapshot > timers / 3 && firedAtSnapshot < timers / 2, `the barrier came after ${firedAtSnapshot} timers`);
  await stage.until(() => fired > firedAtSnapshot + 10_000, "some more timers");
  stage.kill();

  fired = 0;
  sink.beforePrepare = undefined;
  const restored = await stage.start(pipeline, options);
  source.end();
  await stage.finish(restored);
  assert.is(fired, timers - firedAtSnapshot, "those that had fired before the snapshot did not fire again");
  const values = sink.values;
  assert.is(values.length, timers);
  assert.is(new Set(values).size, timers, "each timer fired once");
});

test.run();
