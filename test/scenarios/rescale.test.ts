/** Scenarios 11, 12, 17, 20 and 21 across changes of parallelism, and faults that other engines had there. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ChannelOptions, Job, Source, Split, SplitReader, Stream } from "../../mod.ts";
import { count, job, list, memorySink, memorySource, milliseconds, SluiceError, tumbling, type } from "../../mod.ts";
import { keyGroupOf } from "../../runtime/graph/key.ts";
import { type Parcel, parcels, rescaleJob, type Seen } from "../rescale/jobs.ts";
import { narrow, Stage } from "./stage.ts";

const unaligned = { checkpoints: { mode: "unaligned" } } as const;

/** Starts the job at each parallelism in turn, each time from a checkpoint with records under way; the last runs to its end. */
async function through(
  stage: Stage,
  pipeline: Job,
  parallelisms: readonly number[],
  options: { readonly ms: number; readonly task?: string; readonly channels?: ChannelOptions },
): Promise<void> {
  for (const [index, parallelism] of parallelisms.entries()) {
    const { channels = narrow } = options;
    const run = await stage.start(pipeline, { parallelism, channels, ...unaligned });
    if (index === parallelisms.length - 1) return void await stage.settle(run.finished);
    await stage.clock.advance(options.ms);
    const { inFlightRecords, subtasks } = stage.figures(await stage.settle(run.checkpoint()));
    const { task } = options;
    const under = task === undefined ? inFlightRecords : subtasks
      .filter((subtask) => subtask.task === task).reduce((sum, subtask) => sum + subtask.inFlightRecords, 0);
    assert.ok(under > 0, `nothing was under way at parallelism ${parallelism}:\n${stage.story()}`);
    stage.kill();
  }
}

/** Records each key's disorder and repetitions at the end of a job. */
function checked(stream: Stream<Parcel, false>): Stream<Seen, false> {
  return stream.keyBy("key", ({ key }) => key).process("check", {
    state: { seen: list(type<number>()) },
    emits: type<Seen>(),
    onRecord(parcel, ctx) {
      const seen = ctx.state.seen.get();
      const times = seen.filter((place) => place === parcel.place).length + 1;
      const late = parcel.place < (seen.at(-1) ?? -1);
      ctx.state.seen.add(parcel.place);
      ctx.emit({ ...parcel, times, late });
    },
  });
}

function slow<T extends object>(stage: Stage, stream: Stream<T, boolean>, uid: string, delayMs: number): Stream<T, false> {
  return stream.process(uid, {
    emits: type<T>(),
    onRecord(record, ctx) {
      ctx.emit(record);
      return stage.sleep(delayMs);
    },
  }) as Stream<T, false>;
}

function assertOnce(values: readonly Seen[], expected: number, each = 1): void {
  const numbers = values.map(({ n }) => n).toSorted((a, b) => a - b);
  assert.equal(numbers, Array.from({ length: expected * each }, (_, i) => Math.floor(i / each)));
}

const eleven = suite("scenario 11: a second checkpoint while recovered channels drain");

for (const way of ["keyed", "custom", "mixed"] as const) {
  eleven(
    `11: ${way}, from 3 to 7 to 2, each from a checkpoint taken while the last one's records are still being read`,
    async () => {
      const stage = new Stage();
      const { job: pipeline, judge } = rescaleJob(stage, way, 300);
      const first = await stage.start(pipeline, { parallelism: 3, ...unaligned });
      await stage.clock.advance(4);
      const before = stage.figures(await stage.settle(first.checkpoint())).inFlightRecords;
      stage.kill();
      const second = await stage.start(pipeline, { parallelism: 7, ...unaligned });
      const early = stage.figures(await stage.settle(second.checkpoint())).inFlightRecords;
      assert.ok(early > 0 && before > 0, "nothing was under way");
      stage.kill();
      const third = await stage.start(pipeline, { parallelism: 2, ...unaligned });
      assert.is(stage.of("started").at(-1)?.inFlightRecords, early);
      await stage.settle(third.finished);
      judge();
    },
  );
}

const twelve = suite("scenario 12: a late record across a rescale");

interface Tick {
  readonly key: number;
  readonly at: number;
}

interface Fired {
  readonly key: number;
  readonly start: number;
  readonly value: number;
  readonly padding: string;
}

