/** Scenario 14: a loop with a record on its forward channel at the cut, and one of gain 1 with a fast source. How loops end. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CheckpointMode, Run, Stream } from "../../mod.ts";
import { generate, job, list, MAX_WATERMARK, memorySink, memorySource, SluiceError, type } from "../../mod.ts";
import { narrow, Stage } from "./stage.ts";

const modes: readonly CheckpointMode[] = ["aligned", "unaligned", { alignedTimeoutMs: 2 }, "at-least-once"];

const show = (mode: CheckpointMode) => (typeof mode === "object" ? `timeout ${mode.alignedTimeoutMs} ms` : mode);

/** What comes in. */
interface Numbered {
  readonly n: number;
}

/** A record with event time. */
interface Timed {
  readonly at: number;
  readonly round: number;
}

/** A record that goes round, and how often it has. */
interface Rider extends Numbered {
  readonly round: number;
}

const riders = (count: number) => memorySource(Array.from({ length: count }, (_, n): Rider => ({ n, round: 0 })));

/** Each number from 0 came out so often, each after so many rounds, and nothing else. */
function assertOut(values: readonly Rider[], count: number, round: number, times = 1): void {
  const sorted = values.toSorted((a, b) => a.n - b.n);
  assert.equal(sorted, Array.from({ length: count * times }, (_, i) => ({ n: Math.floor(i / times), round })));
}

/** A loop in which every record goes round so often, each round taking so long. */
function goRound(
  stage: Stage,
  from: Stream<Rider, false>,
  { uid = "loop", rounds, delayMs, feedbackBytes = 100_000 }: {
    readonly uid?: string;
    readonly rounds: number;
    readonly delayMs: number;
    readonly feedbackBytes?: number;
  },
): Stream<Rider, false> {
  return from.iterate(uid, (loop) => {
    const ridden = loop.keyBy("n", ({ n }) => n).process(`${uid} step`, {
      emits: type<Rider>(),
      onRecord({ n, round }, ctx) {
        if (delayMs === 0) return ctx.emit({ n, round: round + 1 });
        return stage.sleep(delayMs).then(() => void (ctx.signal.aborted || ctx.emit({ n, round: round + 1 })));
      },
    });
    return { feedback: ridden.filter(({ round }) => round < rounds), output: ridden.filter(({ round }) => round >= rounds) };
  }, { parallelism: 2, feedbackBytes });
}

/** What the run failed with. */
async function failureOf(stage: Stage, run: Run): Promise<SluiceError> {
  const failure = await stage.settle(run.finished.then(() => undefined, (error: unknown) => error));
  assert.instance(failure, SluiceError);
  const { cause } = failure as SluiceError;
  return cause instanceof SluiceError ? cause : failure as SluiceError;
}

const forward = suite("scenario 14: a loop with a record on its forward channel at the cut");

for (const mode of ["unaligned", { alignedTimeoutMs: 2 }] as const) {
  forward(`14: the record is captured, the loop does not end over it, and a restore brings it back (${show(mode)})`, async () => {
    const stage = new Stage();
    const sink = memorySink<Rider>();
    const pipeline = job(
      "forward",
      (flow) => goRound(stage, flow.from("in", riders(8)), { rounds: 3, delayMs: 5 }).to("out", sink),
    );
    const run = await stage.start(pipeline, { checkpoints: { mode } });
    await stage.clock.advance(12);
    const id = await stage.settle(run.checkpoint());
    const step = stage.figures(id).subtasks.filter(({ task }) => task === "loop step");
    assert.ok(step.some(({ inFlightRecords }) => inFlightRecords > 0), "no record was on a forward channel of the loop");
    await stage.clock.advance(3);
    assert.is(stage.of("finished").length, 0);
    stage.kill();

    const restored = await stage.start(pipeline, { checkpoints: { mode } });
    await stage.settle(restored.finished);
    stage.assertRecovered();
    assertOut(sink.values, 8, 3);
  });
}

