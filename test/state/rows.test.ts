import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeNumberTable, encodeTable } from "../../actors/table_codec.ts";
import type { RestoredPart } from "../../runtime/graph/operator.ts";
import { type, value } from "../../runtime/state/descriptor.ts";
import { HeapKeyedStateBackend } from "../../runtime/state/heap_backend.ts";
import { RowGroup } from "../../runtime/state/row_group.ts";
import { TouchedRows } from "../../runtime/state/touched_rows.ts";
import { exactDifference } from "../codec/exact_difference.ts";
import { seeds } from "../seeds.ts";
import { fails, Subject } from "./backend_subject.ts";

const rows = suite("Values in rows of numbers");

const noMarks = new Int32Array(0);

const descriptors = { v: value(type<unknown>(), "none") };

function subjectFrom(rowsFrom: number): Subject<typeof descriptors> {
  return new Subject((options) => new HeapKeyedStateBackend({ ...options, rowsFrom }), descriptors, { baseEvery: 4 });
}

/** A generator of numbers that a seed determines. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    return (state >>> 8) % below;
  };
}

/** A value that mostly stands in a row; some are of another shape, or no records. */
function someValue(random: (below: number) => number): unknown {
  const [count, half] = [random(1_000) - 500, random(1_000) / 2];
  switch (random(40)) {
    case 0:
      return { count, half, note: "further" };
    case 1:
      return { half, count };
    case 2:
      return `text ${count}`;
    case 3:
      return { count, half: -0 };
    case 4:
      return { count: Number.NaN, half };
    default:
      return { count, half };
  }
}

function joined(slices: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(slices.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const slice of slices) {
    bytes.set(slice, at);
    at += slice.length;
  }
  return bytes;
}

function partOf(layers: readonly Uint8Array[]): RestoredPart {
  return { scope: "keyed", name: "keyed", subtask: 0, bytes: layers.at(-1)!, below: layers.slice(0, -1) };
}

rows("are the same as a Map of values, however they change while snapshots are written, and come back from these", () => {
  for (const seed of seeds(12, 4)) {
    const random = randomOf(seed);
    const subject = subjectFrom([1, 60, 700][random(3)]!);
    const model = new Map<number, unknown>();
    const keyOf = () => random(10) === 0 ? random(1_500) + 0.5 : random(1_500) - 300;
    const change = () => {
      const key = keyOf();
      const { v } = subject.at(key);
      assert.is(exactDifference(model.get(key) ?? "none", v.get(), `key ${key}`), undefined, `seed ${seed}`);
      const before = model.get(key);
      if (random(6) === 0) {
        v.clear();
        model.delete(key);
      } else if (typeof before === "object" && random(3) > 0) {
        v.mutate((it) => void (it as { count: number }).count++);
        model.set(key, { ...before, count: (before as { count: number }).count + 1 });
      } else {
        const given = someValue(random);
        v.set(typeof given === "object" ? { ...given as object } : given as string);
        model.set(key, given);
      }
    };
    let layers: Uint8Array[] = [];
    for (let id = 1; id <= 9; id++) {
      for (let n = random(2_000); n >= 0; n--) change();
      const expected = new Map(model);
      const part = subject.backend.snapshot({}, id);
      const slices: Uint8Array[] = [];
      for (const slice of part.slices()) {
        slices.push(slice);
        for (let n = random(60); n >= 0; n--) change();
      }
      part.release?.();
      if (random(4) === 0) continue; // aborted
      layers = part.base === undefined ? [joined(slices)] : [...layers, joined(slices)];
      subject.backend.completed(id);
      const back = subjectFrom([1, 60, 700][random(3)]!);
      back.backend.restore([partOf(layers)]);
      // What is restored is written once more: there must not be two of anything.
      const again = subjectFrom(1);
      again.backend.restore([partOf([joined([...back.backend.snapshot({}).slices()])])]);
      for (const from of [back, again]) {
        for (let key = -300; key < 1_500; key += 0.5) {
          const difference = exactDifference(expected.get(key) ?? "none", from.at(key).v.get(), `key ${key}`);
          assert.is(difference, undefined, `seed ${seed}, snapshot ${id}`);
        }
      }
    }
  }
});

