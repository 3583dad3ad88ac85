/** Records that are handed over without a frame: what they do is what they would have done in one. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { settled } from "../../actors/simulation/clock.ts";
import { job, type, value } from "../../mod.ts";
import type { Job } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { type Pace, slowly } from "./slow.ts";
import { narrow, Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const scenario = suite("records that are handed over");

const handedOver = { ...narrow, handOverSteps: 1 } as const;
const byFrames = { ...narrow, handOverSteps: 1_025 } as const;

/** Counts by key; `note` is told of each record as it comes. */
function counting(name: string, sources: readonly HandSource[], sink: WitnessSink<string>, note: (name: string) => void): Job {
  return job(name, (flow) => {
    const [first, second] = sources.map((source, index) => flow.from(`in${index}`, source));
    (second === undefined ? first! : first!.union(second))
      .keyBy("key", (record) => record.n % 3)
      .process("count", {
        state: { count: value(type<number>(), 0) },
        emits: type<string>(),
        onRecord(record, ctx) {
          note(nameOf(record));
          const count = (ctx.state.count.get() as number) + 1;
          ctx.state.count.set(count);
          ctx.emit(`${record.n % 3}:${count}`);
        },
      })
      .to("out", sink);
  });
}

/** The counts of each key from 1 to what there are of it, each once. */
function expected(source: HandSource): string[] {
  const counts = [0, 0, 0];
  return source.records.map((name) => {
    const key = Number(name.split(".")[1]) % 3;
    return `${key}:${++counts[key]!}`;
  }).sort();
}

scenario("what is handed over is processed in its sender's turn, and nothing of it is under way", async () => {
  const captured: number[] = [];
  for (const channels of [handedOver, byFrames]) {
    const stage = new Stage();
    const source = new HandSource("a");
    const sink = new WitnessSink<string>();
    let seen = 0;
    let turnsBefore = 0;
    const run = await stage.start(counting("counts", [source], sink, () => seen++), { channels });
    source.give(8); // as many as a turn takes
    await stage.until(() => seen > 0, "a record");
    turnsBefore = stage.turns;
    captured.push(seen);
    source.give(100);
    await stage.until(() => seen === 108, "the others");
    captured.push(stage.turns - turnsBefore);
    source.end();
    await stage.finish(run);
    assert.equal([...sink.values].sort(), expected(source));
  }
  const [first, turns, firstByFrame, turnsByFrame] = captured as [number, number, number, number];
  assert.is(first, 8, "all in the first turn");
  assert.ok(firstByFrame < 8);
  assert.ok(turns < turnsByFrame, `${turns} turns, ${turnsByFrame} by frames`);
});

scenario("a snapshot that was taken while records were handed over restores where they come in frames, and back", async () => {
  for (const mode of ["aligned", "unaligned"] as const) {
    const stage = new Stage();
    const source = new HandSource("a", "b");
    const sink = new WitnessSink<string>();
    let seen = 0;
    const pipeline = counting("counts", [source], sink, () => seen++);
    let given = 0;
    for (
      const [parallelism, channels] of [[1, handedOver], [2, byFrames], [1, byFrames], [1, handedOver], [2, handedOver]] as const
    ) {
      const run = await stage.start(pipeline, { parallelism, channels, checkpoints: { mode } });
      source.give(20);
      given += 40;
      seen = 0;
      await stage.until(() => seen >= 10, "some records");
      await stage.settle(run.checkpoint());
      stage.kill();
    }
    source.end();
    const last = await stage.start(pipeline, { channels: handedOver, checkpoints: { mode } });
    await stage.finish(last);
    assert.is(source.records.length, given);
    assert.equal([...new Set(sink.values)].sort(), expected(source));
    assert.is(sink.values.length, given, mode);
  }
});

