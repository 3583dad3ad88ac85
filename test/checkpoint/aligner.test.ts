import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  align,
  type AlignAction,
  type AlignEvent,
  type Alignment,
  type AlignPolicy,
  newAlignment,
} from "../../runtime/checkpoint/aligner.ts";

const test = suite("aligner");

const barrier = (input: number, id: number, afterSeq = id * 10, overtook = false): AlignEvent => ({
  kind: "barrier",
  input,
  id,
  afterSeq,
  overtook,
});
const reached = (input: number, id: number): AlignEvent => ({ kind: "reached", input, id });

/** Applies events; returns all actions, and the holds in force. */
function play(state: Alignment, events: readonly AlignEvent[]): { actions: AlignAction[]; holds: number[] } {
  const actions: AlignAction[] = [];
  const holds = state.policies.byInput.map(() => Infinity);
  for (const event of events) {
    for (const action of align(state, event)) {
      actions.push(action);
      if (action.kind === "hold") holds[action.input] = action.afterSeq;
    }
  }
  return { actions, holds };
}

const starts = (actions: readonly AlignAction[]) => actions.flatMap((action) => (action.kind === "start" ? [action.id] : []));
const declines = (actions: readonly AlignAction[]) => actions.flatMap((action) => (action.kind === "decline" ? [action.id] : []));
const fresh = (...policies: AlignPolicy[]) => newAlignment(policies, 0, true);

test("a source starts when it is triggered", () => {
  assert.equal(starts(play(fresh(), [{ kind: "trigger", id: 1 }]).actions), [1]);
});

test("an aligned subtask starts when the barrier is reached on every input, and holds those that are ahead until then", () => {
  const state = fresh("aligned", "aligned");
  const first = play(state, [barrier(0, 1), reached(0, 1)]);
  assert.equal(starts(first.actions), []);
  assert.equal(first.holds, [10, Infinity]);
  const second = play(state, [barrier(1, 1), reached(1, 1)]);
  assert.equal(starts(second.actions), [1]);
  assert.equal(second.holds, [Infinity, Infinity]);
});

test("an unaligned subtask starts at the first barrier and holds nothing afterwards", () => {
  const played = play(fresh("unaligned", "unaligned"), [barrier(1, 1, 5, true)]);
  assert.equal(starts(played.actions), [1]);
  assert.equal(played.holds, [Infinity, Infinity]);
});

test("scenario 6: of an aligned and an unaligned input, the unaligned one waits at its cut for the aligned one", () => {
  const state = fresh("aligned", "unaligned");
  const early = play(state, [barrier(1, 1, 7, true)]);
  assert.equal(starts(early.actions), []);
  assert.equal(early.holds, [Infinity, 7]);
  const late = play(state, [barrier(0, 1, 3), reached(0, 1)]);
  assert.equal(starts(late.actions), [1]);
  assert.equal(late.holds[1], Infinity);
});

test("a timed subtask asks for a timeout at the first barrier and starts at it", () => {
  const state = fresh("timed", "timed");
  const armed = play(state, [barrier(0, 1)]);
  assert.equal(armed.actions.filter((action) => action.kind === "arm-timeout").length, 1);
  const timedOut = play(state, [{ kind: "timeout", id: 1 }]);
  assert.equal(timedOut.actions.find((action) => action.kind === "start"), { kind: "start", id: 1, overtake: true });
});

test("a timed subtask that started in time is told to promote its outputs at the timeout", () => {
  const state = fresh("timed");
  play(state, [barrier(0, 1), reached(0, 1)]);
  assert.equal(play(state, [{ kind: "timeout", id: 1 }]).actions, [{ kind: "promote", id: 1 }]);
});

test("a barrier that overtook on a timed input starts the rest unaligned at once", () => {
  const played = play(fresh("timed", "timed"), [barrier(0, 1), barrier(1, 1, 4, true)]);
  assert.equal(starts(played.actions), [1]);
});

test("an aligned input keeps a timed-out subtask waiting", () => {
  const state = fresh("timed", "aligned");
  const played = play(state, [barrier(0, 1), { kind: "timeout", id: 1 }]);
  assert.equal(starts(played.actions), []);
  assert.equal(starts(play(state, [barrier(1, 1), reached(1, 1)]).actions), [1]);
});

test("a newer barrier kills an older checkpoint only on an input that does not know the older one", () => {
  const knows = play(fresh("aligned", "aligned"), [barrier(0, 1), barrier(0, 2, 20)]);
  assert.equal(declines(knows.actions), []);
  assert.equal(knows.holds, [10, Infinity]);
  const state = fresh("aligned", "aligned");
  const doesNot = play(state, [barrier(0, 1), barrier(1, 2, 20)]);
  assert.equal(declines(doesNot.actions), [1]);
  assert.equal(doesNot.holds, [Infinity, 20]);
});

