/** What goes into a job master and comes out of it. */
import type { ActorContext } from "../../actors/behavior.ts";
import type { Disk } from "../../actors/disk.ts";
import type { ActorRef } from "../../actors/ref.ts";
import type { Acknowledgement } from "../checkpoint/contribution.ts";
import type { CoordinatorEvent } from "../checkpoint/coordinator.ts";
import type { DataFile, Manifest } from "../checkpoint/manifest.ts";
import type { CheckpointStore } from "../checkpoint/storage.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { LogicalGraph } from "../graph/logical.ts";
import type { Parallelism } from "../graph/parallelism.ts";
import type { Split } from "../graph/source.ts";
import type { SkippedRecord } from "../task/guarded_link.ts";
import type { Attempt, World } from "./attempt.ts";
import type { Deployment, DeploymentReports } from "./deployment.ts";
import type { JobEvent } from "./event.ts";
import type { RunSettings } from "./options.ts";
import type { RestoreDecision } from "./restore_plan.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the master is told. */
export type MasterControl =
  | { readonly kind: "deploy"; readonly attempt: number }
  /** Go on with an attempt that runs already, which another master has deployed. */
  | {
    readonly kind: "adopt";
    readonly attempt: Attempt;
    /** The completed checkpoints that there are. */
    readonly completed: readonly Manifest[];
    readonly deploy: (reports: DeploymentReports) => Deployment;
  }
  | { readonly kind: "ready"; readonly attempt: number }
  | { readonly kind: "coordinate"; readonly attempt: number; readonly event: CoordinatorEvent }
  | {
    /** `written`: it will be durable, and then be acknowledged. */
    readonly kind: "acknowledged" | "written";
    readonly attempt: number;
    readonly id: CheckpointId;
    readonly acknowledgements: readonly Acknowledgement[];
    readonly file: DataFile;
  }
  | { readonly kind: "failed"; readonly attempt: number; readonly cause: unknown }
  | { readonly kind: "stopped"; readonly attempt: number }
  | { readonly kind: "checkpoint"; readonly settle: Settle<CheckpointId> }
  /** Go on with another parallelism. */
  | { readonly kind: "rescale"; readonly parallelism: Parallelism; readonly settle: Settle<void> }
  | { readonly kind: "skipped"; readonly attempt: number; readonly record: SkippedRecord }
  /** Go on after a pause. */
  | { readonly kind: "resume" }
  | { readonly kind: "savepoint"; readonly savepoint: WantedSavepoint }
  /** End with a last checkpoint, and write it as a savepoint as well where one is wanted. */
  | {
    readonly kind: "stop";
    readonly savepoint?: WantedSavepoint | undefined;
    /** Of the last checkpoint, where no savepoint is wanted and it is not the job's. */
    readonly mode?: BarrierMode | undefined;
  }
  /** End at once. */
  | { readonly kind: "cancel"; readonly cause: unknown };

/** A savepoint that somebody asked for. */
export interface WantedSavepoint {
  readonly path: string;
  readonly mode: BarrierMode | undefined;
  readonly settle: Settle<CheckpointId>;
}

/** The two ends of a promise. */
export interface Settle<T> {
  resolve(value: T): void;
  reject(cause: unknown): void;
}

/** How a run ended. */
export interface RunResult {
  readonly checkpoint: CheckpointId;
  /** By `stop`, before the end of input. */
  readonly stopped: boolean;
}

/** What an attempt is deployed from. */
export interface DeploymentOptions {
  readonly attempt: Attempt;
  readonly snapshot: Snapshot | undefined;
  /** What of the snapshot is converted and dropped. */
  readonly decision?: RestoreDecision | undefined;
  readonly splits: ReadonlyMap<string, readonly Split[]>;
  readonly settings: RunSettings;
  /** By uid: the hashes of records that an operator is not to get. */
  readonly guards: ReadonlyMap<string, ReadonlySet<string>>;
  /** Of the master: subtasks in this process are its children. */
  readonly context: ActorContext<never>;
  readonly reports: DeploymentReports;
}

/** What a master is made from. */
export interface MasterOptions {
  readonly graph: LogicalGraph;
  readonly parallelism: number;
  readonly settings: RunSettings;
  readonly world: World;
  readonly store: CheckpointStore;
  /** Holds the folders of savepoints. @default the world's disk */
  readonly places?: Disk;
  /** The run has processed before: no failure to start it again is final. @default false */
  readonly resumed?: boolean;
  /** The run has completed a checkpoint before: `from` is behind it. @default false */
  readonly completed?: boolean;
  /** Deploys an attempt. A promise delays it, as while there is no room for it. */
  readonly deploy: (options: DeploymentOptions) => Deployment | Promise<Deployment>;
  readonly emit: (event: JobEvent) => void;
  /** The first attempt processes. */
  readonly running: Settle<void>;
  readonly ended: Settle<RunResult>;
}

/** Tells the master what an attempt reports. */
export function reportsTo(self: ActorRef<MasterControl>, attempt: number): DeploymentReports {
  return {
    ready: () => self.tell({ kind: "ready", attempt }),
    written: (id, acknowledgements, file) => self.tell({ kind: "written", attempt, id, acknowledgements, file }),
    acknowledged: (id, acknowledgements, file) => self.tell({ kind: "acknowledged", attempt, id, acknowledgements, file }),
    coordinate: (event) => self.tell({ kind: "coordinate", attempt, event }),
    failed: (cause) => self.tell({ kind: "failed", attempt, cause }),
    skipped: (record) => self.tell({ kind: "skipped", attempt, record }),
    stopped: () => self.tell({ kind: "stopped", attempt }),
  };
}
