import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { MAX_WATERMARK } from "../../runtime/graph/frame.ts";
import { keyGroupOf } from "../../runtime/graph/key.ts";
import { processOperator } from "../../runtime/operators/process.ts";
import { list, map, replicate, split, type, value } from "../../runtime/state/descriptor.ts";
import { FakeStage, FakeTask } from "./fake_context.ts";

const processing = suite("process functions");

interface Payment {
  readonly account: string;
  readonly amount: number;
}

const keyOf = (payment: Payment) => payment.account;
const pay = (account: string, amount: number): Payment => ({ account, amount });

function fails(code: string, pattern: RegExp, act: () => unknown): void {
  assert.throws(act, (error: unknown) => {
    assert.instance(error, SluiceError);
    assert.is((error as SluiceError).code, code);
    assert.match((error as SluiceError).message, pattern);
    return true;
  });
}

const totals = processOperator({
  state: { total: value(Type.Number(), 0), all: list(Type.Number()), bySize: map(Type.Integer(), Type.Integer()) },
  emits: type<string>(),
  onRecord({ amount }: Payment, ctx) {
    ctx.state.total.set(ctx.state.total.get() + amount);
    ctx.state.all.add(amount);
    ctx.state.bySize.set(amount, (ctx.state.bySize.get(amount) ?? 0) + 1);
    ctx.emit(`${ctx.key} ${ctx.state.total.get()} ${ctx.state.all.get().join("+")} @${ctx.timestamp}`);
  },
}, { keyOf });

processing("state is that of the record's key, and results carry its event time and key group", () => {
  const task = new FakeTask(totals);
  task.record(pay("a", 1), 10, "a");
  task.record(pay("b", 5), 11, "b");
  task.record(pay("a", 2), 12, "a");
  assert.equal(task.results, [
    { value: "a 1 1 @10", timestamp: 10, keyGroup: keyGroupOf("a", 128) },
    { value: "b 5 5 @11", timestamp: 11, keyGroup: keyGroupOf("b", 128) },
    { value: "a 3 1+2 @12", timestamp: 12, keyGroup: keyGroupOf("a", 128) },
  ]);
});

processing("several results of one record carry the same event time, whatever follows does to the cursor", () => {
  const twice = processOperator({
    emits: type<number>(),
    onRecord(n: number, ctx) {
      ctx.emit(n);
      ctx.emit(n + 1);
      assert.is(ctx.timestamp, 7);
    },
  });
  const task = new FakeTask(twice);
  task.record(1, 7);
  assert.equal(task.results.map(({ timestamp, keyGroup }) => [timestamp, keyGroup]), [[7, -1], [7, -1]]);
});

processing("state survives a restore into any number of subtasks", () => {
  let stage = new FakeStage(totals, keyOf, 1);
  const expected = new Map<string, number>();
  let n = 0;
  for (const parallelism of [1, 2, 3, 2, 1]) {
    stage = new FakeStage(totals, keyOf, parallelism, n === 0 ? [] : stage.snapshot());
    for (let i = 0; i < 50; i++) {
      const payment = pay(`account-${(n * 7) % 23}`, ++n);
      expected.set(payment.account, (expected.get(payment.account) ?? 0) + payment.amount);
      stage.record(payment, 0);
    }
  }
  const last = new Map(stage.values.map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])]));
  for (const [account, total] of last) assert.is(total, expected.get(account));
});

processing("a record of a key group that the subtask does not own is refused", () => {
  const key = ["a", "b", "c", "d", "e"].find((candidate) => keyGroupOf(candidate, 128) >= 64)!;
  const task = new FakeTask(totals, { subtask: 0, parallelism: 2, uid: "totals" });
  fails("KEY_GROUP_FOREIGN", /subtask 0 of operator totals/, () => task.record(pay(key, 1), 0, key));
});

const reminders = processOperator({
  emits: type<string>(),
  onRecord({ account, amount }: Payment, ctx) {
    ctx.timers.event(amount, account === "named" ? "n" : undefined);
    ctx.timers.processing(amount * 10);
    if (account === "cancelling") {
      assert.ok(ctx.timers.cancelEvent(amount));
      assert.ok(ctx.timers.cancelProcessing(amount * 10));
      assert.not(ctx.timers.cancelEvent(amount));
      assert.not(ctx.timers.cancelProcessing(amount * 10));
    }
  },
  onTimer({ at, name, key }, ctx) {
    assert.is(ctx.key, key);
    ctx.emit(`${key} ${at} ${name ?? "-"}`);
  },
}, { keyOf });

