import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Frame, MAX_WATERMARK, NO_WATERMARK } from "../../runtime/graph/frame.ts";
import { CreditWindow } from "../../runtime/task/credit_window.ts";
import { Feedback } from "../../runtime/task/feedback.ts";
import { InputGate } from "../../runtime/task/gate.ts";
import { freshInput, InputChannel } from "../../runtime/task/input_channel.ts";

const test = suite("the gate of a loop's head");

interface Channels {
  readonly gate: InputGate;
  readonly feedback: Feedback;
  readonly regular: InputChannel;
  readonly back: InputChannel;
  /** Brings a frame of so many records, each of 10 bytes. */
  bring(input: InputChannel, records: number): void;
  /** Reads one frame; says where it came from. */
  read(): "regular" | "back" | "nothing";
}

function channels(limitBytes = 1_000): Channels {
  const feedback = new Feedback("loop", { subtask: 0, heads: 1 }, { memoryBytes: limitBytes });
  const late: { gate?: InputGate } = {};
  const owner = {
    barrierArrived() {},
    frameArrived: (input: InputChannel) => late.gate?.offer(input),
    gap() {},
    fail: assert.unreachable,
  };
  const make = (edge: number, of: Feedback | undefined) => {
    const identity = { edge: edge === 0 ? "in->loop" : "step->loop", sender: 0, receiver: 0, recovered: 0 };
    const credit = { window: new CreditWindow({ maxBytes: 1_000, targetMs: 10 }), now: () => 0 };
    return new InputChannel({ identity, index: edge, edge, feedback: of }, owner, undefined, credit, freshInput);
  };
  const regular = make(0, undefined);
  const back = make(1, feedback);
  const gate = late.gate = new InputGate([regular, back]);
  return {
    gate,
    feedback,
    regular,
    back,
    bring(input, records) {
      const values = Array.from({ length: records }, () => 0);
      const frame: Frame = {
        seq: input.received + 1,
        values,
        keyGroups: undefined,
        timestamps: undefined,
        mark: undefined,
        cost: records * 10,
      };
      input.onFrame(frame);
    },
    read() {
      const input = gate.next();
      if (input === undefined) return "nothing";
      input.consume();
      gate.offer(input);
      return input === back ? "back" : "regular";
    },
  };
}

test("feedback is read before regular inputs", () => {
  const { bring, read, regular, back } = channels();
  bring(regular, 1);
  bring(back, 1);
  assert.equal([read(), read(), read()], ["back", "regular", "nothing"]);
});

test("nothing new is read as long as feedback can be worked off", () => {
  const { bring, read, regular, back } = channels();
  for (let i = 0; i < 20; i++) bring(back, 1);
  bring(regular, 1);
  assert.equal(Array.from({ length: 20 }, read), Array.from({ length: 20 }, () => "back"));
  assert.is(read(), "regular");
});

test("while a barrier is expected regular inputs have a turn now and then, so that it comes in however hot the loop is", () => {
  const { feedback, bring, read, regular, back } = channels(2_000);
  for (let i = 0; i < 60; i++) bring(back, 1);
  for (let i = 0; i < 5; i++) bring(regular, 1);
  const regulars = (reads: number) => Array.from({ length: reads }, read).filter((from) => from === "regular").length;
  feedback.expect(7);
  feedback.expect(8);
  assert.is(regulars(18), 2);
  feedback.expectNoMore(8, false);
  assert.is(regulars(9), 1);
  feedback.expectNoMore(8, true);
  assert.is(regulars(27), 0);
});

test("also then regular inputs pause while more than half of the feedback that may wait does", () => {
  const { feedback, bring, read, regular, back } = channels(400);
  for (let i = 0; i < 30; i++) bring(back, 1);
  bring(regular, 1);
  feedback.expect(7);
  assert.equal(Array.from({ length: 10 }, read), Array.from({ length: 10 }, () => "back"));
  assert.is(read(), "regular");
});

test("feedback that a barrier holds pauses nothing: its snapshot may need what the regular inputs bring", () => {
  const { gate, bring, read, regular, back } = channels();
  for (let i = 0; i < 10; i++) bring(back, 1);
  bring(regular, 1);
  gate.setHold(back, 0);
  assert.equal([read(), read()], ["regular", "nothing"]);
  gate.setHold(back, Infinity);
  assert.is(read(), "back");
});

test("feedback does not count for the watermark, and the last one is withheld until the loop is flushed", () => {
  const { gate, feedback, regular, back } = channels();
  regular.watermark = 7;
  back.watermark = 3;
  assert.is(gate.watermark(), 7);
  regular.watermark = MAX_WATERMARK;
  assert.is(gate.watermark(), NO_WATERMARK);
  regular.ended = true;
  assert.is(gate.watermark(), NO_WATERMARK);
  feedback.flushed = true;
  assert.is(gate.watermark(), MAX_WATERMARK);
});

test("the input of a head ends when the regular inputs have ended and the loop is closed", () => {
  const { gate, feedback, regular, back } = channels();
  back.ended = true;
  regular.ended = true;
  assert.ok(gate.regularEnded);
  assert.not(gate.ended);
  feedback.closed = true;
  assert.ok(gate.ended);
});

test("more feedback than may wait is an error that names the loop and says how much came back", () => {
  const { feedback, bring, back } = channels(100);
  feedback.passed = 8;
  for (let i = 0; i < 12; i++) bring(back, 1);
  assert.ok(feedback.overflows);
  const { code, message } = feedback.overflow();
  assert.is(code, "FEEDBACK_OVERFLOW");
  assert.match(message, /loop loop \(subtask 0\) has 120 bytes .* limit of 100: of each record that went in, 1\.50 came back/);
});

test.run();
