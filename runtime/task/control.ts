import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { InputChannel } from "./input_channel.ts";
import type { BarrierOnChannel } from "./link.ts";

/** What a subtask is told. All of it goes through its control lane, ahead of data. */
export type TaskControl =
  /** Every subtask has loaded: commit what the snapshot says is due, then process. */
  | { readonly kind: "run" }
  /** Take a checkpoint (sources). `last`: emit nothing after it. */
  | {
    readonly kind: "trigger";
    readonly id: CheckpointId;
    readonly elapsedMs: number;
    readonly last: boolean;
    readonly mode?: BarrierMode | undefined;
  }
  /** A barrier has come on an input. */
  | { readonly kind: "barrier"; readonly input: InputChannel; readonly barrier: BarrierOnChannel }
  /** The aligned timeout of a checkpoint is over. */
  | { readonly kind: "timeout"; readonly id: CheckpointId }
  /** A checkpoint was triggered (heads of loops): its barrier will come in. */
  | { readonly kind: "expect"; readonly id: CheckpointId }
  /** The loop that this subtask is a head of: emit the last watermark, or take feedback as ended. */
  | { readonly kind: "loop"; readonly phase: "flush" | "close" }
  | { readonly kind: "abort"; readonly id: CheckpointId }
  | { readonly kind: "completed"; readonly id: CheckpointId };
