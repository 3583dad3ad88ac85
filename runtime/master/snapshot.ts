import { SluiceError } from "../../actors/error.ts";
import type { Extent, Manifest, ManifestChannel } from "../checkpoint/manifest.ts";
import type { CheckpointStore, StoredCheckpoint } from "../checkpoint/storage.ts";
import { channelName } from "../graph/channel.ts";
import { decodeFrames } from "../graph/frame_codec.ts";
import type { RestoredPart } from "../graph/operator.ts";
import type { Plan, PlannedTask } from "../graph/plan.ts";
import { freshInput, type InputStart } from "../task/input_channel.ts";
import type { RecoveredAssignment } from "../task/assignment.ts";
import type { CapturedFrame } from "../task/output_channel.ts";

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

/** Refuses a snapshot that the plan cannot take up whole, naming what finds no home. */
export function checkFit(snapshot: Snapshot, plan: Plan): void {
  const { manifest, location } = snapshot;
  const problems: string[] = [];
  if (manifest.keyGroups !== plan.keyGroups) {
    problems.push(`it was taken with ${manifest.keyGroups} key groups, the job has ${plan.keyGroups} (they are fixed for life)`);
  }
  const operators = new Map(plan.tasks.flatMap((task) => task.operators.map((operator) => [operator.id, task] as const)));
  const missing = new Set(manifest.parts.map((part) => part.uid).filter((uid) => !operators.has(uid)));
  if (missing.size > 0) problems.push(`it has state of operators that the job no longer has: ${[...missing].join(", ")}`);
  for (const old of manifest.tasks) {
    for (const uid of old.operators) {
      const task = operators.get(uid);
      if (task !== undefined && task.parallelism !== old.parallelism) {
        problems.push(
          `${uid} ran with parallelism ${old.parallelism}, now ${task.parallelism}: start it with ${old.parallelism}`,
        );
      }
    }
  }
  const edges = new Set(plan.edges.map((edge) => edge.id));
  const lost = [...edgesInFlight(snapshot)].filter((edge) => !edges.has(edge));
  if (lost.length > 0) problems.push(`it holds records under way on edges that the job no longer has: ${lost.join(", ")}`);
  if (problems.length > 0) {
    throw new SluiceError("CHECKPOINT_MISMATCH", `cannot restore job ${plan.name} from ${location}: ${problems.join("; ")}`);
  }
}

/** What a subtask gets of a snapshot. */
export interface SubtaskSnapshot {
  readonly parts: ReadonlyMap<string, readonly RestoredPart[]>;
  readonly recovered: readonly RecoveredAssignment[];
}

/** Where the regular channel of that name goes on: the receiver expects what the sender sends next. */
export function channelStart(snapshot: Snapshot | undefined, name: string): { sent: number; input: InputStart } {
  const channel = snapshot?.manifest.channels.find((of) => of.recovered === 0 && nameOf(of) === name);
  if (channel === undefined) return { sent: 0, input: freshInput };
  const { sent, watermark, idle } = channel;
  // End of input is never state: a restored source at its end sends it again.
  return { sent, input: { received: sent, processed: { seq: sent, elements: 0 }, watermark, idle, ended: false } };
}

/** Deals a snapshot out to one subtask. */
export function subtaskSnapshot(snapshot: Snapshot, task: PlannedTask, subtask: number, attempt: number): SubtaskSnapshot {
  const { manifest } = snapshot;
  const parts = new Map<string, RestoredPart[]>();
  for (const operator of task.operators) {
    const everyones = operator.role.kind === "source"; // splits are dealt out by the list there is now
    for (const part of manifest.parts) {
      if (part.uid !== operator.id || (part.subtask !== subtask && !(everyones && part.scope === "split"))) continue;
      const bytes = join(part.at.map((extent) => bytesAt(snapshot, extent)));
      const { scope, name } = part;
      const below = part.below?.map((layer) => join(layer.map((extent) => bytesAt(snapshot, extent))));
      const restored = { scope, name, subtask: part.subtask, bytes, below };
      const own = parts.get(operator.id);
      if (own === undefined) parts.set(operator.id, [restored]);
      else own.push(restored);
    }
  }
  const inputs = new Set(task.inputs.map((edge) => edge.id));
  const recovered: RecoveredAssignment[] = [];
  for (const channel of manifest.channels) {
    if (channel.receiver !== subtask || !inputs.has(channel.edge)) continue;
    const frames = channel.captured.flatMap((extent) => framesAt(snapshot, channel, extent));
    if (frames.length === 0) continue;
    const { edge, sender, receiver, watermark, idle } = channel;
    // Older restores come first: a channel that was recovered already keeps its generation.
    const generation = channel.recovered === 0 ? attempt : channel.recovered;
    recovered.push({ identity: { edge, sender, receiver, recovered: generation }, frames, watermark, idle });
  }
  return { parts, recovered };
}

/** How many records of a snapshot are under way. */
export function recordsInFlight(snapshot: Snapshot): number {
  return snapshot.manifest.channels.reduce((sum, channel) => sum + channel.records, 0);
}

function nameOf(channel: ManifestChannel): string {
  return channelName(channel.edge, channel.sender, channel.receiver);
}

function bytesAt(snapshot: Snapshot, extent: Extent): Uint8Array {
  const file = snapshot.data[extent.file];
  if (file === undefined || extent.offset + extent.bytes > file.byteLength) {
    throw new SluiceError("CHECKPOINT_DAMAGED", `${snapshot.location}: the manifest points outside data file ${extent.file}`);
  }
  return file.subarray(extent.offset, extent.offset + extent.bytes);
}

/** Of captured frames only records, watermarks and idleness are put back; never barriers, never end of input. */
function framesAt(snapshot: Snapshot, channel: ManifestChannel, extent: Extent): CapturedFrame[] {
  const decoded = decodeFrames(bytesAt(snapshot, extent));
  if (decoded.kind === "corrupt") {
    const place = `${nameOf(channel)} in ${snapshot.location}`;
    throw new SluiceError("CHECKPOINT_DAMAGED", `the records under way on ${place} cannot be read: ${decoded.reason}`);
  }
  return decoded.frames.map(({ frame, skip }) => {
    const kept = frame.mark?.kind === "watermark" || frame.mark?.kind === "idle";
    return { frame: kept ? frame : { ...frame, mark: undefined }, skip: Math.min(skip, frame.values.length) };
  });
}

function join(slices: readonly Uint8Array[]): Uint8Array {
  if (slices.length === 1) return slices[0] as Uint8Array;
  const joined = new Uint8Array(slices.reduce((sum, slice) => sum + slice.byteLength, 0));
  let offset = 0;
  for (const slice of slices) {
    joined.set(slice, offset);
    offset += slice.byteLength;
  }
  return joined;
}