forward("14: records that wait on its forward channel keep a loop going, also when nothing is fed back at the cut", async () => {
  const stage = new Stage();
  const sink = memorySink<Rider>();
  const pipeline = job("waiting", (flow) =>
    flow.from("in", riders(8)).iterate("loop", (loop) => {
      const step = loop.keyBy("n", ({ n }) => n).process("step", {
        emits: type<Rider>(),
        onRecord({ n, round }, ctx) {
          ctx.emit({ n, round: round + 1 }); // is back before the next snapshot, which waits for the handler
          return stage.sleep(5);
        },
      });
      return { feedback: step.filter(({ round }) => round < 5), output: step.filter(({ round }) => round >= 5) };
    }).to("out", sink));
  const run = await stage.start(pipeline, { checkpoints: { mode: "unaligned" } });
  await stage.settle(run.finished);
  assert.is(stage.of("failed").length, 0, `what comes back to a loop that has ended fails it:\n${stage.story()}`);
  const cuts = stage.of("checkpoint-completed").map(({ figures: { subtasks } }) =>
    ["loop", "step"].map((of) => subtasks.find(({ task }) => task === of)?.inFlightRecords ?? 0)
  );
  assert.ok(cuts.some(([back, ahead]) => back === 0 && ahead! > 0), `in flight at head and step: ${cuts.join(" | ")}`);
  assertOut(sink.values, 8, 5);
});

forward("14: an aligned checkpoint captures what is fed back, and nothing else", async () => {
  const stage = new Stage();
  const sink = memorySink<Rider>();
  const pipeline = job(
    "aligned",
    (flow) => goRound(stage, flow.from("in", riders(8)), { rounds: 6, delayMs: 1 }).to("out", sink),
  );
  const run = await stage.start(pipeline, { checkpoints: { mode: "aligned" } });
  await stage.clock.advance(3);
  const { subtasks } = stage.figures(await stage.settle(run.checkpoint()));
  const captured = subtasks.filter(({ inFlightRecords }) => inFlightRecords > 0).map(({ task }) => task);
  assert.equal([...new Set(captured)], ["loop"]);
  stage.kill();

  const restored = await stage.start(pipeline, { checkpoints: { mode: "aligned" } });
  await stage.settle(restored.finished);
  stage.assertRecovered();
  assertOut(sink.values, 8, 6);
});

const hot = suite("scenario 14: a loop of gain 1 with a fast source");

for (const mode of modes) {
  hot(`14, fault 49: checkpoints complete under backpressure, capture little, and the job ends (${show(mode)})`, async () => {
    const stage = new Stage();
    const sink = memorySink<Rider>();
    let left = 0;
    const pipeline = job("hot", (flow) => {
      const fast = flow.from("in", riders(400)).union(flow.from("in too", riders(400)));
      goRound(stage, fast, { rounds: 25, delayMs: 0, feedbackBytes: 1_000 }).rebalance().process("slow", {
        emits: type<Rider>(),
        onRecord(rider, ctx) {
          left++;
          return stage.sleep(0.5).then(() => void (ctx.signal.aborted || ctx.emit(rider)));
        },
      }).to("out", sink);
    });
    const run = await stage.start(pipeline, {
      channels: { ...narrow, windowBytes: 60 },
      checkpoints: { mode, intervalMs: 40 },
    });
    await stage.until(() => stage.completed.length >= 3, "three checkpoints");
    assert.ok(left < 600, "most of it was over before three checkpoints had completed");
    await stage.settle(run.finished);
    const captured = stage.of("checkpoint-completed").map(({ figures }) => figures.inFlightRecords);
    assert.ok(Math.max(...captured) < 250, `captured ${captured.join(", ")} records: not what windows bound`);
    assert.is(stage.of("checkpoint-aborted").length, 0, stage.story());
    assertOut(sink.values, 400, 25, 2);
  });
}

hot("14: a loop that feeds back more than goes in fails the job, with its name and the measured gain", async () => {
  const stage = new Stage();
  const pipeline = job("burst", (flow) =>
    flow.from("in", riders(5)).iterate("doubling", (loop) => {
      const twice = loop.rebalance().flatMap((rider) => [rider, rider]);
      return { feedback: twice, output: twice };
    }, { feedbackBytes: 20_000 }).to("out", memorySink()));
  const failure = await failureOf(stage, await stage.start(pipeline, { restart: { kind: "none" } }));
  assert.is(failure.code, "FEEDBACK_OVERFLOW");
  assert.match(failure.message, /loop doubling .* of each record that went in, (1\.[5-9]|2\.)\d+ came back/);
});

