/** The two ends of an encoded channel as step functions: whatever is lost, repeated or damaged, and in whatever order. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { newSender, type SenderAction, stepSender } from "../../runtime/task/wire_sender.ts";
import { WireModel } from "./model.ts";

const wire = suite("wire, step by step");

type Command = (model: WireModel) => void;

const commands = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.boolean().map((barrier): Command => (model) => model.emit(barrier)) },
    { weight: 2, arbitrary: fc.constant<Command>((model) => model.overtake()) },
    {
      weight: 12,
      arbitrary: fc.constantFrom("whole", "whole", "whole", "lost", "twice", "damaged").map((fate): Command => (model) =>
        model.deliver(fate as "whole")
      ),
    },
    {
      weight: 8,
      arbitrary: fc.constantFrom("whole", "whole", "lost", "twice").map((fate): Command => (model) =>
        model.answer(fate as "whole")
      ),
    },
    { weight: 5, arbitrary: fc.constant<Command>((model) => model.consume()) },
    { weight: 3, arbitrary: fc.constantFrom(10, 100, 250, 2_000).map((ms): Command => (model) => model.pass(ms)) },
  ),
  { maxLength: 120, size: "max" },
);

/** All was taken in order, and every barrier was seen once, as it was when it left. */
function judge(model: WireModel): void {
  model.mend();
  assert.is(model.taken.length, model.sent - model.start, "frames are missing");
  const seen = model.barriersSeen.map(({ id }) => id);
  assert.equal(seen, [...new Set(seen)].sort((a, b) => a - b), "barriers came out of order, or twice");
  for (const barrier of model.barriersSeen) {
    const left = model.barriersSent[barrier.id - 1];
    assert.is(barrier.afterSeq, left?.afterSeq);
    assert.is(barrier.overtook, left?.overtook);
    assert.ok(barrier.elapsedMs >= (left?.elapsedMs as number));
  }
  // Of more than eight that were never confirmed only the last are kept: a newer one kills what it overtakes.
  const kept = model.barriersSent.slice(-8).map(({ id }) => id);
  for (const id of kept) assert.ok(seen.includes(id), `barrier ${id} was never seen`);
}

wire("takes every frame once and in order and sees every barrier, once the faults stop", () => {
  const fired = new Map<string, number>();
  fc.assert(
    fc.property(commands, fc.integer({ min: 1, max: 5 }), fc.nat({ max: 3 }), (list, window, start) => {
      const model = new WireModel({ window, start });
      model.pass(0);
      for (const command of list) command(model);
      judge(model);
      for (const kind of model.actions) fired.set(kind, (fired.get(kind) ?? 0) + 1);
    }),
    { seed: 31, numRuns: 3_000 },
  );
  for (const kind of ["transmit", "resend", "release", "credit", "heartbeat", "hello"]) {
    assert.ok((fired.get(kind) ?? 0) > 1_000, `${kind} happened ${fired.get(kind) ?? 0} times only`);
  }
});

wire("survives every loss pattern of its first twelve messages", () => {
  for (let pattern = 0; pattern < 1 << 12; pattern++) {
    const model = new WireModel({ window: 2 });
    let message = 0;
    const fate = () => (message < 12 && (pattern >> message++ & 1) === 1 ? "lost" : "whole");
    model.emit(false);
    model.emit(true);
    model.pass(0);
    for (let round = 0; round < 8; round++) {
      while (model.forward.length > 0) model.deliver(fate());
      while (model.back.length > 0) model.answer(fate());
      if (round === 2) model.overtake();
      if (round === 4) model.emit(false);
      model.consume();
      model.pass(125);
    }
    judge(model);
    assert.is(model.taken.length, 3, `pattern ${pattern.toString(2)}`);
    assert.is(model.barriersSeen.length, model.barriersSent.length, `pattern ${pattern.toString(2)}`);
  }
});

wire("without faults nothing is sent again, and nothing is asked while it goes on", () => {
  const model = new WireModel({ window: 4 });
  model.pass(0);
  for (let i = 0; i < 200; i++) {
    model.emit(i % 10 === 0);
    model.pass(20);
    while (model.forward.length > 0) model.deliver("whole");
    model.consume();
    while (model.back.length > 0) model.answer("whole");
  }
  assert.is(model.mend(), 0);
  assert.ok(!model.actions.includes("resend"));
  assert.ok(!model.actions.includes("heartbeat"));
});

wire("nothing is sent before the first grant, and hello is repeated until it comes", () => {
  const model = new WireModel();
  model.emit(true);
  for (let i = 0; i < 4; i++) {
    model.pass(250);
    model.deliver("lost");
  }
  assert.equal(model.actions, ["hello", "hello", "hello", "hello"]);
  model.pass(250);
  judge(model);
  assert.is(model.taken.length, 1);
});