processing("event-time timers fire with the watermark, in order, with their own event time", () => {
  const task = new FakeTask(reminders);
  assert.is(task.operator.nextEventTimer?.(), Infinity);
  for (const [account, at] of [["b", 30], ["a", 10], ["named", 30], ["cancelling", 5], ["b", 30], ["a", 31]] as const) {
    task.record(pay(account, at), 0, account);
  }
  assert.is(task.operator.nextEventTimer?.(), 10);
  task.advance(30);
  assert.equal(task.results.map((result) => [result.value, result.timestamp]), [
    ["a 10 -", 10],
    ["b 30 -", 30],
    ["named 30 n", 30],
  ]);
  assert.is(task.results[1]!.keyGroup, keyGroupOf("b", 128));
  task.advance(MAX_WATERMARK);
  assert.is(task.values.at(-1), "a 31 -");
});

processing("processing-time timers fire with the clock, and the task hears of an earlier one", () => {
  const task = new FakeTask(reminders);
  task.record(pay("a", 5), 0, "a");
  task.record(pay("b", 3), 0, "b");
  task.record(pay("c", 9), 0, "c");
  assert.is(task.timersChanged, 2);
  assert.is(task.operator.nextProcessingTimer?.(), 30);
  task.advanceClock(49);
  assert.equal(task.values, ["b 30 -"]);
  assert.ok(Number.isNaN(task.results[0]!.timestamp));
  task.advance(2);
  task.advanceClock(100);
  assert.equal(task.values, ["b 30 -", "a 50 -", "c 90 -"]);
  assert.is(task.results[2]!.timestamp, 3, "not late: just above the watermark");
});

processing("100,000 timers interrupted by a barrier, then a crash, fire once each and in order (scenario 15)", () => {
  const n = 100_000;
  const ringing = processOperator({
    state: { rung: value(Type.Number(), 0) },
    emits: type<[number, number]>(),
    onRecord(key: number, ctx) {
      ctx.timers.event((key * 7919) % 1000);
    },
    onTimer({ at, key }, ctx) {
      ctx.state.rung.set(ctx.state.rung.get() + 1);
      assert.is(ctx.state.rung.get(), 1);
      ctx.emit([at, key]);
    },
  }, { keyOf: (key: number) => key });
  const whole = new FakeTask(ringing);
  const first = new FakeTask(ringing);
  for (let key = 0; key < n; key++) {
    whole.record(key, 0, key);
    first.record(key, 0, key);
  }
  whole.advance(999);
  assert.not(first.advance(999, 31_234), "interrupted");
  const parts = first.snapshot();
  const before = first.values;
  first.advance(999); // what was done after the barrier is lost in the crash
  const second = new FakeTask(ringing);
  second.operator.restore?.(parts);
  assert.not(second.advance(999, 20_000));
  const third = new FakeTask(ringing);
  third.operator.restore?.(second.snapshot());
  assert.ok(third.advance(999));
  const fired = [...before, ...second.values, ...third.values];
  const expected = whole.values;
  assert.is(fired.length, n);
  assert.ok(fired.every(([at, key], index) => at === expected[index]![0] && key === expected[index]![1]));
});

processing("timers are refused for times that are none, and without a handler", () => {
  const at = (time: number) => () => new FakeTask(reminders, { uid: "r" }).record(pay("a", time), 0, "a");
  for (const time of [NaN, Infinity, -Infinity, MAX_WATERMARK + 1]) fails("TIMER_TIME", /operator r .*at/, at(time));
  const deaf = processOperator({
    emits: type<never>(),
    onRecord(_: Payment, ctx) {
      ctx.timers.event(1);
    },
  }, { keyOf });
  fails("TIMER_NO_HANDLER", /operator r .*onTimer/, () => new FakeTask(deaf, { uid: "r" }).record(pay("a", 1), 0, "a"));
  const task = new FakeTask(reminders);
  task.record(pay("a", 1), 0, "a");
  fails(
    "STATE_UNKNOWN",
    /2 timers of operator r.*onTimer/,
    () => new FakeTask(deaf, { uid: "r" }).operator.restore?.(task.snapshot()),
  );
});

