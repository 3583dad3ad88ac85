import type { CheckpointId } from "../graph/frame.ts";

/** A completed checkpoint, as retention sees it. */
export interface RetainedCheckpoint {
  readonly id: CheckpointId;
  /** Other checkpoints whose files its manifest names. */
  readonly refersTo?: readonly CheckpointId[];
}

/**
 * Which completed checkpoints are no longer needed, oldest first: all but the newest `keep`, those in use, and those that
 * these refer to, directly or through others.
 *
 * @param keep How many to keep; at least 1.
 * @param inUse Checkpoints that must stay for another reason, such as one that is being restored.
 */
export function checkpointsToRemove<C extends RetainedCheckpoint>(
  completed: readonly C[],
  keep: number,
  inUse: Iterable<CheckpointId> = [],
): readonly C[] {
  if (!Number.isInteger(keep) || keep < 1) throw new RangeError(`must keep 1 checkpoint or more, not ${keep}`);
  const newestFirst = [...completed].sort((a, b) => b.id - a.id);
  const byId = new Map(completed.map((checkpoint) => [checkpoint.id, checkpoint]));
  const kept = new Set<CheckpointId>();
  const toKeep = [...inUse, ...newestFirst.slice(0, keep).map((checkpoint) => checkpoint.id)];
  for (let id = toKeep.pop(); id !== undefined; id = toKeep.pop()) {
    if (kept.has(id)) continue;
    kept.add(id);
    toKeep.push(...byId.get(id)?.refersTo ?? []);
  }
  return newestFirst.filter((checkpoint) => !kept.has(checkpoint.id)).reverse();
}

/**
 * The id below which whatever never completed can be swept: nothing below it can still complete.
 *
 * @param newest The newest completed checkpoint, 0 without one.
 * @param open Checkpoints that are under way.
 */
export function sweepBelow(newest: CheckpointId, open: Iterable<CheckpointId>): CheckpointId {
  let below = newest;
  for (const id of open) below = Math.min(below, id);
  return below;
}
