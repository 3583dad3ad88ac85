import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Acknowledgement, InputReport, OutputReport } from "../../runtime/checkpoint/contribution.ts";
import type { Extent } from "../../runtime/checkpoint/manifest.ts";
import { proveCapture } from "../../runtime/checkpoint/proof.ts";
import type { Channel } from "../../runtime/graph/channel.ts";

const test = suite("proof");

const channel = { number: 0, edge: { id: "a->b" }, sender: 0, receiver: 0 } as Channel;
const base = { edge: "a->b", sender: 0, receiver: 0 };

type Input = Partial<InputReport<readonly Extent[]>>;
type Output = Partial<OutputReport<readonly Extent[]>>;

function prove(input: Input, output: Output, rule: { atLeastOnce?: boolean; aligned?: boolean } = {}, more: Input[] = []) {
  const inputs = [input, ...more].map((report) => ({
    ...base,
    recovered: 0,
    sent: undefined,
    processed: { seq: 0, elements: 0 },
    watermark: 0,
    idle: false,
    ended: false,
    captured: undefined,
    records: 0,
    bytes: [],
    ...report,
  }));
  const outputs = [{ ...base, wire: 0, sent: 0, captured: undefined, records: 0, bytes: [], ...output }];
  const ack = { inputs, outputs } as unknown as Acknowledgement;
  return proveCapture([channel], [ack], { atLeastOnce: rule.atLeastOnce ?? false, mustBeEmpty: () => rule.aligned ?? false });
}

test("a channel without anything under way is proven", () => {
  assert.is(prove({ processed: { seq: 4, elements: 0 } }, { sent: 4 }).kind, "proven");
});

test("input and output captures together must be all that was sent and not processed", () => {
  const input: Input = { processed: { seq: 2, elements: 3 }, captured: { from: 3, skip: 3, to: 5 } };
  assert.is(prove(input, { sent: 8, wire: 5, captured: { from: 6, skip: 0, to: 8 } }).kind, "proven");
  assert.is(prove(input, { sent: 8, wire: 5 }).kind, "refuted");
  assert.is(prove(input, { sent: 8, wire: 5, captured: { from: 7, skip: 0, to: 8 } }).kind, "refuted");
  assert.is(prove(input, { sent: 8, wire: 5, captured: { from: 5, skip: 0, to: 8 } }).kind, "refuted");
  assert.is(prove(input, { sent: 8, wire: 5, captured: { from: 6, skip: 0, to: 7 } }).kind, "refuted");
});

test("a half-processed frame must be captured less what is processed", () => {
  assert.is(prove({ processed: { seq: 2, elements: 3 }, captured: { from: 3, skip: 0, to: 3 } }, { sent: 3 }).kind, "refuted");
  assert.is(prove({ processed: { seq: 2, elements: 3 } }, { sent: 2 }).kind, "refuted");
});

test("nothing behind the cut may be processed, except in at-least-once", () => {
  assert.is(prove({ processed: { seq: 5, elements: 0 } }, { sent: 4 }).kind, "refuted");
  assert.is(prove({ processed: { seq: 5, elements: 2 } }, { sent: 4 }, { atLeastOnce: true }).kind, "proven");
});

test("an aligned edge must be empty at the cut", () => {
  const input: Input = { processed: { seq: 2, elements: 0 }, captured: { from: 3, skip: 0, to: 3 } };
  assert.is(prove(input, { sent: 3 }).kind, "proven");
  assert.is(prove(input, { sent: 3 }, { aligned: true }).kind, "refuted");
});

test("a recovered channel is proven against its last frame", () => {
  const rest: Input = { recovered: 2, sent: 9, processed: { seq: 7, elements: 0 }, captured: { from: 8, skip: 0, to: 9 } };
  const proof = prove({}, {}, {}, [rest]);
  assert.is(proof.kind, "proven");
  assert.is(prove({}, {}, {}, [{ ...rest, captured: { from: 8, skip: 0, to: 8 } }]).kind, "refuted");
});

test("a channel that an end says nothing of is refuted by name", () => {
  const refuted = proveCapture([channel], [], { atLeastOnce: false, mustBeEmpty: () => false });
  assert.equal(refuted, { kind: "refuted", channel: "a->b:0>0", reason: "no report of its sender" });
});

test.run();
