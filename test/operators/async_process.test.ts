import { Type } from "@sinclair/typebox";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { KeyedProcessContext, ProcessContext } from "../../runtime/operators/process_context.ts";
import { broadcastPort, connectedOperator } from "../../runtime/operators/broadcast_process.ts";
import { type NoState, processOperator } from "../../runtime/operators/process.ts";
import { type KeyedDescriptors, type OperatorDescriptors, replicate, type, value } from "../../runtime/state/descriptor.ts";
import { StaleContextError } from "../../runtime/state/stale_context.ts";
import { FakeTask } from "./fake_context.ts";

const asynchronous = suite("asynchronous and stale handlers");

const state = { n: value(Type.Number(), 0) };
type Ctx = KeyedProcessContext<string, typeof state, string>;
const keyOf = (key: string) => key;

function isStale(act: () => unknown): void {
  assert.throws(act, (error: unknown) => error instanceof StaleContextError && error.code === "STALE_CONTEXT");
}

/** Everything a context can do, each of which must throw and do nothing. */
function assertStale(ctx: Ctx): void {
  isStale(() => ctx.emit("stale"));
  isStale(() => ctx.state.n.set(100));
  isStale(() => ctx.state.n.get());
  isStale(() => ctx.timers.event(1));
  isStale(() => ctx.timers.processing(1));
  isStale(() => ctx.timers.cancelEvent(1));
  isStale(() => ctx.timers.cancelProcessing(1));
  isStale(() => ctx.key);
  isStale(() => ctx.timestamp);
  isStale(() => ctx.watermark);
  isStale(() => ctx.now());
  assert.instance(ctx.signal, AbortSignal);
  ctx.log("info", "still allowed");
}