test("starting a newer checkpoint first kills the older one", () => {
  const played = play(fresh("aligned", "unaligned"), [
    barrier(0, 1),
    barrier(1, 1, 4, true),
    barrier(0, 2, 20),
    reached(0, 2),
    barrier(1, 2, 5, true),
  ]);
  assert.equal(starts(played.actions), [2]);
  assert.equal(declines(played.actions), [1]);
});

test("an aborted checkpoint lets go of what it held, and its late barriers are neither held nor started", () => {
  const state = fresh("aligned", "aligned");
  const aborted = play(state, [barrier(0, 1), { kind: "abort", id: 1 }]);
  assert.equal(aborted.holds, [Infinity, Infinity]);
  const late = play(state, [barrier(1, 1), reached(1, 1)]);
  assert.equal(late.actions, []);
  assert.equal(starts(play(state, [barrier(0, 2), reached(0, 2), barrier(1, 2), reached(1, 2)]).actions), [2]);
});

test("completing a checkpoint drops older ones that are open", () => {
  const state = fresh("aligned", "aligned");
  play(state, [barrier(0, 1), barrier(0, 2), reached(0, 1)]);
  const completed = play(state, [{ kind: "completed", id: 2 }]);
  assert.equal(completed.holds, [Infinity, Infinity]);
  assert.equal(completed.actions.filter((action) => action.kind === "drop"), [{ kind: "drop", id: 1 }]);
});

test("at-least-once holds no input and still waits for every barrier", () => {
  const state = newAlignment(["aligned", "aligned"], 0, false);
  const first = play(state, [barrier(0, 1), reached(0, 1)]);
  assert.equal(first.actions, []);
  assert.equal(starts(play(state, [barrier(1, 1), reached(1, 1)]).actions), [1]);
});

test("barriers of before a restore do not exist after it", () => {
  assert.equal(play(newAlignment(["aligned"], 5, true), [barrier(0, 5), reached(0, 5), barrier(0, 3)]).actions, []);
});

/** All orders of events that keep the order of each input's own. */
function* interleavings(lanes: readonly (readonly AlignEvent[])[]): Generator<AlignEvent[]> {
  if (lanes.every((lane) => lane.length === 0)) return yield [];
  for (const [index, lane] of lanes.entries()) {
    const [first, ...rest] = lane;
    if (first === undefined) continue;
    const others = lanes.map((other, at) => (at === index ? rest : other));
    for (const tail of interleavings(others)) yield [first, ...tail];
  }
}

test("over all orders of two checkpoints on up to three inputs of every policy the invariants hold", () => {
  const policies: readonly AlignPolicy[] = ["aligned", "timed", "unaligned"];
  let orders = 0;
  const combinations = policies.flatMap((a) => [[a], ...policies.flatMap((b) => [[a, b]])]).concat([
    ["aligned", "unaligned", "timed"],
    ["unaligned", "unaligned", "unaligned"],
    ["aligned", "aligned", "aligned"],
  ]);
  for (const combination of combinations) {
    const lanes = combination.map((policy, input) => {
      const overtook = policy === "unaligned";
      const of = (id: number) => [barrier(input, id, id * 10, overtook), ...(overtook ? [] : [reached(input, id)])];
      return combination.length === 3 ? of(1) : [...of(1), ...of(2)];
    });
    const extra: AlignEvent[] = combination.includes("timed") ? [{ kind: "timeout", id: 1 }] : [];
    for (const order of interleavings([...lanes, extra])) {
      orders++;
      const state = newAlignment(combination, 0, true);
      const holds = combination.map(() => Infinity);
      const started: number[] = [];
      for (const event of order) {
        for (const action of align(state, event)) {
          if (action.kind === "hold") holds[action.input] = action.afterSeq;
          if (action.kind === "start") started.push(action.id);
        }
        for (const [input, held] of holds.entries()) {
          const expected = [...state.open.values()]
            .filter((open) => !open.started && open.arrived.has(input))
            .reduce((least, open) => Math.min(least, open.arrived.get(input) as number), Infinity);
          assert.is(held, expected, `the hold of input ${input} after ${JSON.stringify(event)} of ${JSON.stringify(order)}`);
        }
      }
      assert.equal(started, [...new Set(started)].sort(), `each id starts once, in order: ${JSON.stringify(order)}`);
      const last = combination.length === 3 ? 1 : 2;
      assert.ok(started.includes(last), `the newest checkpoint starts: ${JSON.stringify(order)}`);
      assert.ok(holds.every((held) => held === Infinity), `nothing is held at the end: ${JSON.stringify(order)}`);
    }
  }
  assert.ok(orders > 1_000, `${orders} orders`);
});

test.run();
