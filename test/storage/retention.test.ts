import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { checkpointsToRemove, type RetainedCheckpoint, sweepBelow } from "../../runtime/checkpoint/retention.ts";

const retention = suite("retention");

const ids = (checkpoints: readonly RetainedCheckpoint[]): readonly number[] => checkpoints.map((checkpoint) => checkpoint.id);
const plain = (...list: readonly number[]): readonly RetainedCheckpoint[] => list.map((id) => ({ id }));

retention("keeps the newest and removes the rest, oldest first", () => {
  assert.equal(ids(checkpointsToRemove(plain(9, 3, 7, 5), 2)), [3, 5]);
  assert.equal(ids(checkpointsToRemove(plain(9, 3), 2)), []);
  assert.equal(ids(checkpointsToRemove([], 1)), []);
});

retention("keeps what a kept checkpoint refers to, directly or through others", () => {
  const chain: readonly RetainedCheckpoint[] = [
    { id: 1 },
    { id: 2, refersTo: [1] },
    { id: 3 },
    { id: 4, refersTo: [2] },
    { id: 5, refersTo: [4, 99] },
  ];
  assert.equal(ids(checkpointsToRemove(chain, 1)), [3]);
});

retention("keeps what is in use", () => {
  assert.equal(ids(checkpointsToRemove(plain(1, 2, 3), 1, [1])), [2]);
  assert.equal(ids(checkpointsToRemove([{ id: 1 }, { id: 2, refersTo: [1] }, { id: 3 }, { id: 4 }], 1, [2])), [3]);
});

retention("never removes what a checkpoint that stays refers to", () => {
  const checkpoints = fc.uniqueArray(
    fc.record({ id: fc.integer({ min: 1, max: 30 }), refersTo: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 3 }) }),
    { selector: (checkpoint) => checkpoint.id, maxLength: 20 },
  );
  fc.assert(
    fc.property(checkpoints, fc.integer({ min: 1, max: 5 }), (completed, keep) => {
      const removed = new Set(ids(checkpointsToRemove(completed, keep)));
      const kept = completed.filter((checkpoint) => !removed.has(checkpoint.id));
      assert.ok(kept.length >= Math.min(keep, completed.length));
      for (const checkpoint of kept) for (const id of checkpoint.refersTo) assert.not.ok(removed.has(id));
      const newest = [...completed].sort((a, b) => b.id - a.id).slice(0, keep);
      for (const checkpoint of newest) assert.not.ok(removed.has(checkpoint.id));
    }),
    { seed: 2, numRuns: 1_000 },
  );
});

retention("refuses to keep nothing", () => {
  for (const keep of [0, -1, 1.5, NaN]) {
    assert.throws(() => checkpointsToRemove(plain(1), keep), /must keep 1 checkpoint or more/);
  }
});

retention("lets be swept only what can no longer complete", () => {
  assert.is(sweepBelow(7, []), 7);
  assert.is(sweepBelow(7, [9, 5, 6]), 5);
  assert.is(sweepBelow(0, [3]), 0);
});

retention.run();