scenario("an operator that fails at a record that was handed over is the one that failed, with that record", async () => {
  const stage = new Stage();
  const source = new HandSource("a");
  const sink = new WitnessSink<Numbered>();
  const pipeline = job("failing", (flow) => {
    flow.from("in", source).map((record) => record).keyBy("key", (record) => record.n).process("strict", {
      emits: type<Numbered>(),
      onRecord(record, ctx) {
        if (record.n === 5) throw new Error("not five");
        ctx.emit(record);
      },
    }).to("out", sink);
  });
  const run = await stage.start(pipeline, { channels: handedOver, restart: { kind: "none" } });
  source.give(8);
  const failure = await stage.settle(run.finished.then(() => undefined, (error: Error) => error));
  assert.match(String(failure?.message), /process strict \(subtask 0\) could not process a record: not five/);
  assert.not.match(String(failure?.message), /map/);
});

scenario("what the timers of a watermark do comes before the records behind it, however many turns they take", async () => {
  for (const channels of [handedOver, byFrames]) {
    const stage = new Stage();
    const source = new HandSource("a");
    const sink = new WitnessSink<string>();
    /** How far event time had come at the latest record. */
    let seenAt = -Infinity;
    let fired = 0;
    const late: number[] = [];
    const pipeline = job(
      "event-time",
      (flow) =>
        flow.from("in", source).watermarks(({ at }) => at).keyBy("key", ({ n }) => n % 3).process("timed", {
          emits: type<string>(),
          onRecord({ at }, ctx) {
            seenAt = Math.max(seenAt, ctx.watermark);
            for (let nth = 0; nth < 10; nth++) ctx.timers.event(at, String(nth));
          },
          onTimer({ at }) {
            fired++;
            if (at <= seenAt) late.push(at);
          },
        }).to("out", sink),
    );
    const run = await stage.start(pipeline, { channels });
    source.give(4); // event time comes to 29 with them, and 30 timers take four turns
    await stage.until(() => fired > 0, "a timer");
    assert.ok(fired < 30, "all fired in one turn");
    source.give(4);
    source.end();
    await stage.finish(run);
    assert.is(fired, 80);
    assert.equal(late, [], "fired behind a record that had seen their time pass");
  }
});

scenario("no record comes between the timers that the wall clock has made due, however many turns they take", async () => {
  for (const channels of [handedOver, byFrames]) {
    const stage = new Stage();
    const source = new HandSource("a");
    const sink = new WitnessSink<string>();
    let records = 0;
    const firedAfter: number[] = [];
    const pipeline = job("wall-clock", (flow) =>
      flow.from("in", source).keyBy("key", () => 0).process("timed", {
        emits: type<string>(),
        onRecord(_, ctx) {
          if (records++ > 0) return;
          const dueAt = stage.clock.now() + 10;
          for (let nth = 0; nth < 30; nth++) ctx.timers.processing(dueAt, String(nth));
        },
        onTimer() {
          firedAfter.push(records);
        },
      }).to("out", sink));
    const run = await stage.start(pipeline, { channels });
    source.give(1);
    await stage.until(() => firedAfter.length > 0, "a timer");
    assert.ok(firedAfter.length < 30, "all fired in one turn");
    source.give(4);
    await stage.until(() => records === 5, "the records");
    source.end();
    await stage.finish(run);
    assert.equal(firedAfter, new Array(30).fill(1));
  }
});

scenario("results that wait for credit are taken under credit, whatever a sender has to hand over meanwhile", async () => {
  for (const channels of [handedOver, byFrames]) {
    const stage = new Stage();
    const source = new HandSource("a");
    const sink = new WitnessSink<Numbered>();
    const pace: Pace = { delayMs: 1 };
    let taken = 0;
    let most = 0;
    const pipeline = job("much", (flow) =>
      flow.from("in", source).keyBy("key", () => 0).process("asks", {
        emits: type<Numbered>(),
        onRecord(record, ctx) {
          if (record.n > 0) return ctx.emit(record);
          // Its results wait until the promise has settled, and then the next record is there already.
          return stage.sleep(5).then(() => {
            ctx.emit(record);
            source.give(1);
          });
        },
      })
        .flatMap(function* (record) {
          for (let nth = 0; nth < 500; nth++) {
            taken++;
            most = Math.max(most, taken - sink.written.length);
            yield record;
          }
        })
        .rebalance().process("slow", slowly(stage, pace)).to("out", sink));
    const run = await stage.start(pipeline, { channels });
    source.give(1);
    await stage.until(() => sink.written.length > 500, "results of the second record");
    assert.ok(most <= 100, `${most} results were taken before those behind them had come out`);
    source.end();
    await stage.finish(run);
    assert.is(sink.values.length, 1_000);
  }
});

