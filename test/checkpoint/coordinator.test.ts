import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Acknowledgement } from "../../runtime/checkpoint/contribution.ts";
import {
  coordinate,
  type Coordination,
  type CoordinatorAction,
  type CoordinatorEvent,
  type CoordinatorPolicy,
  newCoordination,
  nextTickAt,
} from "../../runtime/checkpoint/coordinator.ts";

const test = suite("coordinator");

const policy: CoordinatorPolicy = {
  intervalMs: 100,
  minPauseMs: 0,
  timeoutMs: 1_000,
  maxConcurrent: 1,
  tolerableFailures: 1,
  repeatMs: 500,
};

const begin = (over: Partial<CoordinatorPolicy> = {}, subtasks = 2): Coordination =>
  newCoordination({ ...policy, ...over }, { subtasks, sinkSubtasks: [1], nextId: 1, restored: 0, nowMs: 0 });

const kinds = (actions: readonly CoordinatorAction[]) =>
  actions.map(({ kind, ...rest }) => ("id" in rest ? `${kind} ${rest.id}` : kind));
const acks = (count: number, finished = false) => Array.from({ length: count }, () => ({ finished }) as Acknowledgement);
const acknowledged = (id: number, count = 2): CoordinatorEvent => ({ kind: "acknowledged", id, acknowledgements: acks(count) });
const tick: CoordinatorEvent = { kind: "tick" };

test("it triggers at the interval, completes when all have acknowledged, and announces when the store has it", () => {
  const state = begin();
  assert.is(nextTickAt(state), 100);
  assert.equal(kinds(coordinate(state, tick, 100)), ["trigger 1"]);
  assert.equal(kinds(coordinate(state, acknowledged(1, 1), 110)), []);
  assert.equal(kinds(coordinate(state, acknowledged(1, 1), 120)), ["complete 1"]);
  assert.equal(kinds(coordinate(state, { kind: "stored", id: 1, final: false }, 130)), ["announce 1"]);
});

test("it does not trigger while as many are open as may be, nor before the pause is over", () => {
  const state = begin({ minPauseMs: 300 });
  coordinate(state, tick, 100);
  assert.equal(kinds(coordinate(state, tick, 250)), []);
  coordinate(state, acknowledged(1), 260);
  coordinate(state, { kind: "stored", id: 1, final: false }, 270);
  assert.equal(kinds(coordinate(state, tick, 569)), []);
  assert.equal(kinds(coordinate(state, tick, 570)), ["trigger 2"]);
});

test("where each checkpoint gives up the one before it, the next waits, until one completes", () => {
  const state = begin({ maxConcurrent: 2 });
  let now = 0;
  const ticks = () => kinds(coordinate(state, tick, now += 100));
  assert.equal(ticks(), ["trigger 1"]);
  for (let id = 1; id <= 3; id++) {
    assert.equal(ticks(), [`trigger ${id + 1}`]);
    coordinate(state, { kind: "declined", id, reason: "a newer checkpoint started first", counts: false, cause: undefined }, now);
  }
  assert.equal(ticks(), [], "4 is alone until it has come to its end");
  coordinate(state, acknowledged(4), now);
  assert.equal(kinds(coordinate(state, { kind: "stored", id: 4, final: false }, now)), ["announce 4", "trigger 5"]);
  assert.equal(ticks(), ["trigger 6"]);
});

test("completing a newer checkpoint aborts the older ones that are open", () => {
  const state = begin({ maxConcurrent: 2 });
  coordinate(state, tick, 100);
  coordinate(state, tick, 200);
  assert.equal(kinds(coordinate(state, acknowledged(2), 210)), ["complete 2"]);
  const stored = coordinate(state, { kind: "stored", id: 2, final: false }, 220);
  assert.equal(kinds(stored), ["abort 1", "announce 2"]);
  assert.equal(kinds(coordinate(state, acknowledged(1), 230)), []);
});