rows("are written where one has come and gone thousands of times since the last checkpoint", () => {
  const subject = subjectFrom(1);
  const many = { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8 };
  for (let key = 0; key < 100_000; key += 20) subject.at(key).v.set({ ...many });
  const whole = joined([...subject.backend.snapshot({}, 1).slices()]);
  subject.backend.completed(1);
  for (let time = 0; time < 2_000; time++) {
    subject.at(5).v.set({ ...many, h: time });
    if (time < 1_999) subject.at(5).v.clear();
  }
  const part = subject.backend.snapshot({}, 2);
  assert.is(part.base, 1);
  const back = subjectFrom(1);
  back.backend.restore([partOf([whole, joined([...part.slices()])])]);
  assert.equal(back.at(5).v.get(), { ...many, h: 1_999 });
  assert.equal(back.at(40).v.get(), many);
});

rows("that changed are in the next delta, and so are entries without rows where these are too many to be noted", () => {
  const [records, texts] = [9_000, 7_000];
  const subject = subjectFrom(1);
  const write = (key: number, turn: number) => subject.at(key).v.set(key < records ? { count: turn, half: key / 2 } : `${turn}`);
  const model = Array.from({ length: records + texts }, () => 0);
  for (let key = 0; key < model.length; key++) write(key, 0);
  const layers = [joined([...subject.backend.snapshot({}, 1).slices()])];
  subject.backend.completed(1);
  const change = (turn: number, of: (key: number) => boolean) => {
    for (let key = 0; key < model.length; key++) {
      if (of(key)) write(key, model[key] = turn);
    }
  };
  // Of each two epochs one has too many entries without rows; the first of the two is that of an aborted checkpoint.
  const few = (key: number) => key % 40 === 0;
  const many = (key: number) => key % 50 === 0 || key >= records + 2_000;
  for (const [turn, of] of [few, many, many, few].entries()) {
    change(turn + 1, of);
    const part = subject.backend.snapshot({}, turn + 2);
    const slices = [...part.slices()];
    part.release?.();
    if (turn % 2 === 0) continue;
    assert.is(part.base, turn);
    layers.push(joined(slices));
    subject.backend.completed(turn + 2);
  }
  assert.ok(layers.every((layer) => layer.length < 0.6 * layers[0]!.length || layer === layers[0]));
  const back = subjectFrom(1);
  back.backend.restore([partOf(layers)]);
  for (const [key, turn] of model.entries()) {
    assert.equal(back.at(key).v.get(), key < records ? { count: turn, half: key / 2 } : `${turn}`);
  }
});

rows("begin when no snapshot is being written: each has all that was there", () => {
  const subject = subjectFrom(4_000);
  for (let key = 0; key < 3_950; key++) subject.at(key).v.set({ count: key });
  const slices: Uint8Array[] = [];
  for (const slice of subject.backend.snapshot({}).slices()) {
    slices.push(slice);
    // In the midst of a group: it has more than one slice.
    if (slices.length === 1) { for (let key = 4_000; key < 6_000; key++) subject.at(key).v.set({ count: key }); }
  }
  const back = subjectFrom(1);
  back.backend.restore([partOf([joined(slices)])]);
  for (let key = 0; key < 3_950; key++) assert.equal(back.at(key).v.get(), { count: key });
  assert.is(back.at(4_500).v.get(), "none");
});

rows("take a fraction of the room that objects take", () => {
  const sizeOf = (rowsFrom: number) => {
    const subject = subjectFrom(rowsFrom);
    for (let key = 0; key < 12_000; key++) subject.at(key).v.set({ count: key % 100, sum: key });
    return joined([...subject.backend.snapshot({}).slices()]).length;
  };
  assert.ok(sizeOf(1) <= sizeOf(1_000_000), `${sizeOf(1)} bytes instead of ${sizeOf(1_000_000)}`);
});

rows("hold no instance of a class, and nothing hidden: snapshots refuse these as ever", () => {
  class Totals {
    count = 1;
    half = 2;
  }
  const hidden = () => Object.defineProperty({ count: 1, half: 2 }, Symbol("s"), { value: 1 });
  for (const odd of [() => new Totals(), hidden]) {
    const subject = subjectFrom(1);
    for (let key = 0; key < 200; key++) subject.at(key).v.set({ count: key, half: key / 2 });
    fails("UNENCODABLE_VALUE", /operator totals, key \d+, state v/, () => {
      for (let key = 0; key < 200; key++) subject.at(key).v.set(odd());
      subject.snapshot();
    });
  }
});

rows("are not seen through a value that get() gave, which stays as it is though other keys use its place", () => {
  const subject = subjectFrom(1);
  for (let key = 0; key < 3_000; key++) subject.at(key).v.set({ count: key });
  const given = subject.at(7).v.get();
  for (let key = 8; key < 3_000; key++) subject.at(key).v.mutate((it) => void (it as { count: number }).count++);
  assert.equal(given, { count: 7 });
});

