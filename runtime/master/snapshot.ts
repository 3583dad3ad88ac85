import { SluiceError } from "../../actors/error.ts";
import type { Manifest } from "../checkpoint/manifest.ts";
import type { CheckpointStore, StoredCheckpoint } from "../checkpoint/storage.ts";
import type { Plan } from "../graph/plan.ts";

/** A completed checkpoint, read and checked. */
export interface Snapshot {
  readonly location: string;
  readonly manifest: Manifest;
  /** The data files, in the manifest's order. */
  readonly data: readonly Uint8Array[];
}

/** Reads a checkpoint whole; every checksum is verified before anything is used. */
export async function readSnapshot(store: CheckpointStore, checkpoint: StoredCheckpoint): Promise<Snapshot> {
  const manifest = await store.manifest(checkpoint);
  const data = await Promise.all(manifest.files.map((file) => store.readData(checkpoint, file)));
  return { location: checkpoint.location, manifest, data };
}

/** Edges that hold records under way: they must not be fused away by the plan that the snapshot is restored into. */
export function edgesInFlight(snapshot: Snapshot): ReadonlySet<string> {
  return new Set(snapshot.manifest.channels.filter((channel) => channel.captured.length > 0).map((channel) => channel.edge));
}

/** Refuses a snapshot that the plan cannot take up whole, naming what finds no home. The parallelism may be another one. */
export function checkFit(snapshot: Snapshot, plan: Plan): void {
  const { manifest, location } = snapshot;
  const problems: string[] = [];
  if (manifest.keyGroups !== plan.keyGroups) {
    problems.push(`it was taken with ${manifest.keyGroups} key groups, the job has ${plan.keyGroups} (they are fixed for life)`);
  }
  const operators = new Set(plan.tasks.flatMap((task) => task.operators.map((operator) => operator.id)));
  const missing = new Set(manifest.parts.map((part) => part.uid).filter((uid) => !operators.has(uid)));
  if (missing.size > 0) problems.push(`it has state of operators that the job no longer has: ${[...missing].join(", ")}`);
  const edges = new Set(plan.edges.map((edge) => edge.id));
  const lost = [...edgesInFlight(snapshot)].filter((edge) => !edges.has(edge));
  if (lost.length > 0) problems.push(`it holds records under way on edges that the job no longer has: ${lost.join(", ")}`);
  if (problems.length > 0) {
    throw new SluiceError("CHECKPOINT_MISMATCH", `cannot restore job ${plan.name} from ${location}: ${problems.join("; ")}`);
  }
}

/** How many records of a snapshot are under way. */
export function recordsInFlight(snapshot: Snapshot): number {
  return snapshot.manifest.channels.reduce((sum, channel) => sum + channel.records, 0);
}