test("one completion is under way at a time, and ids of completed checkpoints only grow", () => {
  const state = begin({ maxConcurrent: 3 });
  coordinate(state, tick, 100);
  coordinate(state, tick, 200);
  coordinate(state, acknowledged(1), 210);
  assert.equal(kinds(coordinate(state, acknowledged(2), 220)), []);
  assert.equal(kinds(coordinate(state, { kind: "stored", id: 1, final: false }, 230)), ["announce 1", "complete 2"]);
});

test("a checkpoint that takes too long is aborted, and too many failures in a row fail the attempt", () => {
  const state = begin();
  coordinate(state, tick, 100);
  assert.equal(kinds(coordinate(state, tick, 1_100)), ["abort 1", "trigger 2"]);
  assert.equal(kinds(coordinate(state, tick, 2_100)), ["abort 2", "fail"]);
  assert.is(nextTickAt(state), Infinity);
});

test("a decline aborts only its id, and counts as a failure only when it is one", () => {
  const state = begin({ maxConcurrent: 2, tolerableFailures: 0 });
  coordinate(state, tick, 100);
  coordinate(state, tick, 200);
  const course = coordinate(state, { kind: "declined", id: 1, reason: "overtaken", counts: false, cause: undefined }, 210);
  assert.equal(kinds(course), ["abort 1"]);
  const failure = coordinate(state, { kind: "declined", id: 2, reason: "broken", counts: true, cause: undefined }, 220);
  assert.equal(kinds(failure), ["abort 2", "fail"]);
});

test("a bounded job ends with a checkpoint that is triggered when the last subtask has finished, and after every commit", () => {
  const state = begin({ intervalMs: undefined });
  assert.equal(kinds(coordinate(state, { kind: "finished", subtask: 0 }, 10)), []);
  assert.equal(kinds(coordinate(state, { kind: "finished", subtask: 1 }, 20)), ["trigger 1"]);
  coordinate(state, acknowledged(1), 30);
  assert.equal(kinds(coordinate(state, { kind: "stored", id: 1, final: true }, 40)), ["announce 1"]);
  assert.equal(coordinate(state, { kind: "committed", subtask: 1, id: 1 }, 50), [{ kind: "done", id: 1, stopped: false }]);
});

test("a checkpoint under way at the end of input is followed by a last one unless all had finished in it", () => {
  const state = begin();
  coordinate(state, tick, 100);
  coordinate(state, { kind: "finished", subtask: 0 }, 110);
  coordinate(state, { kind: "finished", subtask: 1 }, 120);
  coordinate(state, acknowledged(1), 130);
  assert.equal(kinds(coordinate(state, { kind: "stored", id: 1, final: false }, 140)), ["announce 1", "trigger 2"]);
});

test("stop takes a last checkpoint, tries again when it is aborted, and ends as stopped", () => {
  const state = begin();
  assert.equal(coordinate(state, { kind: "stop" }, 10), [{ kind: "trigger", id: 1, reason: "stop" }]);
  const again = coordinate(state, { kind: "declined", id: 1, reason: "", counts: true, cause: undefined }, 20);
  assert.equal(kinds(again), ["abort 1", "trigger 2"]);
  coordinate(state, acknowledged(2), 30);
  coordinate(state, { kind: "stored", id: 2, final: false }, 40);
  assert.equal(coordinate(state, { kind: "committed", subtask: 1, id: 2 }, 50), [{ kind: "done", id: 2, stopped: true }]);
});

test("while the last checkpoint is under way no tick is due but its timeout, though others may be open with it", () => {
  for (const end of ["finished", "stop"] as const) {
    const state = begin({ maxConcurrent: 2 });
    const actions = end === "stop"
      ? coordinate(state, { kind: "stop" }, 50)
      : [0, 1].flatMap((subtask) => coordinate(state, { kind: "finished", subtask }, 50));
    assert.equal(kinds(actions), ["trigger 1"]);
    assert.is(nextTickAt(state), 1_050);
    assert.equal(kinds(coordinate(state, tick, 150)), []);
    assert.equal(kinds(coordinate(state, tick, 1_050)), ["abort 1", "trigger 2"]);
  }
});

