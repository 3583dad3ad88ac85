/**
 * Records under way, dealt out over another number of receivers.
 *
 * What a snapshot holds of a channel becomes a *recovered channel*: (edge, old sender, receiver, the attempt whose restore made
 * it). At an equal number of receivers each keeps its own, as it was. At another number a channel is split: every new receiver
 * that gets records of it gets a recovered channel of its own, with these records in their order, all marks between them, and
 * frames numbered anew from 1. So a part is a whole channel from then on: it has one receiver, its `sent` is its own last
 * frame, and a capture of it is `(processed, sent]` as for any other. Nothing is shared with the parts of other receivers: two
 * receivers never acknowledge the same frames, and the proof of a checkpoint that is taken meanwhile counts each part by itself.
 * Another restore splits parts as it splits channels; parts of one old channel are never put together again, which needs no
 * order between them: a key's records of one channel and restore are all in one part.
 *
 * | edge                             | a record goes to                                                             |
 * |----------------------------------|------------------------------------------------------------------------------|
 * | its records carry key groups     | the owner of its key group; without one, as on the other edges               |
 * | custom                           | where the partitioner says now                                               |
 * | broadcast                        | all, out of the channels of one old receiver; those of the others are dropped |
 * | forward, rebalance               | old receiver modulo the new number: the channel stays whole                  |
 *
 * A part without records is left out: its marks would hold event time back and say nothing.
 */
import type { ManifestChannel } from "../checkpoint/manifest.ts";
import type { Frame, Mark } from "../graph/frame.ts";
import { type Key, keyGroupOf, ownerOf } from "../graph/key.ts";
import type { PlannedEdge } from "../graph/plan.ts";
import type { CapturedFrame } from "../task/output_channel.ts";
import { customReceiver } from "../task/partition.ts";

/** An edge whose receivers are another number now. */
export interface Redistribution {
  readonly edge: PlannedEdge;
  readonly receivers: number;
  readonly keyGroups: number;
  /** Of a broadcast edge: the old receiver whose channels are taken for all. */
  readonly origin: number;
}

/** One new receiver's part of an old channel. */
export interface ReceiverPart {
  readonly receiver: number;
  readonly frames: readonly CapturedFrame[];
}

/** Deals the frames of one old channel out over the new receivers. */
export function redistribute(
  { edge, receivers, keyGroups, origin }: Redistribution,
  channel: Pick<ManifestChannel, "receiver">,
  frames: readonly CapturedFrame[],
): readonly ReceiverPart[] {
  const { partitioner, grouped } = edge;
  const home = channel.receiver % receivers;
  if (partitioner.kind === "broadcast") {
    if (channel.receiver !== origin) return [];
    return Array.from({ length: receivers }, (_, receiver) => ({ receiver, frames }));
  }
  if (partitioner.kind === "custom") {
    const receiverOf = customReceiver(edge, receivers);
    return split(frames, receivers, (frame, at) => receiverOf(frame.values[at]));
  }
  if (!grouped) return [{ receiver: home, frames }];
  const keyOf = partitioner.kind === "keyBy" ? partitioner.keyOf as (value: unknown) => Key : undefined;
  return split(frames, receivers, ({ keyGroups: groups, values }, at) => {
    const group = groups?.[at] ?? (keyOf === undefined ? -1 : keyGroupOf(keyOf(values[at]), keyGroups));
    return group < 0 ? home : ownerOf(group, receivers, keyGroups);
  });
}

/**
 * What was sent on another edge of the same sender, as it would be sent on this one: with the key groups that records have here.
 * @param old the kind of the other edge's partitioner
 */
export function regrouped(
  { frame, skip }: CapturedFrame,
  { partitioner, grouped }: PlannedEdge,
  old: string | undefined,
  keyGroups: number,
): CapturedFrame {
  // Both hand on the group of the record that the sender made it from.
  if (grouped && partitioner.kind === "forward" && old === "forward") return { frame, skip };
  const keyOf = partitioner.kind === "keyBy" ? partitioner.keyOf as (value: unknown) => Key : undefined;
  // Those that were processed already are skipped: nobody looks at them.
  const groupOf = (value: unknown, at: number) => keyOf === undefined || at < skip ? -1 : keyGroupOf(keyOf(value), keyGroups);
  return { frame: { ...frame, keyGroups: grouped ? frame.values.map(groupOf) : undefined }, skip };
}

/** A part while it grows. */
interface GrowingPart {
  readonly frames: CapturedFrame[];
  seq: number;
  records: number;
}

function split(
  frames: readonly CapturedFrame[],
  receivers: number,
  receiverOf: (frame: Frame, at: number) => number,
): readonly ReceiverPart[] {
  const parts = Array.from({ length: receivers }, (): GrowingPart => ({ frames: [], seq: 0, records: 0 }));
  for (const { frame, skip } of frames) {
    const places = Array.from({ length: receivers }, (): number[] => []);
    for (let at = skip; at < frame.values.length; at++) places[receiverOf(frame, at)]!.push(at);
    for (const [receiver, part] of parts.entries()) append(part, frame, places[receiver]!);
  }
  return parts.flatMap(({ frames, records }, receiver) => (records === 0 ? [] : [{ receiver, frames }]));
}

function append(part: GrowingPart, frame: Frame, places: readonly number[]): void {
  const { mark } = frame;
  if (places.length === 0) {
    if (mark === undefined) return;
    if (raises(part.frames.at(-1)?.frame, mark)) part.frames.pop();
    else part.seq++;
  } else {
    part.seq++;
    part.records += places.length;
  }
  const pick = <T>(column: readonly T[] | undefined) => column === undefined ? undefined : places.map((at) => column[at] as T);
  const own: Frame = {
    seq: part.seq,
    values: places.map((at) => frame.values[at]),
    keyGroups: pick(frame.keyGroups),
    timestamps: pick(frame.timestamps),
    mark,
    cost: places.length === 0 ? 0 : frame.cost,
  };
  part.frames.push({ frame: own, skip: 0 });
}

/** Whether a watermark comes right behind another one, without records between: the later one says it all. */
function raises(last: Frame | undefined, mark: Mark): boolean {
  return mark.kind === "watermark" && last?.values.length === 0 && last.mark?.kind === "watermark";
}
