import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { rangeOf } from "../../runtime/graph/key.ts";
import type { RestoredPart } from "../../runtime/graph/operator.ts";
import { type, value } from "../../runtime/state/descriptor.ts";
import { HeapKeyedStateBackend } from "../../runtime/state/heap_backend.ts";
import { joined } from "../operators/fake_context.ts";
import { fails, keyGroupCount, type Make, Subject } from "./backend_subject.ts";

const make: Make = (options) => new HeapKeyedStateBackend(options);
const descriptors = { n: value(type<number>(), 0) };

function subjectOf(keys: number, rowsFrom = Infinity) {
  const subject = new Subject(make, descriptors, { range: rangeOf(0, 1, keyGroupCount), baseEvery: 10, rowsFrom });
  for (let key = 0; key < keys; key++) subject.at(key).n.set(key);
  joined(subject.backend.snapshot({})); // a first chunk is small, as nothing is known of what is in it
  return subject;
}

function chunksOf(part: { slices(): Iterable<Uint8Array> }): number {
  return [...part.slices()].filter(({ length }) => length > 0).length - 2; // the footer, and what ends it
}

const shared = suite("Chunks of several key groups");

shared("hold what there is little of in each group, whole or changed", () => {
  const subject = subjectOf(60);
  assert.is(chunksOf(subject.backend.snapshot({}, 1)), 1);
  subject.backend.completed(1);
  for (let key = 0; key < 60; key += 2) subject.at(key).n.set(-1);
  for (let key = 1; key < 60; key += 20) subject.at(key).n.clear();
  assert.is(chunksOf(subject.backend.snapshot({}, 2)), 2, "what is gone, and what has changed");
});

shared("do not grow out of bounds where items have grown since", () => {
  const subject = new Subject(make, { text: value(type<string>(), "") }, { range: rangeOf(0, 1, keyGroupCount) });
  const longest = () => Math.max(...[...subject.backend.snapshot({}).slices()].map(({ length }) => length));
  for (let key = 0; key < 300; key++) subject.at(key).text.set("a");
  for (let round = 0; round < 5; round++) longest();
  for (let key = 0; key < 300; key++) subject.at(key).text.set("a".repeat(10_000));
  assert.ok(longest() < 1_000_000, `${longest()} bytes in a piece`);
});

shared("are none where there is much", () => {
  assert.ok(chunksOf(subjectOf(keyGroupCount * 1_000).backend.snapshot({})) >= keyGroupCount);
});

shared("hold the few of many rows that changed, as they were at the cut", () => {
  const subject = subjectOf(40_000, 1_000);
  const whole = joined(subject.backend.snapshot({}, 1));
  subject.backend.completed(1);
  for (let key = 0; key < 40_000; key += 1_000) subject.at(key).n.set(-key);
  const part = subject.backend.snapshot({}, 2);
  const slices: Uint8Array[] = [];
  const changes = [() => subject.at(7_000).n.set(99), () => subject.at(3).n.set(99)];
  changes.shift()!(); // before the first slice, then before the second
  for (const slice of part.slices()) {
    slices.push(slice);
    changes.shift()?.();
  }
  part.release?.();
  assert.is(chunksOf({ slices: () => slices }), 2, "what had not changed since, and what had");
  const layer = joined({ ...part, slices: () => slices });
  const back = subjectOf(0);
  back.backend.restore([{ scope: "keyed", name: "keyed", subtask: 0, bytes: layer, below: [whole] }]);
  for (let key = 0; key < 40_000; key++) assert.is(back.at(key).n.get() === (key % 1_000 === 0 ? -key : key), true, `${key}`);
});

shared("are refused where the index says other groups than their keys have", () => {
  const bytes = joined(subjectOf(60).backend.snapshot({}));
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8);
  const footerAt = bytes.length - 8 - trailer.getUint32(0, true);
  const decoded = decodeValue(bytes.subarray(footerAt, bytes.length - 8)) as { value: { index: number[] } };
  const withIndex = (change: (index: number[]) => void): RestoredPart => {
    const footer = structuredClone(decoded.value);
    change(footer.index);
    const encoded = encodeValue(footer, "a footer");
    const changed = new Uint8Array(footerAt + encoded.length + 8);
    changed.set(bytes.subarray(0, footerAt));
    changed.set(encoded, footerAt);
    new DataView(changed.buffer).setUint32(footerAt + encoded.length, encoded.length, true);
    changed.set(bytes.subarray(-4), changed.length - 4);
    return { scope: "keyed", name: "keyed", subtask: 0, bytes: changed };
  };
  const restore = (part: RestoredPart) => subjectOf(0).backend.restore([part]);
  restore(withIndex(() => {}));
  for (const [first, last] of [[0, 5], [9, 15]] as const) {
    const part = withIndex((index) => index.splice(0, 2, first, last));
    fails("STATE_DAMAGED", /key groups \d+ to \d+, cannot be read: it holds a key of group \d+/, () => restore(part));
  }
  for (const [first, last] of [[5, 3], [0, keyGroupCount], [-1, 3]] as const) {
    const part = withIndex((index) => index.splice(0, 2, first, last));
    fails("STATE_DAMAGED", /its index makes no sense/, () => restore(part));
  }
});

shared.run();
