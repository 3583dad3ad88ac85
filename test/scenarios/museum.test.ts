/**
 * The bug museum: what went wrong with unaligned checkpoints in Apache Flink, each under its number, as a scenario that must not
 * go wrong here. Those about changes of parallelism are in `rescale.test.ts`.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointMode, type CheckpointStorage, job, memorySink, type, value } from "../../mod.ts";
import { alteredStorage } from "./altered_storage.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { meeting } from "./meeting.ts";
import { slowly } from "./slow.ts";
import { Stage, type StageOptions } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const museum = suite("bug museum");

const often = { mode: "unaligned", tolerableFailures: 100 } as const;

/** The process dies and is started again from a checkpoint with records in flight: every record must come out once. */
async function assertExactAfterCrash(
  stage: Stage,
  { pipeline, sink, sources }: {
    readonly pipeline: Parameters<Stage["start"]>[0];
    readonly sink: WitnessSink<Numbered>;
    readonly sources: readonly HandSource[];
  },
  options: StageOptions,
): Promise<void> {
  stage.kill();
  const restored = await stage.start(pipeline, options);
  stage.assertRecovered();
  for (const source of sources) source.end();
  await stage.finish(restored);
  assert.equal(sink.values.map(nameOf).sort(), sources.flatMap(({ records }) => records).sort());
}

for (const delayMs of [12, 25, 50]) {
  museum(`FLINK-20645: a late barrier of an aborted checkpoint ends no capture of a newer one (${delayMs} ms late)`, async () => {
    const stage = new Stage();
    const { quick, late, pace, pipeline, sink } = meeting(stage, delayMs);
    const options = { checkpoints: { ...often, intervalMs: 14, timeoutMs: 10, maxConcurrent: 2 } };
    await stage.start(pipeline, options);
    quick.give(30);
    late.give(40);
    // Barriers leave the slow operator between two records, each a good while after its checkpoint was given up.
    await stage.until(() => stage.of("checkpoint-aborted").length >= 3, "three aborts");
    const abortedLast = stage.of("checkpoint-aborted").at(-1)?.checkpoint as number;
    pace.delayMs = 4;
    await stage.until(() => (stage.completed.at(-1) ?? 0) > abortedLast, "a newer one that completes");
    stage.assertCaptured(stage.completed.at(-1) as number);
    await assertExactAfterCrash(stage, { pipeline, sink, sources: [quick, late] }, options);
  });
}

museum("FLINK-20654, 21104: after a decline one channel brings the newer barrier while the other brings the older", async () => {
  const stage = new Stage();
  let refusals = 0;
  const moody = {
    get mood() {
      if (refusals-- > 0) throw new Error("cannot be written now");
      return "fine";
    },
  };
  const { quick, late, pipeline, sink } = meeting(
    stage,
    20,
    (stream) =>
      void stream.keyBy("all", () => "all").process("declines", {
        state: { it: value(type<unknown>(), 0) },
        emits: type<Numbered>(),
        onRecord: (_, ctx) => ctx.state.it.set(moody),
      }).to("nowhere", memorySink()),
  );
  const options = { checkpoints: { ...often, maxConcurrent: 2 } };
  const run = await stage.start(pipeline, options);
  late.give(40);
  quick.give(5);
  await stage.until(() => sink.written.length >= 6, "some records");
  for (let round = 1; round <= 3; round++) {
    refusals = 1;
    quick.give(1);
    await stage.advance(1);
    stage.assertCaptured(await stage.settle(run.checkpoint()));
    assert.is(stage.of("checkpoint-aborted").length, round);
  }
  for (const { reason } of stage.of("checkpoint-aborted")) assert.match(reason, /cannot be written now/);
  await assertExactAfterCrash(stage, { pipeline, sink, sources: [quick, late] }, options);
});

/** Lets the data files of one checkpoint take so long to be made durable. */
function slowFor(slow: (id: number) => Promise<void> | undefined): (real: CheckpointStorage) => CheckpointStorage {
  return (real) =>
    alteredStorage(real, (store) => ({
      createData(id, attempt) {
        const writer = store.createData(id, attempt);
        const { seal } = writer;
        writer.seal = async () => {
          await slow(id);
          return await seal.call(writer);
        };
        return writer;
      },
    }));
}

museum("FLINK-17869: an abort while what was captured is being written leaves no file and does not touch the next", async () => {
  const stage = new Stage();
  const { quick, late, pipeline, sink } = meeting(stage, 3);
  const options = {
    checkpoints: { ...often, timeoutMs: 20 },
    storage: slowFor((id) => id === 1 ? stage.sleep(60) : undefined),
  };
  const run = await stage.start(pipeline, options);
  quick.give(10);
  late.give(40);
  await stage.until(() => sink.written.length >= 11, "some records");
  const id = await stage.settle(run.checkpoint());
  assert.equal(stage.of("checkpoint-aborted").map(({ checkpoint }) => checkpoint), [1]);
  assert.is(id, 2);
  stage.assertCaptured(2);
  await stage.advance(80); // what was being written comes to its end
  assert.equal([...stage.disk.files().keys()].filter((path) => path.includes("chk-1-")), []);
  await assertExactAfterCrash(stage, { pipeline, sink, sources: [quick, late] }, { checkpoints: often });
});

