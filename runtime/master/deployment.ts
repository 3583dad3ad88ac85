import type { Signal } from "../../actors/behavior.ts";
import type { Acknowledgement } from "../checkpoint/contribution.ts";
import type { CoordinatorEvent } from "../checkpoint/coordinator.ts";
import type { DataFile } from "../checkpoint/manifest.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { SkippedRecord } from "../task/guarded_link.ts";
import type { Attempt } from "./attempt.ts";

/** What a deployment tells its master, from any place: each call is a message. */
export interface DeploymentReports {
  /** Every subtask has loaded. */
  ready(): void;
  /** All that some subtasks contribute to a checkpoint is durable in this file; extents in it name file 0. */
  acknowledged(id: CheckpointId, acknowledgements: readonly Acknowledgement[], file: DataFile): void;
  /**
   * All that some subtasks contribute to a checkpoint is written, and being made durable: `acknowledged` says so when it is. What
   * completes the checkpoint may be made ready meanwhile.
   */
  written?(id: CheckpointId, acknowledgements: readonly Acknowledgement[], file: DataFile): void;
  /** What else the coordinator of checkpoints is to know. */
  coordinate(event: CoordinatorEvent): void;
  /** A record was kept from an operator. */
  skipped(record: SkippedRecord): void;
  /** A subtask has failed, or its process is gone. Said once or more. */
  failed(cause: unknown): void;
  /** Every subtask has ended. */
  stopped(): void;
}

/**
 * An attempt that is deployed, as its master sees it: in this process, or on the workers of a cluster.
 *
 * Everything in it is made anew for each attempt, so a zombie of an older one reaches nothing.
 */
export interface Deployment {
  readonly attempt: Attempt;
  /** Has every subtask commit what the snapshot says is due, and process. */
  run(): void;
  /**
   * Has the sources start checkpoint `id`; heads of loops are told that its barrier will come.
   *
   * @param last emit nothing after it
   * @param elapsedMs since it was triggered. @default 0
   * @param mode how its barriers travel. @default as the job's mode says
   */
  trigger(id: CheckpointId, last: boolean, elapsedMs?: number, mode?: BarrierMode): void;
  abort(id: CheckpointId): void;
  completed(id: CheckpointId): void;
  /** A step to the end of a loop: its heads emit the last watermark, or take feedback as ended. */
  endLoop(loop: number, phase: "flush" | "close"): void;
  /** Where each source is, by uid, as far as it is known. */
  positions(): Readonly<Record<string, string>>;
  /** What a subtask's operators and connectors have counted, as far as it is known. */
  counts(task: number, subtask: number): Readonly<Record<string, number>>;
  /** Ends every subtask; `stopped` is reported when they have ended. */
  stop(): void;
  /** What became of an actor that its master watches. */
  signal(signal: Signal): void;
  /** Lets go of what it holds here, and drops what is being written. Subtasks that still run elsewhere go on. */
  close(): Promise<void>;
}
