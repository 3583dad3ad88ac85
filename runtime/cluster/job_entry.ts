import { type Static, Type } from "@sinclair/typebox";
import { mismatch } from "../../actors/schema_check.ts";
import { decodeSealedJson, encodeSealedJson } from "../checkpoint/sealed_json.ts";

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** A savepoint that a client asked for. */
const EntrySavepoint = Type.Object({
  /** The id of the question: asked again it is no second savepoint. */
  question: Type.String(),
  folder: Type.String(),
  /** Null: as the job's checkpoints. */
  mode: Type.Union([Type.Null(), Type.Literal("aligned"), Type.Literal("unaligned")]),
  /** The job ends with it. */
  last: Type.Boolean(),
  /** Its checkpoint, once it is written. */
  checkpoint: Type.Union([Type.Null(), Count]),
  /** Why it cannot be. */
  failure: Type.Union([Type.Null(), Type.Object({ code: Type.String(), message: Type.String() })]),
});
export type EntrySavepoint = Readonly<Static<typeof EntrySavepoint>>;

const JobEntrySchema = Type.Object({
  version: Type.Literal(1),
  job: Type.String(),
  /** The module that every worker has it from. */
  module: Type.String(),
  /** The id of the question that submitted it: asked again it is no second job. */
  submission: Type.String(),
  /** What it was submitted with. */
  options: Type.Record(Type.String(), Type.Unknown()),
  /** What was set since: for operators that do not say their own, and by uid. */
  parallelism: Type.Object({
    others: Type.Union([Type.Null(), Type.Integer({ minimum: 1 })]),
    byUid: Type.Record(Type.String(), Type.Integer({ minimum: 1 })),
  }),
  /** `running` until it ends by itself; `stopping` and `cancelling`: it was asked to end; the others are for good. */
  state: Type.Union([
    Type.Literal("running"),
    Type.Literal("stopping"),
    Type.Literal("cancelling"),
    Type.Literal("finished"),
    Type.Literal("stopped"),
    Type.Literal("cancelled"),
    Type.Literal("failed"),
  ]),
  failure: Type.Union([Type.Null(), Type.String()]),
  /** Of the coordinator that may change it. */
  term: Count,
  /** The highest attempt that was ever started. */
  attempt: Count,
  /** The highest attempt before it was submitted: what is above is of this submission. */
  submittedAfter: Count,
  /** No checkpoint id at or above this was ever triggered. */
  nextCheckpointId: Count,
  /** The completed checkpoints that there are, oldest first. */
  retained: Type.Array(Type.Object({ id: Count, attempt: Count })),
  /** Savepoints to be written; and some that are over, for who asks again what became of them. Oldest first. */
  savepoints: Type.Array(EntrySavepoint),
  /** It has come to its end with this checkpoint, which is still to be written as the savepoint that it was stopped with. */
  ended: Type.Union([Type.Null(), Type.Object({ checkpoint: Count, stopped: Type.Boolean() })]),
});

/**
 * The record of a job in the cluster's key-value store. It changes only by compare-and-set, and what it says is so: a checkpoint
 * that it does not name does not exist (protocol 4.3).
 */
export type JobEntry = Readonly<Static<typeof JobEntrySchema>>;

/** Whether it is over for good. */
export function isOver({ state }: { readonly state: string }): boolean {
  return state !== "running" && state !== "stopping" && state !== "cancelling";
}

export function encodeJobEntry(entry: JobEntry): Uint8Array {
  return encodeSealedJson(entry);
}

/** Never throws, whatever the bytes. */
export function decodeJobEntry(bytes: Uint8Array): JobEntry | { readonly damaged: string } {
  const opened = decodeSealedJson(bytes);
  if (opened.kind === "damaged") return { damaged: opened.reason };
  const problem = mismatch(JobEntrySchema, opened.content);
  return problem === undefined ? opened.content as JobEntry : { damaged: problem };
}
