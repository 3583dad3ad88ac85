import type { Disk } from "../../actors/disk.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import { isMissing } from "../checkpoint/disk_failure.ts";
import type { StoredCheckpoint } from "../checkpoint/storage.ts";
import { plan as planGraph } from "../graph/planner.ts";
import { isJob, type Job } from "../job/job.ts";
import { findSnapshot, type SnapshotPlace } from "./choose_snapshot.ts";
import { settle, type StartOptions } from "./options.ts";
import { Restore } from "./restore.ts";
import { edgesToKeep } from "./new_homes.ts";
import { decideRestore, type RestorePlan } from "./restore_plan.ts";
import type { Shape } from "./shape.ts";

/**
 * What `start` would restore if it were given the same job and options: a dry run. Nothing is started, written or locked, so the
 * job that owns the checkpoints may run meanwhile.
 *
 * Everything that refuses a start is in `problems`, each with the uid, state or edge: what has no home, schemas that do not fit,
 * records under way that a migration or a partitioner refuses. Not known before the start are values of state that a migration
 * refuses, windows that are declared in another way, and what sinks have shown since.
 *
 * @returns undefined when there is nothing to restore: the job would begin from nothing
 * @throws {SluiceError} `NOT_A_JOB`, `BAD_OPTIONS`, `BAD_PARALLELISM`; `SAVEPOINT_UNKNOWN`, `CHECKPOINT_UNKNOWN`,
 * `CHECKPOINT_DAMAGED`, `STATE_DAMAGED`
 */
export async function planRestore(job: Job, options: StartOptions): Promise<RestorePlan | undefined> {
  if (!isJob(job)) {
    throw new SluiceError("NOT_A_JOB", "planRestore was not given a job: give it what job(name, (flow) => { … }) returns");
  }
  const { from, allowDropped } = settle(options);
  const { graph } = job;
  const disk = options.disk ?? systemDisk();
  const store = storeOf(options, disk);
  const stored = typeof from === "string" ? [] : await listed(store);
  const shape = { graph, parallelism: options.parallelism ?? job.parallelism ?? 1 };
  return await planRestoreFrom({ store, stored, disk, job: graph.name, from }, shape, allowDropped);
}

/** What a job of a shape would restore from a place. As {@link planRestore}. */
export async function planRestoreFrom(
  place: SnapshotPlace,
  { graph, parallelism }: Shape,
  allowDropped: boolean,
): Promise<RestorePlan | undefined> {
  const warnings: string[] = [];
  const snapshot = await findSnapshot(place, (_, message) => warnings.push(message));
  if (snapshot === undefined) return undefined;
  const plan = planGraph(graph, { parallelism, keepEdges: edgesToKeep(snapshot.manifest, graph) });
  const decision = await decideRestore(snapshot, plan, allowDropped);
  const problems = [...decision.plan.problems];
  try {
    if (problems.length === 0) void new Restore(snapshot, plan, snapshot.manifest.attempt + 1, decision);
  } catch (error) {
    problems.push(messageOf(error));
  }
  return { ...decision.plan, problems, warnings: [...warnings, ...decision.plan.warnings] };
}

/** The checkpoints of a folder, without its lock. */
function storeOf({ checkpoints, from }: StartOptions, disk: Disk): CheckpointReader {
  const { directory } = checkpoints ?? {};
  if (directory === undefined && typeof from !== "string") {
    throw new SluiceError(
      "BAD_OPTIONS",
      "planRestore looks into folders: give it from, the folder of a savepoint or checkpoint, or checkpoints.directory",
    );
  }
  return new CheckpointReader(disk, directory ?? ".");
}

/** A folder that is not there has none. */
async function listed(store: CheckpointReader): Promise<readonly StoredCheckpoint[]> {
  try {
    return await store.list();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