wire("a barrier that waited for the first grant shows the time that it waited", () => {
  const model = new WireModel();
  model.overtake();
  model.pass(0);
  model.deliver("lost");
  model.pass(700);
  judge(model);
  assert.is(model.barriersSeen[0]?.elapsedMs, 700);
});

wire("a barrier counts when its frame's body is damaged, and the frame is sent again with the same header", () => {
  const model = new WireModel();
  model.pass(0);
  model.deliver("whole");
  model.answer("whole");
  model.emit(true);
  model.deliver("damaged");
  assert.equal(model.barriersSeen.map(({ id }) => id), [1]);
  assert.is(model.taken.length, 0);
  assert.ok(model.back[0]?.gap, "a damaged frame is a gap");
  model.emit(true);
  model.answer("whole");
  assert.equal(model.forward.map((message) => message.kind === "frame" && message.barriers.length), [2, 1, 2]);
  judge(model);
});

wire("the same frame sent so many times in vain is given up, with what lies between", () => {
  const model = new WireModel({ times: { maxResends: 5 } });
  model.pass(0);
  model.deliver("whole");
  model.answer("whole");
  model.emit(false);
  const frames = () => model.actions.filter((kind) => kind === "transmit" || kind === "resend").length;
  for (let probes = 0; probes < 20 && !model.sender.failed; probes++) {
    model.pass(250);
    while (model.forward.length > 0) model.deliver(model.forward[0]?.kind === "frame" ? "damaged" : "whole");
    while (model.back.length > 0) model.answer("whole");
  }
  assert.is(frames(), 6);
  assert.is(model.actions.at(-1), "fail");
});

wire("a gap that is told over and over leads to one resend a probe", () => {
  const model = new WireModel({ window: 10 });
  model.pass(0);
  model.deliver("whole");
  model.answer("whole");
  for (let i = 0; i < 10; i++) model.emit(false);
  model.deliver("lost");
  while (model.forward.length > 0) model.deliver("twice");
  while (model.back.length > 0) model.answer("twice");
  assert.is(model.actions.filter((kind) => kind === "resend").length, 1);
  judge(model);
});

const quick = { probeMs: 250, silenceMs: 1_000, maxResends: 20 };
const kinds = (actions: readonly SenderAction[]) => actions.map(({ kind }) => kind);
const grant = { received: 0, consumed: 0, limit: 10, barrier: 0, gap: false };

wire("silence is counted only while something waits for an answer, and while one's own connection stands", () => {
  const state = newSender(0, 0);
  const tick = (nowMs: number, connected = true) => kinds(stepSender(state, { kind: "tick", connected }, nowMs, quick));
  assert.equal(tick(5_000), ["hello"], "nothing waits: the other may still be loading");
  stepSender(state, { kind: "grant", grant }, 5_000, quick);
  assert.equal(tick(90_000), []);
  stepSender(state, { kind: "frame", seq: 1, barrier: undefined }, 100_000, quick);
  assert.equal(tick(100_100), []);
  assert.equal(tick(100_250), ["heartbeat"]);
  assert.equal(tick(100_900, false), []);
  assert.equal(tick(200_000, false), []);
  assert.equal(tick(200_999), ["heartbeat"], "a full timeout after the return");
  assert.equal(tick(201_000), ["fail"]);
  assert.equal(tick(300_000), [], "it fails once");
});

wire("what waits for a first grant fails after a silence, too", () => {
  const state = newSender(0, 0);
  stepSender(state, { kind: "tick", connected: true }, 0, quick);
  stepSender(state, { kind: "wanted" }, 500, quick);
  assert.equal(kinds(stepSender(state, { kind: "tick", connected: true }, 1_499, quick)), ["hello"]);
  assert.equal(kinds(stepSender(state, { kind: "tick", connected: true }, 1_500, quick)), ["fail"]);
});

wire("a grant that cannot be true is refused and changes nothing", () => {
  const state = newSender(3, 0);
  stepSender(state, { kind: "grant", grant: { ...grant, received: 3, consumed: 3 } }, 0, quick);
  stepSender(state, { kind: "frame", seq: 4, barrier: undefined }, 0, quick);
  const before = JSON.stringify(state);
  for (const said of [{ received: 5, consumed: 3 }, { received: 3, consumed: 4 }]) {
    assert.equal(kinds(stepSender(state, { kind: "grant", grant: { ...grant, ...said } }, 0, quick)), ["refuse"]);
  }
  assert.is(JSON.stringify(state), before);
});

wire.run();
