import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointMode, job, StaleContextError, type, value } from "../../mod.ts";
import { HandSource, nameOf } from "./hand_source.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const awaiting = suite("scenario 13: await between get and update with a barrier");

for (const mode of ["aligned", "unaligned", { alignedTimeoutMs: 1 }] satisfies CheckpointMode[]) {
  awaiting(`13: a barrier never comes between the get and the set of one handler (${JSON.stringify(mode)})`, async () => {
    const stage = new Stage();
    const source = new HandSource("a", "b");
    const sink = new WitnessSink<number>();
    let inside = 0;
    let snapshotInside = 0;
    sink.beforePrepare = () => {
      if (inside > 0) snapshotInside++;
    };
    const pipeline = job("await", (flow) =>
      flow.from("in", source)
        .keyBy("all", () => "all")
        .process("sum", {
          state: { count: value(Type.Number(), 0) },
          emits: type<number>(),
          async onRecord(_record, ctx) {
            const before = ctx.state.count.get();
            inside++;
            await new Promise<void>((resolve) => void stage.process.clock.setTimer(1, resolve));
            if (ctx.signal.aborted) return;
            ctx.state.count.set(before + 1);
            inside--;
            ctx.emit(before + 1);
          },
        })
        .to("out", sink));
    const options = { checkpoints: { mode } } as const;
    const run = await stage.start(pipeline, options);
    source.give(10);
    await stage.until(() => sink.written.length >= 3 && inside === 1, "a handler that waits");
    const written = sink.written.length;
    const id = await stage.settle(run.checkpoint());
    assert.ok(sink.written.length > written, "the barrier waited for the handler");
    assert.is(snapshotInside, 0, "no snapshot was taken inside a handler");
    if (mode !== "aligned") stage.assertCaptured(id);
    source.give(1);
    await stage.until(() => inside === 1, "another handler that waits");
    stage.kill();
    inside = 0;

    const restored = await stage.start(pipeline, options);
    if (mode !== "aligned") stage.assertRecovered();
    source.end();
    await stage.finish(restored);
    assert.equal(sink.values, Array.from({ length: 22 }, (_, n) => n + 1), "each record counted once, in order");
  });
}

const zombie = suite("scenario 22: a zombie's late promise emits");

zombie("22: what a handler of an older attempt does after its end throws and reaches nothing", async () => {
  const stage = new Stage();
  const source = new HandSource("a");
  const sink = new WitnessSink<string>();
  const late: (() => void)[] = [];
  const thrown: unknown[] = [];
  let failures = 1;
  const pipeline = job("zombie", (flow) =>
    flow.from("in", source)
      .keyBy("all", () => "all")
      .process("hangs", {
        state: { seen: value(Type.Number(), 0) },
        emits: type<string>(),
        async onRecord(record, ctx) {
          const count = ctx.state.seen.get() + 1;
          if (record.n === 3 && failures > 0) {
            failures--;
            await new Promise<void>((resolve) => late.push(resolve));
            for (const act of [() => ctx.emit("from the grave"), () => ctx.state.seen.set(100), () => ctx.timers.event(5)]) {
              try {
                act();
              } catch (error) {
                thrown.push(error);
              }
            }
            return;
          }
          ctx.state.seen.set(count);
          ctx.emit(`${nameOf(record)} is number ${count}`);
        },
        onTimer() {},
      })
      .to("out", sink));
  // The handler hangs for longer than it may: its attempt fails, and another one begins.
  const options = { checkpoints: { mode: "unaligned", intervalMs: 1 }, handlerTimeoutMs: 20, shutdownMs: 10 } as const;
  const run = await stage.start(pipeline, options);
  source.give(6);
  await stage.until(() => stage.of("started").length === 2, "the second attempt");
  assert.is(late.length, 1);
  (late[0] as () => void)();
  await stage.advance(1);
  assert.is(thrown.length, 3, "the zombie's three acts");
  for (const error of thrown) assert.instance(error, StaleContextError);
  source.end();
  await stage.finish(run);
  assert.equal(sink.values, Array.from({ length: 6 }, (_, n) => `a.${n} is number ${n + 1}`));
});

awaiting.run();
zombie.run();