twelve("12: no window fires twice and every record is in one window or late, though owners were at different times", async () => {
  const stage = new Stage();
  const ticks: Tick[] = [];
  for (let step = 0; step < 60; step++) {
    for (let key = 0; key < 8; key++) {
      ticks.push({ key, at: step * 10 + key });
      if (step % 5 === 4) ticks.push({ key, at: (step - 3) * 10 });
    }
  }
  const windows = memorySink<Fired>();
  const late = memorySink<Tick>();
  const padding = "x".repeat(5_000);
  const pipeline = job("late", (flow) => {
    const counted = flow.from("in", memorySource(ticks, { splits: 1 }), { parallelism: 1 })
      .watermarks(({ at }) => at)
      .process("pace", {
        emits: type<Tick>(),
        onRecord(tick, ctx) {
          ctx.emit(tick);
          return stage.sleep(0.1);
        },
      }, { parallelism: 1 })
      .keyBy("key", ({ key }) => key)
      .window(tumbling(milliseconds(10)))
      .aggregate("windows", count(), ({ key, start, value }): Fired => ({ key, start, value, padding }));
    // Results are large: a subtask of slow keys is soon out of credit, and falls behind in event time.
    counted.process("hold up", {
      emits: type<Fired>(),
      onRecord(fired, ctx) {
        ctx.emit(fired);
        return keyGroupOf(fired.key, 128) < 50 ? stage.sleep(3) : undefined;
      },
    }).to("windows out", windows);
    counted.side("late").to("late out", late);
  });
  const channels = { frameRecords: 4, frameBytes: 20_000, windowBytes: 10_000, targetMs: 60_000 };
  await through(stage, pipeline, [2, 1, 3, 1], { ms: 14, channels });
  const fired = windows.values.map(({ key, start }) => `${key}@${start}`);
  assert.is(new Set(fired).size, fired.length, "a window fired twice");
  assert.ok(late.values.length > 0, "no record was late");
  const inWindows = windows.values.reduce((sum, { value }) => sum + value, 0);
  assert.is(inWindows + late.values.length, ticks.length);
});

const seventeen = suite("scenario 17: a split assigned around the barrier");

/** Splits that appear while the job runs; readers wait until they are let go. */
class GrowingSource implements Source<Parcel, number> {
  readonly kind = "growing";
  readonly bounded = true;
  readonly data = new Map<string, Parcel[]>();
  readonly opened: string[] = [];
  held = true;

  open(split: Split, position = 0): SplitReader<Parcel, number> {
    this.opened.push(`${split.id} at ${position}`);
    const records = this.data.get(split.id) ?? [];
    let next = position;
    const { held } = this;
    return {
      poll: (output) => {
        if (held) return "waiting";
        while (next < records.length) if (!output.emit(records[next++] as Parcel)) return "more";
        return "ended";
      },
      position: () => next,
      close() {},
    };
  }

  splits(): readonly Split[] {
    return [...this.data.keys()].map((id) => ({ id }));
  }
}

seventeen(
  "17: splits assigned before the barrier are in it without a record read; those found later begin at their start",
  async () => {
    const stage = new Stage();
    const source = new GrowingSource();
    const all = parcels(120);
    for (let split = 0; split < 4; split++) source.data.set(`s${split}`, all.filter(({ n }) => n % 6 === split));
    const sink = memorySink<Seen>();
    const pipeline = job("splits", (flow) => checked(flow.from("in", source)).to("out", sink));
    const run = await stage.start(pipeline, { parallelism: 2, ...unaligned });
    await stage.settle(run.checkpoint());
    stage.kill();
    source.opened.length = 0;
    source.held = false;
    for (let split = 4; split < 6; split++) source.data.set(`s${split}`, all.filter(({ n }) => n % 6 === split));
    const restored = await stage.start(pipeline, { parallelism: 3, ...unaligned });
    await stage.settle(restored.finished);
    assert.equal(source.opened.toSorted(), ["s0 at 0", "s1 at 0", "s2 at 0", "s3 at 0", "s4 at 0", "s5 at 0"]);
    assertOnce(sink.values, 120);
  },
);

seventeen("17: a split that was being read and is gone is an error at any parallelism, never skipped", async () => {
  const stage = new Stage();
  const source = new GrowingSource();
  for (const id of ["kept", "gone"]) source.data.set(id, parcels(10));
  const pipeline = job("gone", (flow) => checked(flow.from("in", source)).to("out", memorySink<Seen>()));
  const run = await stage.start(pipeline, { parallelism: 2, ...unaligned });
  await stage.settle(run.checkpoint());
  stage.kill();
  source.data.delete("gone");
  const failure = await stage.start(pipeline, { parallelism: 3, ...unaligned }).then(() => undefined, (error: unknown) => error);
  assert.instance(failure, SluiceError);
  assert.match((failure as SluiceError).message, /gone/);
});

const twenty = suite("scenario 20: a forward edge below a keyed operator across a rescale");

twenty("20: records under way on it follow their key, so that the order of each key stays", async () => {
  const stage = new Stage();
  const sink = memorySink<Seen>();
  const pipeline = job("forward-below", (flow) => {
    const keyed = flow.from("in", memorySource(parcels(300), { splits: 5 })).keyBy("key", ({ key }) => key)
      .process("keyed", { emits: type<Parcel>(), onRecord: (parcel, ctx) => ctx.emit(parcel) });
    checked(slow(stage, slow(stage, keyed, "below", 1), "further below", 1.5)).to("out", sink);
  });
  await through(stage, pipeline, [3, 7, 2, 5], { ms: 3, task: "below" });
  assertOnce(sink.values, 300);
  assert.equal(sink.values.filter(({ late, times }) => late || times > 1), []);
});