museum(
  "FLINK-17994, 18063: a subtask that hears of an abort before the barrier takes no snapshot and holds nothing",
  async () => {
    const stage = new Stage();
    const source = new HandSource("a");
    const sink = new WitnessSink<Numbered>();
    const pace = { delayMs: 40 };
    const pipeline = job(
      "two-hops",
      (flow) =>
        flow.from("in", source).rebalance().process("first", slowly(stage, pace)).rebalance()
          .process("second", slowly(stage, { delayMs: 1 })).rebalance().to("out", sink),
    );
    const options = { checkpoints: { ...often, timeoutMs: 15 } };
    const run = await stage.start(pipeline, options);
    source.give(30);
    await stage.until(() => sink.written.length >= 1, "the first record");
    const taken = run.checkpoint();
    await stage.until(() => stage.of("checkpoint-aborted").length === 1, "the abort");
    const written = sink.written.length;
    pace.delayMs = 2;
    const id = await stage.settle(taken);
    assert.not.ok(
      sink.prepared.includes(1),
      "the barrier of the aborted checkpoint had not come to the sink when it was aborted",
    );
    stage.assertCaptured(id);
    await stage.until(() => sink.written.length > written, "what comes behind the late barrier");
    await assertExactAfterCrash(stage, { pipeline, sink, sources: [source] }, options);
  },
);

museum("FLINK-22638: inputs that wait at their barrier go on at the timeout, not when the last barrier has come", async () => {
  const stage = new Stage();
  const { quick, late, pipeline, sink, quickSeen } = meeting(stage, 30);
  const options = { checkpoints: { mode: { alignedTimeoutMs: 5 } } } as const;
  const run = await stage.start(pipeline, options);
  late.give(10);
  quick.give(2);
  await stage.until(() => quickSeen() === 2, "the quick records");
  const taken = run.checkpoint();
  await stage.until(() => stage.of("checkpoint-triggered").length === 1, "the trigger");
  await stage.advance(1);
  quick.give(6);
  await stage.advance(2);
  assert.is(quickSeen(), 2, "before the timeout they wait");
  await stage.advance(40); // the slow operator's record at hand takes thirty of them
  assert.is(quickSeen(), 8, "after it they do not, whatever the slow way still has to bring");
  const id = await stage.settle(taken);
  stage.assertCaptured(id);
  await assertExactAfterCrash(stage, { pipeline, sink, sources: [quick, late] }, options);
});

museum(
  "FLINK-24667: a store that fails when a file is closed, and again when it is cleared away, costs that checkpoint",
  async () => {
    const stage = new Stage();
    const { quick, late, pipeline, sink } = meeting(stage, 2);
    const options = { checkpoints: often };
    const run = await stage.start(pipeline, options);
    quick.give(10);
    late.give(40);
    await stage.until(() => sink.written.length >= 11, "some records");
    const struck = new Set<string>();
    stage.disk.inject = ({ action, path }) => {
      if (
        !path.includes("chk-1-") || !["sync", "remove", "remove-directory"].includes(action) || struck.has(action)
      ) return undefined;
      struck.add(action);
      return "io";
    };
    const id = await stage.settle(run.checkpoint());
    assert.ok(struck.has("sync") && struck.has("remove"), `struck ${[...struck].join(", ")}`);
    assert.is(id, 2);
    assert.match(stage.of("checkpoint-aborted")[0]?.reason ?? "", /sync/);
    assert.is(stage.of("failed").length, 0);
    stage.assertCaptured(2);
    await assertExactAfterCrash(stage, { pipeline, sink, sources: [quick, late] }, options);
  },
);

museum("FLINK-39977: what many subtasks captured is in one file, and each channel finds its own again", async () => {
  const stage = new Stage();
  const source = new HandSource("a", "b", "c");
  const sink = new WitnessSink<Numbered>();
  const pipeline = job(
    "one-file",
    (flow) =>
      flow.from("in", source, { parallelism: 3 }).keyBy("n", ({ n }) => n).process("first", slowly(stage, { delayMs: 1 }))
        .rebalance().process("second", slowly(stage, { delayMs: 2 })).to("out", sink),
  );
  const options = { checkpoints: often, parallelism: 4 };
  const run = await stage.start(pipeline, options);
  source.give(30);
  await stage.until(() => sink.written.length >= 8, "some records");
  const id = await stage.settle(run.checkpoint());
  const holding = stage.figures(id).subtasks.filter(({ inFlightRecords }) => inFlightRecords > 0);
  assert.ok(holding.length > 4, `${holding.length} subtasks captured something`);
  assert.is([...stage.disk.files().keys()].filter((path) => path.includes(`chk-${id}-`) && path.includes("data-")).length, 1);
  await assertExactAfterCrash(stage, { pipeline, sink, sources: [source] }, options);
});

