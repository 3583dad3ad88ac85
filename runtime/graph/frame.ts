/**
 * Frames: what travels on a channel.
 *
 * A frame is a batch of records of one channel with, at its end, at most one mark. Marks always end a frame, so the records
 * of a frame are a plain array and the loop over them tests nothing per record.
 */

/** The id of a checkpoint. Ids only grow, across attempts and restarts. */
export type CheckpointId = number;

/**
 * How the barriers of one checkpoint travel, where that is not as the job's mode says: every edge but feedback is waited for, or
 * none that may hold captured records is.
 */
export type BarrierMode = "aligned" | "unaligned";

/** The timestamp of a watermark that says: no more event time is to come. */
export const MAX_WATERMARK: number = Number.MAX_SAFE_INTEGER;

/** The timestamp of a channel that has not seen a watermark. */
export const NO_WATERMARK: number = Number.MIN_SAFE_INTEGER;

/**
 * What ends a frame.
 *
 * - `watermark`: no record with a smaller or equal timestamp is to come on this channel, late ones aside.
 * - `idle`: the channel is out of the watermark minimum until its next record or watermark.
 * - `barrier`: an aligned barrier, in data order. (An unaligned one is never in a frame: it is a control message that names
 *   the sequence number it overtook, and what it overtook is recorded.)
 * - `end`: end of input. Barriers go on flowing behind it; nothing else does.
 */
export type Mark =
  | { readonly kind: "watermark"; readonly timestamp: number }
  | { readonly kind: "idle" }
  | { readonly kind: "barrier"; readonly id: CheckpointId }
  | { readonly kind: "end" };

/** A sealed batch of one channel. Values, once emitted, are immutable; so is everything else here but `mark`. */
export interface Frame {
  /** 1, 2, 3 … per channel. */
  readonly seq: number;
  readonly values: readonly unknown[];
  /** The key group of each value, on edges whose records carry one; -1 for a value that has none. */
  readonly keyGroups: readonly number[] | undefined;
  /** The event time of each value, on streams that have one. */
  readonly timestamps: readonly number[] | undefined;
  /** Promotion of a barrier that has not left yet takes it out again (the seq stays). */
  mark: Mark | undefined;
  /** What the frame costs of the channel's credit, in (estimated) bytes; 0 without records. */
  readonly cost: number;
}

/** How many elements a frame holds: its records and its mark. */
export function elementCount(frame: Frame): number {
  return frame.values.length + (frame.mark === undefined ? 0 : 1);
}