test("what finishes after the cut of the stop's checkpoint does not make it a finished job", () => {
  const state = begin();
  coordinate(state, { kind: "stop" }, 10);
  coordinate(state, acknowledged(1), 20);
  coordinate(state, { kind: "finished", subtask: 0 }, 30);
  coordinate(state, { kind: "finished", subtask: 1 }, 40);
  coordinate(state, { kind: "stored", id: 1, final: false }, 50);
  assert.equal(coordinate(state, { kind: "committed", subtask: 1, id: 1 }, 60), [{ kind: "done", id: 1, stopped: true }]);
});

test("a completed checkpoint is announced again until every sink has reported its commit", () => {
  const state = begin({ intervalMs: 10_000 });
  coordinate(state, { kind: "request" }, 0);
  coordinate(state, acknowledged(1), 10);
  coordinate(state, { kind: "stored", id: 1, final: false }, 20);
  assert.is(nextTickAt(state), 520);
  assert.equal(kinds(coordinate(state, tick, 520)), ["announce 1"]);
  coordinate(state, { kind: "committed", subtask: 1, id: 1 }, 530);
  assert.is(nextTickAt(state), 10_000);
});

test("a loop ends in two steps, each when a checkpoint shows it quiet, and is looked at until its heads have finished", () => {
  const loops = [[1]];
  const state = newCoordination(
    { ...policy, intervalMs: undefined },
    { subtasks: 3, sinkSubtasks: [], nextId: 1, restored: 0, nowMs: 0, loops },
  );
  const stored = (id: number, quiet: { loop: number; flushed: boolean }[], at: number) => {
    coordinate(state, acknowledged(id, 3), at);
    return coordinate(state, { kind: "stored", id, final: false, quiet }, at);
  };
  assert.equal(coordinate(state, { kind: "finished", subtask: 0 }, 5), []);
  assert.is(nextTickAt(state), Infinity);
  assert.equal(coordinate(state, { kind: "drained", subtask: 1 }, 10), [{ kind: "trigger", id: 1, reason: "end of loop" }]);
  assert.equal(kinds(stored(1, [], 20)), ["announce 1"]);
  assert.is(nextTickAt(state), 21);
  assert.equal(kinds(coordinate(state, tick, 21)), ["trigger 2"]);
  stored(2, [], 30);
  assert.is(nextTickAt(state), 32, "it looks less and less often as long as the loop goes round");
  coordinate(state, tick, 32);
  assert.equal(stored(3, [{ loop: 0, flushed: false }], 40).at(-1), { kind: "end-loop", loop: 0, phase: "flush" });
  assert.is(nextTickAt(state), 41);
  coordinate(state, tick, 41);
  assert.equal(kinds(stored(4, [], 50)), ["announce 4"], "what the flush set going goes round");
  coordinate(state, tick, 51);
  assert.equal(stored(5, [{ loop: 0, flushed: true }], 60).at(-1), { kind: "end-loop", loop: 0, phase: "close" });
  assert.equal(coordinate(state, { kind: "finished", subtask: 1 }, 60), []);
  assert.is(nextTickAt(state), Infinity);
  assert.equal(coordinate(state, { kind: "finished", subtask: 2 }, 61), [{ kind: "trigger", id: 6, reason: "end of input" }]);
});

test("a loop is not ended before all of its heads have said that nothing more comes from outside", () => {
  const state = newCoordination(policy, {
    subtasks: 3,
    sinkSubtasks: [],
    nextId: 1,
    restored: 0,
    nowMs: 0,
    loops: [[0, 1], [2]],
  });
  coordinate(state, { kind: "drained", subtask: 0 }, 10);
  coordinate(state, { kind: "request" }, 10);
  coordinate(state, acknowledged(1, 3), 20);
  const quiet = [{ loop: 0, flushed: false }, { loop: 1, flushed: false }];
  assert.equal(kinds(coordinate(state, { kind: "stored", id: 1, final: false, quiet }, 20)), ["announce 1"]);
});

test("a request that is aborted is tried again", () => {
  const state = begin({ intervalMs: undefined });
  coordinate(state, { kind: "request" }, 0);
  const aborted = coordinate(state, { kind: "declined", id: 1, reason: "overtaken", counts: false, cause: undefined }, 10);
  assert.equal(kinds(aborted), ["abort 1", "trigger 2"]);
});

test.run();