const end = suite("the end of loops");

for (const mode of modes) {
  end(
    `what fires when event time is over goes round before the loop ends, without periodic checkpoints (${show(mode)})`,
    async () => {
      const stage = new Stage();
      const sink = memorySink<Rider>();
      const pipeline = job("two-phases", (flow) =>
        flow.from("in", riders(10)).rebalance().iterate("loop", (loop) => {
          const held = loop.keyBy("n", ({ n }) => n).process("hold", {
            state: { kept: list(type<Rider>()) },
            emits: type<Rider>(),
            onRecord(rider, ctx) {
              if (rider.round === 3) return ctx.emit(rider);
              ctx.state.kept.add(rider);
              ctx.timers.event(MAX_WATERMARK); // a second time: after the last watermark
            },
            onTimer(_, ctx) {
              for (const { n, round } of ctx.state.kept.get()) ctx.emit({ n, round: round + 1 });
              ctx.state.kept.clear();
            },
          });
          const passed = held.rebalance().map((rider) => rider, { parallelism: 3 });
          return { feedback: passed.filter(({ round }) => round < 3), output: passed.filter(({ round }) => round === 3) };
        }).to("out", sink));
      const run = await stage.start(pipeline, { parallelism: 2, checkpoints: { mode } });
      await stage.settle(run.finished);
      assertOut(sink.values, 10, 3);
      const reasons = stage.of("checkpoint-triggered").map(({ reason }) => reason);
      assert.ok(reasons.filter((reason) => reason === "end of loop").length >= 2, reasons.join(", "));
      assert.is(reasons.at(-1), "end of input");
    },
  );

  end(`stop leaves what goes round in its last checkpoint, from which it goes on (${show(mode)})`, async () => {
    const stage = new Stage();
    const sink = memorySink<Rider>();
    const pipeline = job(
      "stopped",
      (flow) => goRound(stage, flow.from("in", riders(10)), { rounds: 8, delayMs: 1 }).to("out", sink),
    );
    const run = await stage.start(pipeline, { checkpoints: { mode } });
    await stage.clock.advance(4);
    assert.ok((await stage.settle(run.stop())).stopped);

    const restored = await stage.start(pipeline, { checkpoints: { mode } });
    stage.assertRecovered();
    await stage.settle(restored.finished);
    // At-least-once may process again what was behind the barrier, so some may come out twice.
    const firsts = [...new Map(sink.values.map((rider) => [rider.n, rider])).values()];
    assertOut(mode === "at-least-once" ? firsts : sink.values, 10, 8);
  });
}

end("a loop behind a loop ends after it, and each record goes round both", async () => {
  const stage = new Stage();
  const sink = memorySink<Rider>();
  const pipeline = job("two-loops", (flow) => {
    const first = goRound(stage, flow.from("in", riders(10)), { uid: "first", rounds: 3, delayMs: 1 });
    goRound(stage, first, { uid: "second", rounds: 7, delayMs: 1 }).to("out", sink);
  });
  await stage.settle((await stage.start(pipeline)).finished);
  assertOut(sink.values, 10, 7);
});

end("a loop waits for a timer of the wall clock in it, and is looked at less and less often meanwhile", async () => {
  const stage = new Stage();
  const sink = memorySink<Rider>();
  const pipeline = job("retries", (flow) =>
    flow.from("in", riders(3)).iterate("retry", (loop) => {
      const tried = loop.keyBy("n", ({ n }) => n).process("try", {
        state: { waiting: list(type<Rider>()) },
        emits: type<Rider>(),
        onRecord(rider, ctx) {
          if (rider.round === 2) return ctx.emit(rider);
          ctx.state.waiting.add(rider);
          ctx.timers.processing(ctx.now() + 10_000);
        },
        onTimer(_, ctx) {
          for (const { n, round } of ctx.state.waiting.get()) ctx.emit({ n, round: round + 1 });
          ctx.state.waiting.clear();
        },
      });
      return { feedback: tried.filter(({ round }) => round < 2), output: tried.filter(({ round }) => round === 2) };
    }).to("out", sink));
  await stage.settle((await stage.start(pipeline)).finished);
  assertOut(sink.values, 3, 2);
  const looks = stage.of("checkpoint-triggered").filter(({ reason }) => reason === "end of loop").length;
  assert.ok(looks < 25, `${looks} checkpoints were taken to see whether the loop is quiet`);
});

