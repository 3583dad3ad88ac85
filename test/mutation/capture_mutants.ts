import type { Mutant } from "./mutant.ts";

const input = "runtime/task/input_channel.ts";
const output = "runtime/task/output_channel.ts";
const participant = "runtime/task/participant.ts";

/** The coordinator's proof switched off: what it would find must show in the output then. */
const withoutProof = {
  file: "runtime/checkpoint/proof.ts",
  find: `    if (reason !== undefined) return { kind: "refuted", channel: channelName(edge.id, sender, receiver), reason };
    proven.push(join(input, output.sent, output));`,
  replace: `    void reason;
    proven.push(join(input, output.sent, output));`,
};

/** Rules of what is captured, when it is whole, and when it may be acknowledged. */
export const captureMutants: readonly Mutant[] = [
  {
    name: "does not capture what is spilled",
    file: input,
    find: `spilled: behind?.written,`,
    replace: `spilled: undefined,`,
    why: "feedback on scratch space is in no state and in no capture",
  },
  {
    name: "hands records over while a capture is open",
    file: "runtime/task/subtask.ts",
    find: `eventTime.advancing || participant.busy ||`,
    replace: `eventTime.advancing ||`,
    killer: "test/scenarios/hand_over.test.ts",
    why: "what a sender gives before its barrier, behind the receiver's snapshot, is in no state and in no capture",
  },
  {
    name: "lets a barrier in while a handler waits that a sender called",
    file: "runtime/task/subtask.ts",
    find: `    if (loaded.suspensions.some) {`,
    replace: `    if (loaded.suspensions.some && message.kind !== "barrier") {`,
    killer: "test/scenarios/hand_over.test.ts",
    why: "the snapshot holds half of what the handler does to its record",
  },
  {
    name: "drops the first captured frame",
    file: input,
    find: `    for (let i = this.#head; i < this.#frames.length; i++) {`,
    replace: `    for (let i = this.#head + 1; i < this.#frames.length; i++) {`,
    why: "records that wait at the snapshot are in no state and in no capture",
  },
  {
    name: "drops the first captured frame, unproven",
    file: input,
    find: `    for (let i = this.#head; i < this.#frames.length; i++) {`,
    replace: `    for (let i = this.#head + 1; i < this.#frames.length; i++) {`,
    also: [withoutProof],
    why: "the same without the proof: the records must be missed in the output",
  },
  {
    name: "captures a half-processed frame whole",
    file: input,
    find: `skip: i === this.#head ? this.elements : 0`,
    replace: `skip: 0`,
    why: "records already in the state are processed again after a restore",
  },
  {
    name: "captures frames behind the barrier",
    file: input,
    find: `      if (capture.afterSeq === undefined || frame.seq <= capture.afterSeq) capture.frames.push({ frame, skip: 0 });`,
    replace: `      capture.frames.push({ frame, skip: 0 });`,
    why: "records behind the cut are captured, and sent again by the restored sender",
  },
  {
    name: "captures frames behind the barrier that wait",
    file: input,
    find: `      if (afterSeq !== undefined && frame.seq > afterSeq) break;\n`,
    replace: "",
    why: "the same for frames that are here already",
  },
  {
    name: "does not trim a capture",
    file: input,
    find: `frame.seq > afterSeq) capture.frames.pop();`,
    replace: `frame.seq > afterSeq) break;`,
    why: "what came while the barrier's place was unknown stays in the capture",
  },
  {
    name: "does not capture late arrivals",
    file: input,
    find: `capture.afterSeq === undefined || frame.seq <= capture.afterSeq`,
    replace: `capture.afterSeq !== undefined && frame.seq > capture.afterSeq + 1e9`,
    why: "records from before the barrier that arrive after the snapshot are lost",
  },
  {
    name: "acknowledges before the capture is whole",
    file: input,
    find: `capture.afterSeq !== undefined && this.#received >= capture.afterSeq`,
    replace: `capture.afterSeq !== undefined`,
    why: "frames between the barrier and what has arrived are in no capture",
    killer: "test/checkpoint/channels.test.ts",
  },
  {
    name: "acknowledges before its barriers have left",
    file: participant,
    find: `      if (!outputs[checkpoint.left]!.channel.hasLeft(id)) return;\n`,
    replace: "",
    why: "a barrier promoted later captures what nobody writes any more",
  },
  {
    name: "leaves the open batch out",
    file: output,
    find: `    this.seal(undefined);
    this.promote(id);`,
    replace: `    this.promote(id);`,
    why: "records emitted before the snapshot leave behind the barrier: the proof counts frames and cannot see them",
  },
  {
    name: "drops what a barrier overtakes",
    file: output,
    find: `this.#outbox.length === 0 ? nothing : this.#outbox.map((frame) => ({ frame, skip: 0 }))`,
    replace: `nothing`,
    why: "records in the outbox are in no capture",
  },
  {
    name: "drops what a barrier overtakes, unproven",
    file: output,
    find: `this.#outbox.length === 0 ? nothing : this.#outbox.map((frame) => ({ frame, skip: 0 }))`,
    replace: `nothing`,
    also: [withoutProof],
    why: "the same without the proof: the records must be missed in the output",
  },
  {
    name: "names the last frame made instead of the last sent",
    file: output,
    find: `    this.#link.overtake(this.#shown(id, this.#wire, true));`,
    replace: `    this.#link.overtake(this.#shown(id, this.#sealed, true));`,
    why: "what the barrier overtook is captured by both ends",
  },
  {
    name: "promotion leaves the copy in its frame",
    file: output,
    find: `      if (own !== undefined) own.mark = undefined;\n`,
    replace: "",
    why: "the barrier comes a second time, in data order",
    killer: "test/checkpoint/channels.test.ts",
  },
  {
    name: "promotion leaves older barriers behind",
    file: output,
    find: `this.#inBand.filter((barrier) => barrier.id <= id)`,
    replace: `this.#inBand.filter((barrier) => barrier.id === id)`,
    why: "an older barrier comes after a newer one, and is ignored as a duplicate",
    killer: "test/checkpoint/channels.test.ts",
  },
  {
    name: "promotion captures up to the frame before its own",
    file: output,
    find: `this.#outbox.filter((frame) => frame.seq <= waiting.seq)`,
    replace: `this.#outbox.filter((frame) => frame.seq < waiting.seq)`,
    why: "the records of the barrier's own frame are lost",
  },
  {
    name: "promotion does not change the cut",
    file: participant,
    find: `    if (cuts !== undefined) cuts[place] = cut;\n`,
    replace: `    void [cuts, place, cut];\n`,
    why: "what a promoted barrier overtook is in no capture",
  },
  {
    name: "reports an input as it was, though it has moved",
    file: participant,
    find: `last?.bytes === noBytes && last.processed === processed && last.sent === sent`,
    replace: `last?.bytes === noBytes && last.sent === sent`,
    why: "a restore goes on from where the channel stood before",
  },
  {
    name: "takes the last proof though something has happened",
    file: "runtime/checkpoint/last_proof.ts",
    find: `      if (now.inputs !== before.inputs || now.outputs !== before.outputs) return undefined;\n`,
    replace: `      void [now, before];\n`,
    why: "what is in flight is not in the manifest",
  },
  {
    name: "recovered channels are not captured again",
    file: participant,
    find: `input.openCapture(id, recovered ? input.received : `,
    replace: `input.openCapture(id, recovered ? input.processedSeq : `,
    why: "a checkpoint while recovered records are being read loses the rest of them",
  },
];
