import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import type { Logger } from "../../actors/logger.ts";
import type { Random } from "../../actors/random.ts";
import type { AlignPolicy } from "../checkpoint/aligner.ts";
import type { Contribution } from "../checkpoint/contribution.ts";
import type { Channel } from "../graph/channel.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { StateSettings, StoredPart } from "../graph/operator.ts";
import type { Plan, PlannedEdge, PlannedTask } from "../graph/plan.ts";
import type { Split } from "../graph/source.ts";
import type { CreditWindowLimits } from "./credit_window.ts";
import type { SkippedRecord } from "./guarded_link.ts";
import type { InputIdentity, InputStart } from "./input_channel.ts";
import type { InputLink, OutputLink } from "./link.ts";
import type { CapturedFrame, OutputLimits } from "./output_channel.ts";
import type { ForwardPolicy } from "./participant.ts";

/** A regular input of a subtask. `connect` gives it the frames that come. */
export interface InputAssignment {
  readonly channel: Channel;
  readonly link: InputLink;
  readonly window: CreditWindowLimits;
  readonly start: InputStart;
}

/** An output of a subtask. */
export interface OutputAssignment {
  readonly channel: Channel;
  readonly link: OutputLink;
  readonly limits: OutputLimits;
  /** The last frame sent before the restore, and what may be sent at once. */
  readonly start: { readonly sent: number; readonly limit: number };
}

/** Frames of a snapshot that a subtask reads before new ones of their edge. */
export interface RecoveredAssignment {
  readonly identity: InputIdentity;
  readonly frames: readonly CapturedFrame[];
  readonly watermark: number;
  readonly idle: boolean;
}

/** How checkpoints go in one job. */
export interface CheckpointRules {
  /** False for at-least-once: nothing waits, nothing is captured. */
  readonly exactlyOnce: boolean;
  readonly timeoutMs: number | undefined;
  /** `mode`: of a checkpoint that has one of its own. */
  align(edge: PlannedEdge, mode?: BarrierMode): AlignPolicy;
  forward(edge: PlannedEdge, mode?: BarrierMode): ForwardPolicy;
}

/** What a subtask tells whoever deployed it. */
export interface SubtaskReports {
  contribute(contribution: Contribution): void;
  decline(id: CheckpointId, reason: string, cause: unknown): void;
  /** It has taken all its input and sent its end of input on. */
  finished(): void;
  /** It is the head of a loop, and its regular inputs have ended and are consumed. */
  drained(): void;
  /** A sink of it has made visible all that belongs to checkpoints up to `id`. */
  committed(id: CheckpointId): void;
  /** Everything has been loaded. */
  ready(): void;
  /** A record was kept from an operator that could not process it before. */
  skipped(record: SkippedRecord): void;
}

/** Figures of a running subtask. Counted per frame, read at any time. */
export interface SubtaskCounters {
  /** Records taken from its input channels or handed over; of a source, those that it has read. */
  recordsIn: number;
  /** What operators counted, such as late or malformed records, by name. */
  readonly counts: Map<string, number>;
}

/** Everything that one subtask of one attempt is made from. */
export interface SubtaskAssignment {
  readonly job: string;
  readonly life: string;
  readonly plan: Plan;
  readonly task: PlannedTask;
  readonly subtask: number;
  readonly attempt: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Logger;
  readonly rules: CheckpointRules;
  readonly state: StateSettings;
  readonly inputs: readonly InputAssignment[];
  readonly outputs: readonly OutputAssignment[];
  readonly recovered: readonly RecoveredAssignment[];
  /** The splits of the source at the head, all subtasks' together. */
  readonly splits: readonly Split[];
  /** The checkpoint that is restored, 0 without one, and the parts of this task's operators in it, by uid. */
  readonly restoredCheckpoint: CheckpointId;
  readonly restored: ReadonlyMap<string, readonly StoredPart[]>;
  /** By uid of the operators that could not process a record in an earlier attempt: the hashes of those that are skipped. */
  readonly guards: ReadonlyMap<string, ReadonlySet<string>>;
  readonly reports: SubtaskReports;
  readonly counters: SubtaskCounters;
}
