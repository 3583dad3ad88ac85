/** What a completed checkpoint is written down as, and what it cost. */
import { SluiceError } from "../../actors/error.ts";
import type { Acknowledgement } from "../checkpoint/contribution.ts";
import type { CheckpointReason } from "../checkpoint/coordinator.ts";
import type { CheckpointMode, DataFile, Extent, Manifest, ManifestChannel } from "../checkpoint/manifest.ts";
import type { LastProof } from "../checkpoint/last_proof.ts";
import { layered, partBytes } from "../checkpoint/layers.ts";
import { proveCapture } from "../checkpoint/proof.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { Attempt } from "./attempt.ts";
import type { Deployment } from "./deployment.ts";
import type { CheckpointFigures, SubtaskCheckpoint } from "./event.ts";
import { rulesOf } from "./rules.ts";
import { manifestEdges } from "./manifest_edges.ts";

/** When and why a checkpoint was triggered: on the wall clock, and on the monotonic one. */
export interface Trigger {
  readonly at: number;
  readonly monotonic: number;
  readonly reason: CheckpointReason;
  /** The newest completed checkpoint of the attempt at that time, 0 without one. */
  readonly base: CheckpointId;
  /** How its barriers travel, where that is not as the job's mode says. */
  readonly mode: BarrierMode | undefined;
}

/** A checkpoint that every subtask has acknowledged. */
export interface Acknowledged {
  readonly id: CheckpointId;
  readonly job: string;
  readonly mode: CheckpointMode;
  readonly acknowledgements: readonly Acknowledgement[];
  readonly trigger: Trigger | undefined;
  /** The data files: extents of the acknowledgements name them by their place here. */
  readonly files: readonly DataFile[];
  /** The manifest of a checkpoint that was completed before. */
  readonly completed: (id: CheckpointId) => Manifest | undefined;
  readonly completedAt: number;
  /** What was proven last of the same attempt. @default nothing */
  readonly lastProof?: LastProof;
}

/**
 * Its manifest, once it is proven that what was captured of every channel adds up.
 *
 * @throws {SluiceError} `CAPTURE_REFUTED` naming the channel; `MANIFEST_INVALID` when a part builds on what is not there
 */
export function manifestOf(attempt: Attempt, checkpoint: Acknowledged): Manifest {
  const { id, acknowledgements, trigger, files, mode, lastProof } = checkpoint;
  const rules = rulesOf(mode);
  const channels = lastProof?.of(acknowledgements) ?? provenChannels(attempt, checkpoint);
  lastProof?.proven(acknowledgements, channels);
  return {
    version: 1,
    job: checkpoint.job,
    life: attempt.life,
    graphHash: attempt.plan.hash,
    id,
    attempt: attempt.number,
    mode: rules.exactlyOnce ? trigger?.mode ?? mode : mode,
    final: acknowledgements.every((ack) => ack.finished) || trigger?.reason === "stop",
    triggeredAt: trigger?.at ?? checkpoint.completedAt,
    completedAt: checkpoint.completedAt,
    keyGroups: attempt.plan.keyGroups,
    tasks: attempt.plan.tasks.map((task) => ({
      id: task.id,
      parallelism: task.parallelism,
      operators: task.operators.map((operator) => operator.id),
    })),
    ...layered(files, acknowledgements.flatMap((ack) => ack.parts), checkpoint.completed),
    channels,
    edges: manifestEdges(attempt.plan, channels),
  };
}

function provenChannels(attempt: Attempt, { id, acknowledgements, trigger, mode }: Acknowledged): readonly ManifestChannel[] {
  const rules = rulesOf(mode);
  const edges = new Map(attempt.plan.edges.map((edge) => [edge.id, edge]));
  const proof = proveCapture(attempt.channels, acknowledgements, {
    atLeastOnce: !rules.exactlyOnce,
    mustBeEmpty: (edgeId) => {
      const edge = edges.get(edgeId);
      return edge !== undefined && rules.align(edge, trigger?.mode) === "aligned";
    },
  });
  if (proof.kind === "proven") return proof.channels;
  throw new SluiceError("CAPTURE_REFUTED", `checkpoint ${id} does not add up on channel ${proof.channel}: ${proof.reason}`);
}

/** What it cost, subtask by subtask and in all. */
export function figuresOf(
  deployment: Pick<Deployment, "attempt" | "counts">,
  acknowledgements: readonly Acknowledgement[],
  manifest: Manifest,
  endToEndMs: number,
): CheckpointFigures {
  let next = 0; // the manifest has the parts in the order of the acknowledgements
  const subtasks = acknowledgements.map(({ task, subtask, parts, figures }): SubtaskCheckpoint => {
    let stateBytes = 0;
    for (let part = 0; part < parts.length; part++) stateBytes += partBytes(manifest.parts[next++]!);
    // Field by field: spreading would be most of the cost.
    return {
      task: deployment.attempt.plan.tasks[task]?.id ?? "",
      subtask,
      counts: deployment.counts(task, subtask),
      startDelayMs: figures.startDelayMs,
      alignmentMs: figures.alignmentMs,
      delayedRecords: figures.delayedRecords,
      syncMs: figures.syncMs,
      asyncMs: figures.asyncMs,
      endToEndMs: figures.endToEndMs,
      stateBytes,
      writtenBytes: figures.writtenBytes,
      inFlightBytes: figures.inFlightBytes,
      inFlightRecords: figures.inFlightRecords,
    };
  });
  const sum = (of: (figures: (typeof subtasks)[number]) => number) => subtasks.reduce((total, figures) => total + of(figures), 0);
  return {
    endToEndMs,
    stateBytes: sum((figures) => figures.stateBytes),
    writtenBytes: sum((figures) => figures.writtenBytes),
    inFlightBytes: sum((figures) => figures.inFlightBytes),
    inFlightRecords: sum((figures) => figures.inFlightRecords),
    subtasks,
  };
}

/** Acknowledgements whose extents name the data file at place `file` instead of the first one. */
export function inFile(file: number, acknowledgements: readonly Acknowledgement[]): readonly Acknowledgement[] {
  if (file === 0) return acknowledgements;
  const move = (extents: readonly Extent[]) => extents.map((extent) => ({ ...extent, file }));
  return acknowledgements.map((ack) => ({
    ...ack,
    parts: ack.parts.map((part) => ({ ...part, at: move(part.at) })),
    inputs: ack.inputs.map((input) => ({ ...input, bytes: move(input.bytes) })),
    outputs: ack.outputs.map((output) => ({ ...output, bytes: move(output.bytes) })),
  }));
}
