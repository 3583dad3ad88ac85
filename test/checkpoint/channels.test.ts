import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Channel } from "../../runtime/graph/channel.ts";
import { elementCount, type Frame, type Mark, NO_WATERMARK } from "../../runtime/graph/frame.ts";
import { Brake } from "../../runtime/task/brake.ts";
import { CreditWindow } from "../../runtime/task/credit_window.ts";
import { freshInput, InputChannel } from "../../runtime/task/input_channel.ts";
import type { BarrierOnChannel, OutputLink } from "../../runtime/task/link.ts";
import type { PlannedEdge } from "../../runtime/graph/plan.ts";
import { edgeOutput } from "../../runtime/task/partition.ts";
import { type CapturedFrame, OutputChannel, type OutputCut } from "../../runtime/task/output_channel.ts";

const edge = { id: "a->b", fromOperator: "a", timed: false, partitioner: { kind: "forward" } };
const channel = { number: 0, edge, sender: 0, receiver: 0 } as unknown as Channel;

/** An output channel on a link, of records of 100 bytes, and what collects records for it. */
function outputOf(
  link: OutputLink,
  { frameRecords, limit }: { readonly frameRecords: number; readonly limit: number },
  promoted: (id: number, cut: OutputCut) => void = () => {},
) {
  const out = new OutputChannel(
    channel,
    {
      brake: new Brake(),
      recordBytes: () => 100,
      elapsedMs: () => 0,
      barrierLeft() {},
      fail() {},
      barrierPromoted: (_output, id, cut) => promoted(id, cut),
      wake() {},
    },
    link,
    { frameRecords, frameBytes: 100_000, overdraftBytes: 100_000, handOverSteps: 32 },
    { sent: 0, limit },
  );
  const cursor = { timestamp: 0, keyGroup: -1, watermark: 0, split: "", port: 0 };
  const edgeOut = edgeOutput(edge as unknown as PlannedEdge, [out], cursor, 8, 0);
  return { out, collect: (value: unknown) => edgeOut.collect(value) };
}

/** An output channel with what it hands over, and the barriers that were promoted. */
function output() {
  const sent: { readonly frame: Frame; readonly barrier: BarrierOnChannel | undefined }[] = [];
  const overtaking: BarrierOnChannel[] = [];
  const promoted: { readonly id: number; readonly cut: OutputCut }[] = [];
  const { out, collect } = outputOf(
    {
      encoded: false,
      connectSender() {},
      send: (frame, barrier) => sent.push({ frame, barrier }),
      overtake: (barrier) => overtaking.push(barrier),
    },
    { frameRecords: 4, limit: 400 },
    (id, cut) => promoted.push({ id, cut }),
  );
  /** One frame. */
  const emit = (...values: unknown[]) => {
    for (const value of values) collect(value);
    out.seal(undefined);
  };
  // Three frames use the credit up: what is emitted from now on waits.
  emit(1);
  emit(2, 3);
  emit(4, 5);
  assert.equal(sent.map(({ frame }) => frame.seq), [1, 2, 3]);
  return { out, sent, overtaking, promoted, emit, collect };
}

const seqs = (captured: readonly CapturedFrame[]) => captured.map(({ frame }) => frame.seq);

const outputs = suite("output channel at a barrier");

outputs("an overtaking barrier seals the open batch, names the last frame handed over, and captures what waits", () => {
  const { out, overtaking, sent, emit, collect } = output();
  emit("waits");
  collect("open");
  const cut = out.barrierOvertaking(7);
  assert.is(sent.length, 3);
  assert.equal(overtaking, [{ id: 7, afterSeq: 3, overtook: true, elapsedMs: 0 }]);
  assert.is(cut.sent, 5);
  assert.is(cut.wire, 3);
  assert.equal(cut.captured.map(({ frame }) => frame.values), [["waits"], ["open"]]);
});

outputs("an in-band barrier ends the frame of the open batch, and has left when that frame has", () => {
  const { out, sent, emit, collect } = output();
  emit("waits");
  collect("open");
  const cut = out.barrierInBand(7);
  assert.is(cut.sent, 5);
  assert.not.ok(out.hasLeft(7));
  out.onGrant(3, 10_000);
  out.drain();
  assert.ok(out.hasLeft(7));
  assert.equal(sent.at(-1)?.frame.values, ["open"]);
  assert.equal(sent.at(-1)?.barrier, { id: 7, afterSeq: 5, overtook: false, elapsedMs: 0 });
});

outputs("promotion takes the barrier out of its frame, the sequence number stays, and the frames before it are captured", () => {
  const { out, sent, overtaking, promoted, emit, collect } = output();
  emit("waits");
  collect("open");
  out.barrierInBand(7);
  emit("behind");
  out.promote(7);
  assert.equal(overtaking.map(({ id, afterSeq }) => [id, afterSeq]), [[7, 3]]);
  assert.equal(promoted.map(({ id, cut }) => [id, cut.sent, cut.wire, seqs(cut.captured)]), [[7, 5, 3, [4, 5]]]);
  out.onGrant(3, 10_000);
  out.drain();
  assert.equal(sent.map(({ frame }) => frame.seq), [1, 2, 3, 4, 5, 6]);
  assert.ok(sent.every(({ frame, barrier }) => frame.mark === undefined && barrier === undefined), "the barrier left no copy");
});