const twentyOne = suite("scenario 21: two edges between the same two operators");

twentyOne("21: FLINK-40269: by key and evenly from one operator to another, from 2 to 4 to 3", async () => {
  const stage = new Stage();
  const sink = memorySink<Parcel>();
  const pipeline = job("twice", (flow) => {
    const from = flow.from("in", memorySource(parcels(200), { splits: 5 }))
      .process("one", { emits: type<Parcel>(), onRecord: (parcel, ctx) => ctx.emit(parcel) });
    const even = from.rebalance();
    const chosen = from.partition("key", ({ key }, subtasks) => key % subtasks);
    slow(stage, even.union(chosen), "two", 1).to("out", sink);
  });
  await through(stage, pipeline, [2, 4, 3], { ms: 4, task: "two" });
  const numbers = sink.values.map(({ n }) => n).toSorted((a, b) => a - b);
  assert.equal(numbers, Array.from({ length: 400 }, (_, i) => Math.floor(i / 2)));
});

const museum = suite("faults that other engines had");

museum("FLINK-35351: a custom partitioner is applied anew when the number of receivers changes, and only then", async () => {
  let calls = 0;
  const pipeline = (stage: Stage, sink: ReturnType<typeof memorySink<Parcel>>) =>
    job("custom", (flow) => {
      const from = flow.from("in", memorySource(parcels(60), { splits: 1 }), { parallelism: 1 });
      const dealt = from.partition("key", ({ key }, subtasks) => (calls++, key % subtasks));
      slow(stage, dealt, "work", 1).to("out", sink);
    });
  for (const [after, again] of [[3, false], [2, true]] as const) {
    const stage = new Stage();
    const sink = memorySink<Parcel>();
    calls = 0;
    const first = await stage.start(pipeline(stage, sink), { parallelism: 3, ...unaligned });
    await stage.clock.advance(3);
    const { inFlightRecords } = stage.figures(await stage.settle(first.checkpoint()));
    assert.ok(inFlightRecords > 0);
    stage.kill();
    const partitioned = calls;
    const restored = await stage.start(pipeline(stage, sink), { parallelism: after, ...unaligned });
    const anew = calls - partitioned;
    if (again) assert.ok(anew >= inFlightRecords, `${anew} calls for ${inFlightRecords} records`);
    else assert.is(anew, 0);
    await stage.settle(restored.finished);
    assert.equal(sink.values.map(({ n }) => n).toSorted((a, b) => a - b), parcels(60).map(({ n }) => n));
  }
});

museum("a partitioner that gives no receiver fails the task, naming operators and record", async () => {
  const stage = new Stage();
  const pipeline = job("astray", (flow) => {
    flow.from("in", memorySource(parcels(5))).partition("astray", ({ n }, subtasks) => n === 3 ? subtasks : 0)
      .process("work", { emits: type<Parcel>(), onRecord() {} }).to("out", memorySink<Parcel>());
  });
  const run = await stage.start(pipeline, { parallelism: 2, restart: { kind: "none" } });
  const failure = await stage.settle(run.finished.then(() => undefined, (error: unknown) => error)) as SluiceError;
  const cause = failure.cause as SluiceError;
  assert.is(cause.code, "PARTITION_OUT_OF_RANGE");
  for (const part of ['"astray"', "in", "work", '"n":3', "from 0 to 1"]) assert.ok(cause.message.includes(part), cause.message);
});

museum("FLINK-31963: operators without state, with records under way, from 2 to 5 to 1", async () => {
  const stage = new Stage();
  const sink = memorySink<Parcel>();
  const pipeline = job("stateless", (flow) => {
    const even = flow.from("in", memorySource(parcels(150), { splits: 3 })).rebalance();
    slow(stage, slow(stage, even, "a", 0.5).rebalance(), "b", 1).to("out", sink);
  });
  await through(stage, pipeline, [2, 5, 1], { ms: 3 });
  assert.equal(sink.values.map(({ n }) => n).toSorted((a, b) => a - b), parcels(150).map(({ n }) => n));
});

museum("FLINK-38483: a checkpoint in which nothing has any state yet is taken up at another parallelism", async () => {
  const stage = new Stage();
  const source = new GrowingSource();
  source.data.set("s", parcels(40));
  const sink = memorySink<Seen>();
  const pipeline = job("nothing-yet", (flow) => checked(flow.from("in", source)).to("out", sink));
  const run = await stage.start(pipeline, { parallelism: 3, ...unaligned });
  assert.is(stage.figures(await stage.settle(run.checkpoint())).inFlightRecords, 0);
  stage.kill();
  source.held = false;
  const restored = await stage.start(pipeline, { parallelism: 2, ...unaligned });
  await stage.settle(restored.finished);
  assertOnce(sink.values, 40);
});

for (const each of [eleven, twelve, seventeen, twenty, twentyOne, museum]) each.run();