museum(
  "FLINK-40101: event time downstream does not stand still while a burst of timers is interrupted by checkpoints",
  async () => {
    const stage = new Stage(64);
    const source = new HandSource("a");
    const sink = new WitnessSink<number>();
    const timers = 6_000;
    let fired = 0;
    let furthest = 0;
    let furthestInBurst = 0;
    const pipeline = job("burst", (flow) =>
      flow.from("in", source)
        .watermarks(({ n }) => (n < 10 ? 0 : timers + 1))
        .keyBy("n", ({ n }) => n)
        .process("alarms", {
          emits: type<number>(),
          onRecord({ n }, ctx) {
            for (let at = 1; n < 10 && at <= timers / 10; at++) ctx.timers.event(at * 10 + n - 9, `${n}.${at}`);
          },
          onTimer({ at }, ctx) {
            fired++;
            ctx.emit(at);
          },
        })
        .rebalance()
        .process("sees", {
          emits: type<number>(),
          onRecord(at, ctx) {
            furthest = Math.max(furthest, ctx.watermark);
            if (fired < timers) furthestInBurst = Math.max(furthestInBurst, ctx.watermark);
            ctx.emit(at);
          },
        })
        .to("out", sink));
    const options = {
      checkpoints: often,
      channels: { frameRecords: 32, frameBytes: 100_000, windowBytes: 4_000, targetMs: 60_000 },
    };
    const run = await stage.start(pipeline, options);
    source.give(11); // the last one carries event time past all timers
    await stage.until(() => fired > timers / 2, "half of the timers");
    assert.ok(furthestInBurst > timers / 4, `downstream event time had come to ${furthestInBurst} after ${fired} timers`);
    const id = await stage.settle(run.checkpoint());
    stage.assertCaptured(id);
    assert.ok(fired < timers, "the checkpoint came within the burst");
    stage.kill();

    const at = furthestInBurst;
    [fired, furthest, furthestInBurst] = [timers / 2, 0, 0];
    const restored = await stage.start(pipeline, options);
    stage.assertRecovered();
    await stage.until(() => furthest > 0, "a record after the restore");
    assert.ok(furthest >= at - 1_024, `event time went back from ${at} to ${furthest}`);
    source.end();
    await stage.finish(restored);
    assert.equal([...sink.values].sort((a, b) => a - b), Array.from({ length: timers }, (_, n) => n + 1));
  },
);

for (const mode of ["aligned", { alignedTimeoutMs: 5 }, "at-least-once"] satisfies CheckpointMode[]) {
  museum(
    `FLINK-40518: restored with records in flight into another mode, checkpoints complete (${JSON.stringify(mode)})`,
    async () => {
      const stage = new Stage();
      const { quick, late, pipeline, sink } = meeting(stage, 2);
      const first = await stage.start(pipeline, { checkpoints: often });
      quick.give(10);
      late.give(40);
      await stage.until(() => sink.written.length >= 11, "some records");
      stage.assertCaptured(await stage.settle(first.checkpoint()));
      stage.kill();

      const options = { checkpoints: { mode, timeoutMs: 200 } };
      const second = await stage.start(pipeline, options);
      stage.assertRecovered();
      quick.give(5);
      late.give(5);
      await stage.settle(second.checkpoint());
      assert.is(stage.of("checkpoint-aborted").length, 0);
      stage.kill();

      const third = await stage.start(pipeline, options);
      for (const source of [quick, late]) source.end();
      await stage.finish(third);
      const values = sink.values.map(nameOf).sort();
      const expected = [...quick.records, ...late.records].sort();
      assert.equal(mode === "at-least-once" ? [...new Set(values)] : values, expected);
    },
  );
}

museum("FLINK-31588: figures say that a checkpoint captured records exactly when it did", async () => {
  const stage = new Stage();
  const { quick, late, pace, pipeline, sink } = meeting(stage, 0);
  const run = await stage.start(pipeline, { checkpoints: { mode: { alignedTimeoutMs: 10 } } });
  quick.give(5);
  late.give(5);
  await stage.until(() => sink.written.length === 10, "all of it");
  const calm = await stage.settle(run.checkpoint());
  assert.is(stage.figures(calm).inFlightRecords, 0, "it was aligned before the timeout");
  pace.delayMs = 8;
  late.give(40);
  quick.give(5);
  await stage.until(() => sink.written.length >= 16, "the slow way is full");
  const pressed = await stage.settle(run.checkpoint());
  stage.assertCaptured(pressed);
  const { subtasks, inFlightRecords, inFlightBytes } = stage.figures(pressed);
  assert.is(subtasks.reduce((sum, subtask) => sum + subtask.inFlightRecords, 0), inFlightRecords);
  assert.ok(inFlightBytes > 0);
  const left = sink.written.length;
  await assertExactAfterCrash(stage, { pipeline, sink, sources: [quick, late] }, { checkpoints: often });
  assert.ok(left < 55);
  assert.is(stage.of("started").at(-1)?.inFlightRecords, inFlightRecords, "what is put back is what was captured");
});

museum.run();
