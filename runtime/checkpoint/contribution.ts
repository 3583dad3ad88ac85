import type { CheckpointId } from "../graph/frame.ts";
import type { SnapshotPart } from "../graph/operator.ts";
import type { Extent, ManifestPart, Processed } from "./manifest.ts";

/** A run of frames of one channel: `skip` elements of the first are already processed. */
export interface FrameRange {
  readonly from: number;
  readonly skip: number;
  readonly to: number;
}

/** How a channel stood at its receiver's snapshot. */
export interface InputReport<Bytes> {
  readonly edge: string;
  readonly sender: number;
  readonly receiver: number;
  readonly recovered: number;
  /** For a recovered channel: its last frame. The sender of a regular one reports it. */
  readonly sent: number | undefined;
  readonly processed: Processed;
  readonly watermark: number;
  readonly idle: boolean;
  readonly ended: boolean;
  readonly captured: FrameRange | undefined;
  readonly records: number;
  /** How many watermarks are in what is captured. */
  readonly watermarks: number;
  readonly bytes: Bytes;
}

/** How a channel stood at its sender's snapshot. */
export interface OutputReport<Bytes> {
  readonly edge: string;
  readonly sender: number;
  readonly receiver: number;
  readonly wire: number;
  readonly sent: number;
  readonly captured: FrameRange | undefined;
  readonly records: number;
  /** How many watermarks are in what is captured. */
  readonly watermarks: number;
  readonly bytes: Bytes;
}

/** Figures of one subtask's part in a checkpoint. Times in milliseconds. */
export interface SubtaskFigures {
  /** From the trigger to the first barrier here. */
  readonly startDelayMs: number;
  /** From the first barrier to the snapshot. */
  readonly alignmentMs: number;
  /** Records that waited behind barriers when the snapshot was taken. */
  readonly delayedRecords: number;
  /** The synchronous part of the snapshot. */
  readonly syncMs: number;
  /** From the snapshot to everything being written. */
  readonly asyncMs: number;
  /** From the trigger to everything being written. */
  readonly endToEndMs: number;
  /** What a restore reads of state: layers below included. */
  readonly stateBytes: number;
  /** What was written of state: less than `stateBytes` where only changes were. */
  readonly writtenBytes: number;
  readonly inFlightBytes: number;
  readonly inFlightRecords: number;
}

/** Captured frames on their way into a data file, encoded: slices of whole frames, one after the other. */
export interface CapturedBytes {
  slices(): Iterable<Uint8Array>;
  /** Lets go of what is needed to make them: they were written, or nobody wants them. */
  release?(): void;
}

/** What a report holds where nothing was captured: the same for all, so that one that still holds may be given as it is. */
export const noBytes: readonly never[] = [];

/** Captured bytes that are in memory. */
export function onlySlice(bytes: Uint8Array): CapturedBytes {
  return { slices: () => [bytes] };
}

/** Everything a subtask gives for one checkpoint, before it is written. */
export interface Contribution {
  readonly checkpoint: CheckpointId;
  readonly task: number;
  readonly subtask: number;
  /** Whether it had taken all its input when it snapshotted, or, for a source, emits nothing more. */
  readonly finished: boolean;
  /** Whether it would emit nothing more by itself. */
  readonly quiet: boolean;
  /** Whether it was the head of a loop that had emitted the last watermark. */
  readonly flushed: boolean;
  readonly parts: readonly { readonly uid: string; readonly part: SnapshotPart }[];
  /** Those that hold since the checkpoint before are the same objects, and all of them the same array. */
  readonly inputs: readonly InputReport<CapturedBytes | typeof noBytes>[];
  readonly outputs: readonly OutputReport<CapturedBytes | typeof noBytes>[];
  readonly timing: Pick<SubtaskFigures, "startDelayMs" | "alignmentMs" | "delayedRecords" | "syncMs">;
  /** Monotonic milliseconds of the trigger and the snapshot, on the local clock. */
  readonly triggeredAt: number;
  readonly startedAt: number;
}

/** A part that was written. */
export interface AcknowledgedPart extends ManifestPart {
  /** The checkpoint over whose part it is a layer. */
  readonly base: CheckpointId | undefined;
}

/** What a subtask acknowledges: all of it is durable. */
export interface Acknowledgement {
  readonly checkpoint: CheckpointId;
  readonly attempt: number;
  readonly task: number;
  readonly subtask: number;
  readonly finished: boolean;
  readonly quiet: boolean;
  readonly flushed: boolean;
  readonly parts: readonly AcknowledgedPart[];
  readonly inputs: readonly InputReport<readonly Extent[]>[];
  readonly outputs: readonly OutputReport<readonly Extent[]>[];
  readonly figures: SubtaskFigures;
}