end("a record that goes round while the input is idle does not hold event time back that comes in elsewhere", async () => {
  const stage = new Stage();
  const fired: number[] = [];
  let firedBeforeSecond = 0;
  const pipeline = job("idle", (flow) => {
    const rare = flow.from(
      "rare",
      generate({ count: 2, ratePerSecond: 10, splits: 1, make: (n): Timed => ({ at: n, round: 0 }) }),
    )
      .rebalance().watermarks(({ at }) => at, { idleAfterMs: 5 });
    const busy = flow.from(
      "busy",
      generate({ count: 50, ratePerSecond: 1_000, splits: 1, make: (n): Timed => ({ at: n, round: 9 }) }),
    )
      .watermarks(({ at }) => at);
    rare.iterate("loop", (loop) => {
      const both = loop.union(busy).keyBy("round", ({ round }) => round).process("both", {
        emits: type<Timed>(),
        onRecord(record, ctx) {
          if (record.round === 9) return ctx.timers.event(record.at);
          if (record.at === 1) firedBeforeSecond = fired.length;
          if (record.round === 0) ctx.timers.processing(ctx.now() + 10, "round");
        },
        onTimer({ at, name }, ctx) {
          if (name === undefined) fired.push(at);
          else ctx.emit({ at: 0, round: 1 });
        },
      });
      return { feedback: both, output: both };
    }).to("out", memorySink());
  });
  await stage.settle((await stage.start(pipeline)).finished);
  assert.is(fired.length, 50);
  assert.ok(firedBeforeSecond > 40, `only ${firedBeforeSecond} of 50 timers fired while the loop's input was idle`);
});

end("a loop whose last watermark is held up in a channel is not quiet: what it fires still goes round", async () => {
  const stage = new Stage();
  const sink = memorySink<Rider>();
  const pipeline = job("held-up", (flow) =>
    flow.from("in", riders(3)).iterate("loop", (loop) => {
      const burst = loop.keyBy("n", ({ n }) => n).process("burst", {
        state: { kept: list(type<Rider>()) },
        emits: type<Rider>(),
        onRecord(rider, ctx) {
          if (rider.round === 1) return ctx.emit({ n: rider.n, round: 2 });
          ctx.state.kept.add(rider);
          ctx.timers.event(MAX_WATERMARK);
          for (let i = 0; i < 30; i++) ctx.emit({ n: -1, round: 0 }); // more than what follows takes
        },
        onTimer(_, ctx) {
          for (const { n } of ctx.state.kept.get()) ctx.emit({ n, round: 1 });
        },
      });
      return { feedback: burst.filter(({ round }) => round === 1), output: burst.filter(({ round }) => round !== 1) };
    }).rebalance().process("slow", {
      emits: type<Rider>(),
      onRecord: (rider, ctx) => stage.sleep(5).then(() => void (ctx.signal.aborted || ctx.emit(rider))),
    }).to("out", sink));
  const run = await stage.start(pipeline, { channels: { ...narrow, windowBytes: 30 }, checkpoints: { mode: "unaligned" } });
  await stage.settle(run.finished);
  assertOut(sink.values.filter(({ round }) => round > 0), 3, 2);
});

end("what an operator in a loop emits at the end of input cannot go round any more: the job says so", async () => {
  const stage = new Stage();
  const pipeline = job("too-late", (flow) =>
    flow.from("in", riders(1)).iterate("loop", (loop) => {
      const step = loop.process("step", {
        emits: type<Rider>(),
        onRecord: ({ n }, ctx) => ctx.emit({ n, round: 1 }),
        onEnd: (ctx) => ctx.emit({ n: 1, round: 0 }),
      });
      return { feedback: step.filter(({ round }) => round === 0), output: step };
    }).to("out", memorySink()));
  const failure = await failureOf(stage, await stage.start(pipeline, { restart: { kind: "none" } }));
  assert.is(failure.code, "FEEDBACK_LATE");
});

forward.run();
hot.run();
end.run();
