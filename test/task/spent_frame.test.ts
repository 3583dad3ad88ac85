import { suite } from "uvu";
import * as assert from "uvu/assert";
import { align, newAlignment } from "../../runtime/checkpoint/aligner.ts";
import type { Frame, Mark } from "../../runtime/graph/frame.ts";
import { CheckpointParticipant } from "../../runtime/task/participant.ts";

const spent = suite("Frames that barriers have left behind");

const frame = (values: readonly unknown[], mark?: Mark): Frame => ({ seq: 1, values, mark, cost: 1 }) as unknown as Frame;
const barrier = (id: number) => frame([], { kind: "barrier", id } as Mark);

spent("are those without records whose barrier went ahead, has begun its checkpoint here, or is of one that is over", () => {
  const alignment = newAlignment(["timed", "timed"], 0, true);
  const participant = new CheckpointParticipant(undefined as never, alignment);
  assert.ok(participant.isSpent(frame([])));
  assert.not.ok(participant.isSpent(frame([1])));
  assert.not.ok(participant.isSpent(frame([], { kind: "watermark", timestamp: 5 } as Mark)));
  assert.not.ok(participant.isSpent(frame([], { kind: "end" } as Mark)));

  assert.not.ok(participant.isSpent(barrier(3)), "nobody has heard of it here");
  align(alignment, { kind: "barrier", input: 0, id: 3, afterSeq: 1, overtook: false });
  assert.not.ok(participant.isSpent(barrier(3)), "the snapshot waits for it to be read");
  align(alignment, { kind: "timeout", id: 3 });
  assert.ok(participant.isSpent(barrier(3)), "the snapshot went ahead of it");
  align(alignment, { kind: "completed", id: 3 });
  assert.ok(participant.isSpent(barrier(3)) && participant.isSpent(barrier(2)), "they are over");
  assert.not.ok(participant.isSpent(frame([1], { kind: "barrier", id: 3 } as Mark)), "records stand before it");
});

spent.run();
