import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import { MAX_WATERMARK } from "../../runtime/graph/frame.ts";
import { type Key, keyGroupOf } from "../../runtime/graph/key.ts";
import { type Aggregate, combine, count, reduce, sum } from "../../runtime/operators/aggregate.ts";
import { tumbling } from "../../runtime/operators/tumbling.ts";
import { windowOperator, type WindowResult } from "../../runtime/operators/window.ts";
import { FakeStage, FakeTask } from "./fake_context.ts";

const windows = suite("tumbling windows");

interface Click {
  readonly user: string;
  readonly n: number;
}

const keyOf = (click: Click) => click.user;
const click = (user: string, n = 1): Click => ({ user, n });
const counting = windowOperator({ window: tumbling(10), keyOf, aggregate: count() });

function fails(code: string, pattern: RegExp, act: () => unknown): void {
  assert.throws(act, (error: unknown) => {
    assert.instance(error, SluiceError);
    assert.is((error as SluiceError).code, code);
    assert.match((error as SluiceError).message, pattern);
    return true;
  });
}

windows("a window fires when the watermark has come to its last millisecond, with that as its event time", () => {
  const task = new FakeTask(counting);
  for (const at of [0, 9, 10, 5]) task.record(click("a"), at, "a");
  task.advance(8);
  assert.equal(task.results, []);
  task.advance(9);
  assert.equal(task.results, [{
    value: { key: "a", start: 0, end: 10, value: 3 },
    timestamp: 9,
    keyGroup: keyGroupOf("a", 128),
  }]);
  task.advance(18);
  assert.is(task.results.length, 1);
  task.advance(19);
  assert.equal(task.values[1], { key: "a", start: 10, end: 20, value: 1 });
});

windows("one key fires a step", () => {
  const task = new FakeTask(counting);
  assert.is(task.operator.nextEventTimer?.(), Infinity);
  for (const user of ["a", "b", "c"]) task.record(click(user), 25, user);
  assert.is(task.operator.nextEventTimer?.(), 29);
  assert.not(task.advance(29, 2));
  assert.is(task.values.length, 2);
  assert.is(task.operator.nextEventTimer?.(), 29);
  task.advance(29);
  assert.equal(task.values.map(({ key }) => key).sort(), ["a", "b", "c"]);
});

windows("a record whose window had to fire is dropped and counted; an older one of an open window is not", () => {
  const task = new FakeTask(counting);
  task.record(click("a"), 5, "a");
  task.advance(9);
  task.record(click("a"), 5, "a");
  task.record(click("b"), 9, "b");
  task.advance(12);
  task.record(click("a"), 11, "a");
  task.advance(MAX_WATERMARK);
  task.record(click("a"), 1_000, "a");
  assert.is(task.counts.get("lateRecords"), 3);
  assert.equal(task.values, [{ key: "a", start: 0, end: 10, value: 1 }, { key: "a", start: 10, end: 20, value: 1 }]);
});

windows("at the end of input everything fires once, and nothing is left in the state", () => {
  const task = new FakeTask(counting);
  for (let n = 0; n < 500; n++) task.record(click(`u${n % 7}`), n, `u${n % 7}`);
  const full = task.snapshot();
  task.advance(MAX_WATERMARK);
  task.operator.finish?.();
  assert.is(task.values.reduce((total, { value }) => total + value, 0), 500);
  const restored = new FakeTask(counting);
  restored.operator.restore?.(task.snapshot());
  restored.advance(MAX_WATERMARK);
  restored.operator.finish?.();
  assert.equal(restored.values, []);
  assert.ok(task.snapshot()[0]!.bytes.length < full[0]!.bytes.length / 2);
});

windows("offsets, negative times and fractions of a millisecond fall where they belong", () => {
  const shifted = windowOperator({ window: tumbling(10, { offsetMs: 3 }), keyOf, aggregate: count() });
  const task = new FakeTask(shifted);
  for (const at of [2, 3, 12.5, 13, -7, -8]) task.record(click("a"), at, "a");
  task.advance(MAX_WATERMARK);
  assert.equal(task.values.map(({ start, end, value }) => [start, end, value]), [[-17, -7, 1], [-7, 3, 2], [3, 13, 2], [
    13,
    23,
    1,
  ]]);
});

windows("toResult shapes what is emitted, and every type of key is kept apart", () => {
  const keys: Key[] = [1, "1", 1n, true, [1, "x"]];
  const shaped = windowOperator({
    window: tumbling(10),
    keyOf: (record: { key: Key }) => record.key,
    aggregate: count(),
    toResult: ({ key, start, value }: WindowResult<Key, number>) => [key, start, value] as const,
  });
  const task = new FakeTask(shaped);
  for (let round = 0; round < 3; round++) for (const key of keys) task.record({ key }, 5, key);
  task.advance(9);
  assert.is(task.values.length, 5);
  for (const key of keys) {
    assert.ok(task.values.some(([k, , n]) => n === 3 && (Array.isArray(key) ? Array.isArray(k) : k === key)));
  }
});

windows("a record without event time is refused with the remedy", () => {
  for (const at of [NaN, Infinity, -Infinity, 2 ** 60]) {
    fails(
      "WINDOW_NO_TIMESTAMP",
      /operator clicks.*watermarks/,
      () => new FakeTask(counting, { uid: "clicks" }).record(click("a"), at, "a"),
    );
  }
});