scenario("no barrier comes in while a handler that was called by a sender waits for its promise", async () => {
  let captured = 0;
  for (let events = 0; events < 4; events++) {
    const stage = new Stage();
    const source = new HandSource("a");
    const sink = new WitnessSink<Numbered>();
    const pace: Pace = { delayMs: 0 };
    const pipeline = job("waiting", (flow) => {
      flow.from("in", source).keyBy("key", (record) => record.n).process("slow", slowly(stage, pace)).to("out", sink);
    });
    const options = { channels: handedOver, checkpoints: { mode: "unaligned" } } as const;
    const run = await stage.start(pipeline, options);
    source.give(3);
    await stage.until(() => sink.written.length === 3, "records at once");
    pace.delayMs = 5;
    source.give(4);
    for (let event = 0; event < events; event++) {
      await settled();
      stage.clock.runNext();
    }
    const id = await stage.settle(run.checkpoint());
    captured += stage.figures(id).inFlightRecords;
    stage.kill();
    pace.delayMs = 0;
    source.end();
    await stage.finish(await stage.start(pipeline, options));
    assert.equal(sink.values.map(nameOf).sort(), source.records, `${events} events`);
  }
  assert.ok(captured > 0, "no record waited");
});

scenario("what a sender gives between the barriers of two inputs is captured, not handed over", async () => {
  const stage = new Stage(2);
  const quick = new HandSource("quick");
  const late = new HandSource("late");
  const sink = new WitnessSink<string>();
  const seen: string[] = [];
  const pace: Pace = { delayMs: 1 };
  const pipeline = job("between", (flow) => {
    const ahead = flow.from("quick", quick).checkpointMode("unaligned");
    const behind = flow.from("late", late).rebalance().checkpointMode("aligned")
      .process("passes", slowly(stage, pace))
      .checkpointMode("unaligned");
    ahead.union(behind).keyBy("key", (record) => record.n % 3).process("count", {
      state: { count: value(type<number>(), 0) },
      emits: type<string>(),
      onRecord(record, ctx) {
        seen.push(nameOf(record));
        const count = (ctx.state.count.get() as number) + 1;
        ctx.state.count.set(count);
        ctx.emit(`${record.n % 3}:${count}`);
      },
    }).to("out", sink);
  });
  const options = { channels: { ...handedOver, windowBytes: 900 }, checkpoints: { mode: "unaligned" } } as const;
  let caught = 0;
  for (let round = 0; round < 6; round++) {
    const run = await stage.start(pipeline, options);
    late.give(200);
    quick.give(2);
    const before = seen.length;
    await stage.until(() => seen.length >= before + 8, "some records");
    const triggered = stage.of("checkpoint-triggered").length;
    const taken = run.checkpoint();
    await stage.until(() => stage.of("checkpoint-triggered").length > triggered, "the trigger");
    pace.delayMs = 0;
    const id = await stage.settle(taken);
    pace.delayMs = 1;
    caught += stage.figures(id).inFlightRecords;
    stage.kill();
  }
  assert.ok(caught > 0, "nothing was captured");
  pace.delayMs = 0;
  quick.end();
  late.end();
  await stage.finish(await stage.start(pipeline, options));
  const counts = sink.values.map((text) => text.split(":").map(Number) as [number, number]);
  for (const key of [0, 1, 2]) {
    const of = counts.filter(([k]) => k === key).map(([, count]) => count).sort((a, b) => a - b);
    assert.equal(of, of.map((_, index) => index + 1), `key ${key} was counted with gaps or twice`);
  }
  assert.is(sink.values.length, quick.records.length + late.records.length);
});

scenario.run();