/** A promise that is settled from outside. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

asynchronous("a handler that waits keeps its key, state and event time until its promise settles", async () => {
  const gate = deferred();
  const contexts: Ctx[] = [];
  const operator = processOperator({
    state,
    emits: type<string>(),
    async onRecord(record: string, ctx: Ctx) {
      contexts.push(ctx);
      const before = ctx.state.n.get();
      await gate.promise;
      ctx.state.n.set(before + 1);
      ctx.emit(`${record} ${ctx.key} ${ctx.state.n.get()} ${ctx.timestamp}`);
    },
  }, { keyOf });
  const task = new FakeTask(operator);
  task.record("a", 7, "a");
  assert.instance(task.pending, Promise);
  assert.equal(task.results, []);
  gate.resolve();
  await task.settle();
  assert.equal(task.results[0], { value: "a a 1 7", timestamp: 7, keyGroup: task.results[0]!.keyGroup });
  assertStale(contexts[0]!);
  task.record("a", 8, "a");
  await task.settle();
  assert.equal(task.values, ["a a 1 7", "a a 2 8"]);
});

asynchronous("a rejection reaches the task, and the context is stale", async () => {
  let kept: Ctx | undefined;
  const operator = processOperator({
    state,
    emits: type<string>(),
    async onRecord(_: string, ctx: Ctx) {
      kept = ctx;
      await Promise.resolve();
      throw new RangeError("no luck");
    },
  }, { keyOf });
  const task = new FakeTask(operator);
  task.record("a", 0, "a");
  const error = await task.settle().then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, RangeError);
  assertStale(kept!);
});

asynchronous("a context is stale as soon as a synchronous handler has returned or thrown", () => {
  let kept: Ctx | undefined;
  const operator = processOperator({
    state,
    emits: type<string>(),
    onRecord(record: string, ctx: Ctx) {
      kept = ctx;
      ctx.state.n.set(ctx.state.n.get() + 1);
      if (record === "bad") throw new Error("bad");
    },
    onTimer(_, ctx: Ctx) {
      kept = ctx;
    },
  }, { keyOf });
  const task = new FakeTask(operator);
  task.record("a", 0, "a");
  assertStale(kept!);
  assert.throws(() => task.record("bad", 0, "bad"), /bad/);
  assertStale(kept!);
  assert.equal(task.results, []);
});

asynchronous(
  "on connected streams a context is stale as soon as its handler has thrown, whichever input its record came by",
  () => {
    let kept: { emit?(value: string): void; readonly timestamp: number } | undefined;
    const operator = connectedOperator({
      emits: type<string>(),
      broadcastState: { rules: replicate(type<string>(), "") },
      onRecord(_: string, ctx: ProcessContext<NoState, string>) {
        kept = ctx;
        throw new Error("bad record");
      },
      onBroadcast(_: string, ctx: { readonly timestamp: number }) {
        kept = ctx;
        throw new Error("bad rule");
      },
    }, {});
    const task = new FakeTask(operator);
    assert.throws(() => task.record("x"), /bad record/);
    isStale(() => kept?.emit?.("stale"));
    task.cursor.port = broadcastPort;
    assert.throws(() => task.record("x"), /bad rule/);
    isStale(() => kept?.timestamp);
    assert.equal(task.results, []);
  },
);

asynchronous("a promise that was neither returned nor awaited cannot act, not even while a later handler waits", async () => {
  const first = deferred();
  const second = deferred();
  let outcome: unknown = "nothing";
  const operator = processOperator({
    state,
    emits: type<string>(),
    onRecord(record: string, ctx: Ctx): void | Promise<void> {
      if (record === "warm-up") return Promise.resolve();
      if (record === "waits") return second.promise.then(() => ctx.emit("second"));
      void first.promise.then(() => ctx.emit("first")).catch((error: unknown) => outcome = error);
    },
  }, { keyOf });
  const task = new FakeTask(operator);
  task.record("warm-up", 0, "w");
  await task.settle();
  task.record("floats", 0, "a");
  task.record("waits", 0, "b");
  first.resolve();
  await first.promise;
  await Promise.resolve();
  await Promise.resolve();
  assert.instance(outcome, StaleContextError);
  second.resolve();
  await task.settle();
  assert.equal(task.values, ["second"]);
});

asynchronous("a zombie's late promise neither emits nor changes anything (scenario 22)", async () => {
  const gate = deferred();
  let late: unknown = "nothing";
  const keyed = processOperator({
    state,
    emits: type<string>(),
    async onRecord(_: string, ctx: Ctx) {
      ctx.state.n.set(1);
      await gate.promise;
      try {
        ctx.emit("zombie");
      } catch (error) {
        late = error;
      }
      assertStale(ctx);
    },
  }, { keyOf });
  const zombie = new FakeTask(keyed);
  zombie.record("a", 0, "a");
  const { pending } = zombie;
  zombie.operator.close?.(); // the attempt ends while the handler waits
  gate.resolve();
  await pending;
  assert.instance(late, StaleContextError);
  assert.equal(zombie.results, []);
  assert.is(zombie.operator.nextEventTimer?.(), Infinity);
});

asynchronous("without keys it is the same", async () => {
  const declared = { n: replicate(Type.Number(), 0) };
  const gate = deferred();
  let kept: ProcessContext<typeof declared, string> | undefined;
  const operator = processOperator({
    state: declared,
    emits: type<string>(),
    async onRecord(record: string, ctx) {
      kept = ctx;
      if (record === "zombie") await gate.promise;
      ctx.state.n.set(ctx.state.n.get() + 1);
      ctx.emit(`${record} ${ctx.state.n.get()}`);
    },
    async onEnd(ctx) {
      await Promise.resolve();
      ctx.emit("end");
    },
  });
  const task = new FakeTask(operator);
  task.record("one");
  await task.settle();
  isStale(() => kept!.emit("stale"));
  isStale(() => kept!.state.n.set(5));
  task.operator.finish?.();
  await task.settle();
  task.record("zombie");
  const { pending } = task;
  task.operator.close?.();
  gate.resolve();
  const error = await pending!.then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, StaleContextError);
  assert.equal(task.values, ["one 1", "end"]);
});

asynchronous("an asynchronous timer holds the task as well", async () => {
  const operator = processOperator({
    emits: type<string>(),
    onRecord(_: string, ctx) {
      ctx.timers.event(5);
    },
    async onTimer({ key, at }, ctx) {
      await Promise.resolve();
      ctx.emit(`${key} ${at} ${ctx.timestamp}`);
    },
  }, { keyOf });
  const task = new FakeTask(operator);
  task.record("a", 0, "a");
  task.operator.fireEventTimer?.();
  assert.equal(task.values, []);
  await task.settle();
  assert.equal(task.values, ["a 5 5"]);
});

asynchronous("synchronous handlers share one context, so that nothing is allocated for a record", () => {
  const contexts = new Set<unknown>();
  const operator = processOperator({
    state,
    emits: type<string>(),
    onRecord(_: string, ctx) {
      contexts.add(ctx);
    },
  }, { keyOf });
  const task = new FakeTask(operator);
  for (const key of ["a", "b", "c"]) task.record(key, 0, key);
  assert.is(contexts.size, 1);
});

asynchronous("the types of what is not there do not exist", () => {
  const use = (
    keyed: KeyedProcessContext<string, KeyedDescriptors, number>,
    plain: ProcessContext<OperatorDescriptors, number>,
  ) => {
    keyed.emit(1);
    // @ts-expect-error results have the type that `emits` gave
    keyed.emit("1");
    // @ts-expect-error no timers without keys
    plain.timers.event(1);
    // @ts-expect-error no key either
    return plain.key;
  };
  assert.type(use, "function");
});

asynchronous.run();
