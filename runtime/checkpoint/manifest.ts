import type { StateScope } from "../graph/operator.ts";
import type { CheckpointId } from "../graph/frame.ts";

/** The mode of a job's checkpoints. */
export type CheckpointMode = "aligned" | "unaligned" | "at-least-once" | { readonly alignedTimeoutMs: number };

/** A data file of a checkpoint. */
export interface DataFile {
  /** Relative to the checkpoint's folder; `[A-Za-z0-9._-]+`. */
  readonly name: string;
  /** The checkpoint that wrote it, and in whose folder it is, where that is another one: files are shared, never copied. */
  readonly of?: { readonly id: CheckpointId; readonly attempt: number };
  readonly bytes: number;
  /** CRC-32 of the whole file. */
  readonly checksum: number;
}

/** Where a run of bytes stands. */
export interface Extent {
  /** Index into `Manifest.files`. */
  readonly file: number;
  readonly offset: number;
  readonly bytes: number;
  /** CRC-32 of the run. */
  readonly checksum: number;
}

/** One piece of operator state. */
export interface ManifestPart {
  readonly uid: string;
  readonly subtask: number;
  readonly scope: StateScope;
  readonly name: string;
  readonly at: readonly Extent[];
  /** What `at` is a layer over, oldest first: `at` says what has changed since. Nothing: it stands alone. */
  readonly below?: readonly (readonly Extent[])[];
}

/** How far a channel had been worked off: all frames up to `seq`, and `elements` elements of the next one. */
export interface Processed {
  readonly seq: number;
  readonly elements: number;
}

/** What a channel held at the cut, and where both ends stood. */
export interface ManifestChannel {
  readonly edge: string;
  readonly sender: number;
  readonly receiver: number;
  /** 0: the regular channel. Else the attempt at whose restore its frames became recovered ones. */
  readonly recovered: number;
  /** The last frame sent before the barrier. */
  readonly sent: number;
  readonly processed: Processed;
  readonly watermark: number;
  readonly idle: boolean;
  readonly ended: boolean;
  /** The frames `(processed, sent]`, in order: encoded messages of the frame codec, one after the other. */
  readonly captured: readonly Extent[];
  /** How many records are in them. */
  readonly records: number;
}

/** What is known of the records under way on an edge: see `EdgeRecords`. */
export interface ManifestEdge {
  readonly id: string;
  readonly chain: string;
  /** JSON Schema. */
  readonly schema?: object;
  /** The operators at its ends, the side output that it takes, and the kind of its partitioner. Older snapshots do not say. */
  readonly from?: string;
  readonly to?: string;
  readonly side?: string;
  readonly partitioner?: string;
}

/** What a completed checkpoint consists of. A checkpoint without a manifest does not exist. */
export interface Manifest {
  readonly version: 1;
  readonly job: string;
  /** Which life of the job: a job that starts from nothing begins one, a restore goes on with it. */
  readonly life: string;
  readonly graphHash: string;
  readonly id: CheckpointId;
  readonly attempt: number;
  readonly mode: CheckpointMode;
  /** True when every subtask had finished, or the job was stopped with it: nothing runs after it. */
  readonly final: boolean;
  /** Wall-clock milliseconds. */
  readonly triggeredAt: number;
  /** When all that it names had been written; that it was durable, and the checkpoint complete, came after. */
  readonly completedAt: number;
  readonly keyGroups: number;
  readonly tasks: readonly { readonly id: string; readonly parallelism: number; readonly operators: readonly string[] }[];
  readonly files: readonly DataFile[];
  readonly parts: readonly ManifestPart[];
  readonly channels: readonly ManifestChannel[];
  /** Those that hold records under way. */
  readonly edges?: readonly ManifestEdge[];
}
