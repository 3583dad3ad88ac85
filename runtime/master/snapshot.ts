import { crc32c } from "../../actors/checksum.ts";
import { SluiceError } from "../../actors/error.ts";
import type { Extent, Manifest } from "../checkpoint/manifest.ts";
import type { CheckpointStore, StoredCheckpoint } from "../checkpoint/storage.ts";
import type { Plan } from "../graph/plan.ts";

/** A completed checkpoint, checked. Of its data only the records under way are in memory. */
export interface Snapshot {
  readonly location: string;
  readonly manifest: Manifest;
  /** The encoded records under way, by the extents of the manifest's channels. */
  readonly captured: ReadonlyMap<Extent, Uint8Array>;
  /** Reads and checks a run of bytes. */
  read(extent: Extent): Promise<Uint8Array>;
}

/** Opens a checkpoint; every checksum is verified before anything is used, and again where it is. Data passes by in pieces. */
export async function openSnapshot(
  store: Pick<CheckpointStore, "manifest" | "readRange" | "verify">,
  checkpoint: StoredCheckpoint,
): Promise<Snapshot> {
  const { location } = checkpoint;
  const manifest = await store.manifest(checkpoint);
  for (const file of manifest.files) await store.verify(checkpoint, file);
  const read = async (extent: Extent): Promise<Uint8Array> => {
    const file = manifest.files[extent.file];
    if (file === undefined || extent.offset + extent.bytes > file.bytes) {
      throw new SluiceError("CHECKPOINT_DAMAGED", `${location}: the manifest points outside data file ${extent.file}`);
    }
    const bytes = await store.readRange(checkpoint, file, extent.offset, extent.bytes);
    if (crc32c(bytes) === extent.checksum) return bytes;
    throw new SluiceError(
      "CHECKPOINT_DAMAGED",
      `${location}: the checksum of ${extent.bytes} bytes from ${extent.offset} in ${file.name} is wrong; use another checkpoint`,
    );
  };
  const captured = new Map<Extent, Uint8Array>();
  for (const channel of manifest.channels) {
    for (const extent of channel.captured) captured.set(extent, await read(extent));
  }
  return { location, manifest, captured, read };
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