rows("are found by their keys as those of a Map are, while others come and go", () => {
  const key = fc.oneof(
    fc.integer({ min: -40, max: 40 }),
    fc.double({ noNaN: true }),
    fc.constantFrom(2 ** 31, -(2 ** 31), 1e300),
  );
  const steps = fc.array(fc.record({ key, add: fc.boolean() }), { maxLength: 400 });
  fc.assert(fc.property(steps, (taken) => {
    const group = new RowGroup(1);
    const model = new Map<number, number>();
    for (const [n, { key, add }] of taken.entries()) {
      const identity = key === 0 ? 0 : key;
      const at = group.find(identity);
      assert.is(at >= 0 ? group.cells[at + 2] : undefined, model.get(identity));
      if (add && at < 0) {
        group.cells[group.add(identity, 0) + 2] = n;
        model.set(identity, n);
      } else if (!add && at >= 0) {
        group.remove(at);
        model.delete(identity);
      }
      assert.is(group.size, model.size);
    }
    for (const [key, n] of model) assert.is(group.cells[group.find(key) + 2], n);
  }));
});

rows("have a mark when they were touched since marks were taken, however many rows come meanwhile", () => {
  const steps = fc.array(fc.record({ add: fc.nat(60), touch: fc.nat(2_000), take: fc.nat(9) }), { maxLength: 60 });
  fc.assert(fc.property(steps, fc.integer({ min: 1, max: 8 }), (taken, fields) => {
    const group = new RowGroup(fields);
    let touched = new Set<number>();
    let stamp = 2;
    for (const { add, touch, take } of taken) {
      for (let n = 0; n <= add; n++) group.add(group.size, 0);
      const at = group.find(touch % group.size);
      group.touch(at, stamp);
      touched.add(at / group.stride);
      assert.is(group.cells[at + 1], stamp);
      if (take > 0) continue;
      const found = new Int32Array(touched.size + 1);
      assert.is(new TouchedRows([[group.takeMarks()]], 0).take(found, found.length), touched.size);
      assert.equal([...found].slice(0, -1), [...touched].sort((a, b) => a - b));
      touched = new Set();
      stamp += 2;
    }
  }));
});

rows("that were touched in any of some epochs are found once each and in order, a bounded number at a time", () => {
  const words = fc.array(fc.oneof(fc.constant(0), fc.integer(), fc.constant(-1)), { maxLength: 40 });
  const far = fc.option(fc.integer({ min: 40, max: 50_000 }), { nil: undefined, freq: 1 });
  fc.assert(fc.property(fc.array(words, { maxLength: 4 }), far, fc.integer({ min: 1, max: 90 }), (epochs, last, most) => {
    const all = epochs.map((words) => Int32Array.from(words));
    if (last !== undefined) all.push(new Int32Array(last + 1).fill(1 << 31, last));
    const expected: number[] = [];
    for (let row = 0; row < 32 * Math.max(0, ...all.map(({ length }) => length)); row++) {
      if (all.some((marks) => ((marks[row >> 5] ?? 0) >>> (row & 31) & 1) === 1)) expected.push(row);
    }
    const found: number[] = [];
    const room = new Int32Array(most);
    const walk = new TouchedRows(all.map((marks) => [noMarks, marks]), 1);
    for (let steps = 0; !walk.isOver; steps++) {
      found.push(...room.subarray(0, walk.take(room, most)));
      assert.ok(steps < 10 + expected.length);
    }
    assert.equal(found, expected);
  }));
});

rows("make the same bytes as the records that they stand for", () => {
  const column = fc.oneof(
    fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 40, maxLength: 40 }),
    fc.array(fc.double(), { minLength: 40, maxLength: 40 }),
    fc.array(fc.constant(5), { minLength: 40, maxLength: 40 }),
  );
  fc.assert(fc.property(column, column, column, fc.boolean(), (keys, first, second, records) => {
    const count = keys.length;
    const cells = Float64Array.from(keys.flatMap((key, at) => [key, 7, first[at]!, second[at]!]));
    const rows = Int32Array.from(keys, (_, at) => 4 * at);
    const names = records ? ["first", "second"] : undefined;
    const values = records ? first.map((item, at) => ({ first: item, second: second[at]! })) : first;
    const bytes = encodeNumberTable({ cells, rows, count, head: 2, names }, 20);
    if (bytes !== undefined) assert.equal(bytes, encodeTable([keys, values], "a test", 20, false));
  }));
});

rows.run();