processing("a model's parameters come back bit for bit, and training goes on as if nothing had happened", () => {
  const learner = processOperator({
    state: { weights: replicate(Type.Array(Type.Number()), [0, 0]), hard: split(type<number>()) },
    emits: type<number>(),
    onRecord({ x, y }: { x: number; y: number }, ctx) {
      const [a, b] = ctx.state.weights.get() as [number, number];
      const error = a * x + b - y;
      if (Math.abs(error) > 1) ctx.state.hard.add(x);
      ctx.state.weights.mutate((weights) => {
        weights[0]! -= 0.01 * error * x;
        weights[1]! -= 0.01 * error;
      });
      ctx.emit(error);
    },
  });
  const record = (n: number) => ({ x: Math.sin(n), y: 3 * Math.sin(n) + 0.1 * n });
  const whole = new FakeTask(learner);
  let task = new FakeTask(learner);
  const results: number[] = [];
  for (let n = 0; n < 300; n++) {
    whole.record(record(n));
    task.record(record(n));
    if (n % 70 !== 69) continue;
    results.push(...task.values);
    const parts = task.snapshot();
    task = new FakeTask(learner);
    task.operator.restore?.(parts);
  }
  results.push(...task.values);
  assert.is(results.length, 300);
  assert.ok(results.every((error, index) => Object.is(error, whole.values[index])));
});

processing("onEnd runs once: not again after a restore from behind it, but again when more has come", () => {
  const plain = processOperator({
    state: { n: replicate(Type.Number(), 0) },
    emits: type<string>(),
    onRecord(_: Payment, ctx) {
      ctx.state.n.set(ctx.state.n.get() + 1);
    },
    onEnd(ctx) {
      ctx.emit(`end after ${ctx.state.n.get()}`);
    },
  });
  const keyed = processOperator({
    emits: type<string>(),
    onRecord() {},
    onEnd(ctx) {
      fails("STATE_NO_KEY", /the key of op/, () => ctx.key);
      fails("STATE_NO_KEY", /the timers of op.*MAX_WATERMARK/, () => ctx.timers.event(1));
      ctx.emit("end");
    },
  }, { keyOf });
  for (const factory of [plain, keyed]) {
    const task = new FakeTask(factory);
    task.record(pay("a", 1), 0, "a");
    const early = task.snapshot();
    task.operator.finish?.();
    const late = task.snapshot();
    assert.is(task.values.length, 1);
    const again = (parts: typeof early) => {
      const restored = new FakeTask(factory);
      restored.operator.restore?.(parts);
      return restored;
    };
    const fromEarly = again(early);
    fromEarly.operator.finish?.();
    assert.equal(fromEarly.values, task.values);
    const fromLate = again(late);
    fromLate.operator.finish?.();
    assert.equal(fromLate.values, []);
    fromLate.record(pay("a", 1), 0, "a");
    fromLate.operator.finish?.();
    assert.is(fromLate.values.length, 1);
  }
});

processing("after a rescale onEnd runs unless every old subtask was behind it", () => {
  const plain = processOperator({ emits: type<string>(), onRecord(_: Payment) {}, onEnd: (ctx) => ctx.emit("end") });
  const keyed = processOperator({ emits: type<string>(), onRecord(_: Payment) {}, onEnd: (ctx) => ctx.emit("end") }, { keyOf });
  for (const factory of [plain, keyed]) {
    for (const ended of [[true, true], [true, false]]) {
      const old = [0, 1].map((subtask) => new FakeTask(factory, { subtask, parallelism: 2 }));
      old.forEach((task, index) => ended[index] && task.operator.finish?.());
      const joined = new FakeTask(factory);
      joined.operator.restore?.(old.flatMap((task) => task.snapshot()));
      joined.operator.finish?.();
      assert.is(joined.values.length, ended[1] ? 0 : 1);
    }
  }
});

processing("development mode finds changed values and key functions that do not keep to the record", () => {
  const bad = processOperator({
    state: { seen: value(type<string[]>(), []) },
    emits: type<never>(),
    onRecord({ account, amount }: Payment, ctx) {
      if (amount === 0) ctx.state.seen.mutate((seen) => seen.push(account));
      else (ctx.state.seen.get() as string[]).push(account);
    },
  }, { keyOf, checkMutations: true });
  const task = new FakeTask(bad);
  task.record(pay("a", 0), 0, "a");
  fails("STATE_MUTATED", /operator op, key "a", state seen/, () => task.record(pay("a", 1), 0, "a"));
  fails("KEY_UNSTABLE", /op/, () => task.record(pay("a", 1), 0, "other"));
});

processing("what is no definition is refused at once", () => {
  const make = (definition: unknown) => () => processOperator(definition as Parameters<typeof processOperator>[0]);
  fails("PROCESS_DEFINITION", /no onRecord/, make({ emits: type<never>() }));
  fails("PROCESS_DEFINITION", /no onRecord/, make(undefined));
  fails("PROCESS_DEFINITION", /onTimer/, make({ onRecord() {}, onTimer: 5 }));
  fails("PROCESS_DEFINITION", /onEnd/, make({ onRecord() {}, onEnd: "x" }));
  fails("PROCESS_DEFINITION", /state/, make({ onRecord() {}, state: 5 }));
});

processing.run();
