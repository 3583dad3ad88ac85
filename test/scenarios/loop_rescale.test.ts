/** Loops under changes of parallelism, with records on every way in them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointMode, type Job, job, map, memorySink, memorySource, type } from "../../mod.ts";
import { Stage } from "./stage.ts";

const test = suite("loops under changes of parallelism");

interface Rider {
  readonly n: number;
  readonly round: number;
}

const count = 60;
const rounds = 4;

/** Every record goes round four times; keyed state in the loop counts how often it has passed in each round. */
function looping(stage: Stage): { readonly job: Job; judge(): void } {
  const sink = memorySink<Rider & { readonly times: number }>();
  const riders = Array.from({ length: count }, (_, n): Rider & { times: number } => ({ n, round: 0, times: 1 }));
  const made = job("looping", (flow) =>
    flow.from("in", memorySource(riders, { splits: 3 })).iterate("loop", (loop) => {
      const step = loop.keyBy("n", ({ n }) => n).process("step", {
        state: { passed: map(type<number>(), type<number>()) },
        emits: type<Rider & { readonly times: number }>(),
        onRecord({ n, round, times }, ctx) {
          const own = (ctx.state.passed.get(round) ?? 0) + 1;
          ctx.state.passed.set(round, own);
          ctx.emit({ n, round: round + 1, times: Math.max(times, own) });
          return stage.sleep(0.4);
        },
      });
      const passed = step.rebalance().process("passes", {
        emits: type<Rider & { readonly times: number }>(),
        onRecord(rider, ctx) {
          ctx.emit(rider);
          return stage.sleep(0.2);
        },
      });
      const again = passed.filter(({ round }) => round < rounds);
      return { feedback: again, output: passed.filter(({ round }) => round >= rounds) };
    }, { feedbackBytes: 200_000 }).to("out", sink));
  return {
    job: made,
    judge() {
      const out = [...sink.values].sort((a, b) => a.n - b.n);
      assert.equal(out, Array.from({ length: count }, (_, n) => ({ n, round: rounds, times: 1 })));
    },
  };
}

const modes: readonly CheckpointMode[] = ["unaligned", "aligned", { alignedTimeoutMs: 2 }];

for (const mode of modes) {
  for (const parallelisms of [[1, 3, 2], [4, 2, 5]]) {
    test(`${JSON.stringify(mode)}: from ${parallelisms.join(" to ")}, what goes round is dealt out anew`, async () => {
      const stage = new Stage();
      const { job, judge } = looping(stage);
      const options = { checkpoints: { mode } };
      const inLoop = new Set<string>();
      for (const parallelism of parallelisms.slice(0, -1)) {
        const run = await stage.start(job, { ...options, parallelism });
        await stage.clock.advance(3);
        const { subtasks, inFlightRecords } = stage.figures(await stage.settle(run.checkpoint()));
        assert.ok(inFlightRecords > 0, "nothing was under way");
        for (const subtask of subtasks) if (subtask.inFlightRecords > 0) inLoop.add(subtask.task);
        stage.kill();
      }
      const last = await stage.start(job, { ...options, parallelism: parallelisms.at(-1) as number });
      stage.assertRecovered();
      await stage.settle(last.finished);
      assert.ok(inLoop.has(mode === "unaligned" ? "step" : "loop"), `captured at ${[...inLoop].join(", ")}`);
      assert.is(stage.of("failed").length, 0, stage.story());
      judge();
    });
  }
}

test("a run with a loop goes on with another parallelism, twice", async () => {
  const stage = new Stage();
  const { job, judge } = looping(stage);
  const run = await stage.start(job, { parallelism: 2, checkpoints: { mode: "unaligned" } });
  for (const parallelism of [5, 1]) {
    await stage.clock.advance(2);
    await stage.settle(run.rescale(parallelism));
    assert.ok((stage.of("started").at(-1)?.inFlightRecords ?? 0) > 0, "nothing was under way");
  }
  await stage.settle(run.finished);
  judge();
});

test.run();