windows("after a rescale a record stays late for the key groups whose windows have fired (protocol 8.2)", () => {
  const users = Array.from({ length: 40 }, (_, n) => `u${n}`);
  const ahead = (user: string) => keyGroupOf(user, 128) < 64;
  const old = new FakeStage(counting, keyOf, 2);
  for (const user of users) old.record(click(user), 5);
  old.tasks[0]!.advance(9); // subtask 0 has fired, subtask 1 has not
  const joined = new FakeStage(counting, keyOf, 1, old.snapshot());
  for (const user of users) joined.record(click(user), 6);
  assert.is(joined.tasks[0]!.counts.get("lateRecords"), users.filter(ahead).length);
  // … and so through the next rescale, before event time has caught up
  const again = new FakeStage(counting, keyOf, 3, joined.snapshot());
  for (const user of users) again.record(click(user), 7);
  again.advance(MAX_WATERMARK);
  const fired = [...old.values, ...again.values];
  assert.is(fired.length, users.length, "no window fires twice");
  for (const { key, value } of fired) assert.is(value, ahead(key) ? 1 : 3);
});

windows("windows of another size, offset or aggregate are refused at a restore", () => {
  const task = new FakeTask(counting);
  task.record(click("a"), 5, "a");
  const parts = task.snapshot();
  const others = [
    windowOperator({ window: tumbling(20), keyOf, aggregate: count() }),
    windowOperator({ window: tumbling(10, { offsetMs: 1 }), keyOf, aggregate: count() }),
    windowOperator({ window: tumbling(10), keyOf, aggregate: sum((c: Click) => c.n) as Aggregate<Click, unknown, number> }),
  ];
  for (const other of others) {
    fails("STATE_MISMATCH", /windows of operator op are tumbling of/, () => new FakeTask(other).operator.restore?.(parts));
  }
});

windows("an accumulator that cannot be encoded is refused with operator and key", () => {
  const holding: Aggregate<Click, { fn?: () => void }, number> = { create: () => ({ fn() {} }), add: (a) => a, result: () => 1 };
  const task = new FakeTask(windowOperator({ window: tumbling(10), keyOf, aggregate: holding }), { uid: "clicks" });
  task.record(click("a"), 5, "a");
  fails("UNENCODABLE_VALUE", /operator clicks, key "a".*\.fn/, () => task.snapshot());
});

windows("against a plain group-by, with restores into 1, 2 and 3 subtasks while windows fire", () => {
  const aggregate = combine({ n: count(), total: sum((c: Click) => c.n), last: reduce<Click>((_, b) => b) });
  const operator = windowOperator({ window: tumbling(10, { offsetMs: 4 }), keyOf, aggregate });
  const step = fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        user: fc.constantFrom("a", "b", "c", "d", "e"),
        n: fc.integer(),
        ahead: fc.integer({ min: -3, max: 25 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ advance: fc.integer({ min: 0, max: 15 }), steps: fc.integer({ min: 0, max: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ restoreInto: fc.constantFrom(1, 2, 3) }) },
  );
  const property = fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
    const expected = new Map<string, { n: number; total: number; last: Click }>();
    const fired = new Map<string, unknown>();
    let stage = new FakeStage(operator, keyOf, 1);
    let watermark = 0;
    let late = 0;
    let counted = 0;
    const harvest = () => {
      for (const { key, start, end, value } of stage.values) {
        const id = `${key} ${start}`;
        assert.is(end, start + 10);
        assert.not(fired.has(id), `${id} fired twice`);
        fired.set(id, value);
      }
      for (const task of stage.tasks) counted += task.counts.get("lateRecords") ?? 0;
    };
    stage.advance(0);
    for (const next of steps) {
      if ("restoreInto" in next) {
        harvest();
        stage = new FakeStage(operator, keyOf, next.restoreInto, stage.snapshot());
        stage.advance(watermark); // a restored task finishes advancing first
      } else if ("advance" in next) {
        watermark += next.advance;
        // Interrupted, crashed and restored with the same parallelism, then finished.
        for (const task of stage.tasks) task.advance(watermark, next.steps);
        harvest();
        stage = new FakeStage(operator, keyOf, stage.tasks.length, stage.snapshot());
        stage.advance(watermark);
      } else {
        const { user, n, ahead } = next;
        const at = watermark + ahead;
        const start = Math.floor((at - 4) / 10) * 10 + 4;
        stage.record(click(user, n), at);
        if (start + 9 <= watermark) {
          late++;
          continue;
        }
        const soFar = expected.get(`${user} ${start}`) ?? { n: 0, total: 0, last: click(user, n) };
        expected.set(`${user} ${start}`, { n: soFar.n + 1, total: soFar.total + n, last: click(user, n) });
      }
    }
    stage.advance(MAX_WATERMARK);
    harvest();
    assert.is(counted, late);
    assert.is(fired.size, expected.size);
    for (const [id, value] of expected) assert.equal(fired.get(id), value);
  });
  fc.assert(property, { seed: 5, numRuns: 200 });
});

windows("what remains of a half-fired window fires in the same order after a restore", () => {
  const users = Array.from({ length: 3_000 }, (_, n) => `u${(n * 7919) % 3_000}`);
  const whole = new FakeTask(counting);
  for (const user of users) whole.record(click(user), 5, user);
  const first = new FakeTask(counting);
  first.operator.restore?.(whole.snapshot());
  whole.advance(9);
  first.advance(9, 1_234);
  const second = new FakeTask(counting);
  second.operator.restore?.(first.snapshot());
  second.advance(9);
  assert.equal([...first.values, ...second.values].map(({ key }) => key), whole.values.map(({ key }) => key));
});

windows("a window of 200,000 keys fires in time that grows with the keys only", () => {
  const task = new FakeTask(windowOperator({ window: tumbling(10), keyOf: (key: number) => key, aggregate: count() }), {
    keyGroupCount: 1,
  });
  for (let key = 0; key < 200_000; key++) task.record(key, 5, key);
  task.advance(9);
  assert.is(task.results.length, 200_000);
});

windows.run();