outputs("batches are made to fit in a message: none is encoded in vain", () => {
  const weighed: number[] = [];
  const bytes = (frame: Frame) => frame.values.length * 100;
  const { collect } = outputOf(
    {
      encoded: true,
      mostBytes: 1_000,
      weigh(frame) {
        weighed.push(frame.values.length);
        return bytes(frame) > 1_000 ? undefined : bytes(frame);
      },
      connectSender() {},
      send() {},
      overtake() {},
    },
    { frameRecords: 100, limit: 50_000 },
  );
  for (let n = 0; n < 30; n++) collect(n);
  assert.equal(weighed.slice(0, 4), [1, 1, 7, 7]);
  assert.ok(Math.max(...weighed) <= 10);
});

outputs("promotion takes older barriers of the queue along, oldest first, each with a capture of its own", () => {
  const { out, overtaking, promoted, emit } = output();
  emit("waits");
  out.barrierInBand(7);
  emit("between");
  out.barrierInBand(8);
  out.promote(8);
  assert.equal(overtaking.map(({ id, afterSeq }) => [id, afterSeq]), [[7, 3], [8, 3]]);
  assert.equal(promoted.map(({ id, cut }) => [id, cut.sent, seqs(cut.captured)]), [[7, 5, [4, 5]], [8, 7, [4, 5, 6, 7]]]);
});

/** An input channel without a sender. */
function input() {
  const gaps: number[] = [];
  const made = new InputChannel(
    { identity: { edge: "a->b", sender: 0, receiver: 0, recovered: 0 }, index: 0, edge: 0 },
    { barrierArrived() {}, frameArrived() {}, gap: (_input, frame) => gaps.push(frame.seq), fail: assert.unreachable },
    undefined,
    { window: new CreditWindow({ maxBytes: 1_000, targetMs: 10 }), now: () => 0 },
    freshInput,
  );
  const receive = (seq: number, values: unknown[] = ["record"], mark?: Mark) =>
    made.onFrame({ seq, values, keyGroups: undefined, timestamps: undefined, mark, cost: 10 });
  return { made, gaps, receive };
}

const inputs = suite("input channel at a barrier");

inputs("a capture holds what waits, less what of the first frame is processed", () => {
  const { made, receive } = input();
  receive(1);
  receive(2, ["a", "b", "c"]);
  receive(3);
  made.consume();
  made.elements = 2;
  made.openCapture(7, 3);
  assert.ok(made.captureWhole(7));
  assert.equal(made.takeCapture(7).frames.map(({ frame, skip }) => [frame.seq, skip]), [[2, 2], [3, 0]]);
});

inputs("a capture is whole when its barrier is known and all before it has come, not earlier", () => {
  const { made, receive } = input();
  receive(1);
  made.openCapture(7, undefined);
  assert.not.ok(made.captureWhole(7), "the barrier is not known");
  made.trimCapture(7, 3);
  assert.not.ok(made.captureWhole(7), "frames 2 and 3 are missing");
  receive(2);
  receive(3);
  assert.ok(made.captureWhole(7));
  assert.equal(seqs(made.takeCapture(7).frames), [1, 2, 3]);
});

inputs("frames behind the barrier are in no capture, whether they come before it is known or after", () => {
  const { made, receive } = input();
  receive(1);
  made.openCapture(7, undefined);
  receive(2);
  receive(3);
  made.trimCapture(7, 2);
  receive(4);
  made.openCapture(8, 3);
  assert.equal(seqs(made.takeCapture(7).frames), [1, 2]);
  assert.equal(seqs(made.takeCapture(8).frames), [1, 2, 3]);
});

inputs("captures of several checkpoints are open at once, each with its own range", () => {
  const { made, receive } = input();
  receive(1);
  made.openCapture(7, undefined);
  made.consume();
  receive(2);
  made.openCapture(8, undefined);
  receive(3);
  made.trimCapture(7, 2);
  made.trimCapture(8, 3);
  assert.equal(seqs(made.takeCapture(7).frames), [1, 2]);
  assert.equal(seqs(made.takeCapture(8).frames), [2, 3]);
});

inputs("frames are taken once and in order: duplicates are dropped, a gap is reported", () => {
  const { made, gaps, receive } = input();
  receive(1);
  receive(1);
  receive(3);
  receive(2);
  assert.is(made.received, 2);
  assert.equal(gaps, [3]);
});

inputs("a recovered channel is captured as often as needed, up to its last frame", () => {
  const frame = (seq: number, values: unknown[]): Frame => ({
    seq,
    values,
    keyGroups: undefined,
    timestamps: undefined,
    mark: undefined,
    cost: 0,
  });
  const recovered = InputChannel.recovered(
    { identity: { edge: "a->b", sender: 0, receiver: 0, recovered: 2 }, index: 1, edge: 0 },
    { barrierArrived() {}, frameArrived() {}, gap() {}, fail: assert.unreachable },
    [{ frame: frame(4, ["a", "b"]), skip: 1 }, { frame: frame(5, ["c"]), skip: 0 }],
    { watermark: NO_WATERMARK, idle: false },
  );
  assert.equal(recovered.standing().processed, { seq: 3, elements: 1 });
  recovered.openCapture(9, recovered.received);
  recovered.elements = elementCount(recovered.first as Frame);
  recovered.consume();
  recovered.openCapture(10, recovered.received);
  assert.equal(recovered.takeCapture(9).frames.map(({ frame, skip }) => [frame.seq, skip]), [[4, 1], [5, 0]]);
  assert.equal(recovered.takeCapture(10).frames.map(({ frame, skip }) => [frame.seq, skip]), [[5, 0]]);
});

outputs.run();
inputs.run();
