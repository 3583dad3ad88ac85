import { SluiceError } from "../../actors/error.ts";
import type { Extent, ManifestChannel, ManifestPart } from "../checkpoint/manifest.ts";
import { type Channel, channelName } from "../graph/channel.ts";
import { decodeFrames } from "../graph/frame_codec.ts";
import type { LogicalOperator } from "../graph/logical.ts";
import type { StoredPart } from "../graph/operator.ts";
import type { Plan, PlannedEdge, PlannedTask } from "../graph/plan.ts";
import type { RecoveredAssignment } from "../task/assignment.ts";
import { freshInput, type InputStart } from "../task/input_channel.ts";
import type { CapturedFrame } from "../task/output_channel.ts";
import { redistribute, regrouped } from "./redistribution.ts";
import { schemaRefused } from "../state/migration.ts";
import type { EdgeConversions, RestoreDecision } from "./restore_plan.ts";
import { type Snapshot, storedPart } from "./snapshot.ts";

/** Where a regular channel begins: the receiver expects what the sender sends next. */
export interface ChannelStart {
  /** The last frame the sender sent. */
  readonly sent: number;
  readonly input: InputStart;
}

/**
 * What each subtask of a plan gets of a snapshot, at whatever parallelism that was taken (protocol 5).
 *
 * Everything under way is read when it is made, so what cannot be read shows before anything runs.
 */
export class Restore {
  readonly #snapshot: Snapshot;
  readonly #plan: Plan;
  readonly #oldParallelism: ReadonlyMap<string, number>;
  readonly #channels: ReadonlyMap<string, ManifestChannel>;
  readonly #eventTime: ReadonlyMap<string, Pick<InputStart, "watermark" | "idle">>;
  /** By task, then subtask. */
  readonly #recovered: readonly (readonly RecoveredAssignment[])[][];
  readonly #parts: ReadonlyMap<string, readonly ManifestPart[]>;

  readonly #decision: RestoreDecision | undefined;

  /**
   * @param decision what is converted and dropped; undefined: nothing
   * @throws {SluiceError} `CHECKPOINT_DAMAGED`, `PARTITION_OUT_OF_RANGE`, `STATE_MISMATCH` for records that a migration refuses
   */
  constructor(snapshot: Snapshot, plan: Plan, attempt: number, decision?: RestoreDecision) {
    const { manifest } = snapshot;
    this.#decision = decision;
    this.#snapshot = snapshot;
    this.#plan = plan;
    this.#oldParallelism = new Map(manifest.tasks.flatMap((task) => task.operators.map((uid) => [uid, task.parallelism])));
    const regular = manifest.channels.filter((channel) => channel.recovered === 0);
    this.#channels = new Map(regular.map((channel) => [nameOf(channel), channel]));
    this.#eventTime = eventTimeByEdge(regular);
    this.#parts = byUid(manifest.parts);
    this.#recovered = this.#deal(attempt);
  }

  /** Where a regular channel of the plan begins. */
  channelStart({ edge, sender, receiver }: Channel): ChannelStart {
    const { from, to, fromOperator, toOperator } = edge;
    if (this.#rescaled(fromOperator, this.#task(from)) || this.#rescaled(toOperator, this.#task(to))) {
      return { sent: 0, input: { ...freshInput, ...this.#eventTime.get(edge.id) } };
    }
    const channel = this.#channels.get(channelName(edge.id, sender, receiver));
    if (channel === undefined) return { sent: 0, input: freshInput };
    const { sent, watermark, idle } = channel;
    // End of input is never state: a restored source at its end sends it again.
    return { sent, input: { received: sent, processed: { seq: sent, elements: 0 }, watermark, idle, ended: false } };
  }

  /** The recovered channels of a subtask. */
  recovered(task: PlannedTask, subtask: number): readonly RecoveredAssignment[] {
    return this.#recovered[task.index]?.[subtask] ?? [];
  }

  /** The state of a subtask's operators, by uid. */
  parts(task: PlannedTask, subtask: number): ReadonlyMap<string, readonly StoredPart[]> {
    const parts = new Map<string, readonly StoredPart[]>();
    for (const operator of task.operators) {
      const rescaled = this.#rescaled(operator.id, task);
      const origin = rescaled ? this.#broadcastOrigin(task) : undefined;
      const own = (this.#parts.get(operator.id) ?? []).filter((part) =>
        rescaled ? goesTo(part, operator, subtask, task.parallelism, origin) : isOwn(part, operator, subtask)
      );
      if (own.length > 0) parts.set(operator.id, own.map((part) => this.#stored(part)));
    }
    return parts;
  }

  #deal(attempt: number): RecoveredAssignment[][][] {
    const dealt = this.#plan.tasks.map(({ parallelism }) => Array.from({ length: parallelism }, (): RecoveredAssignment[] => []));
    const edges = new Map(this.#plan.edges.map((edge) => [edge.id, edge]));
    for (const channel of this.#snapshot.manifest.channels) {
      const edge = edges.get(this.#decision?.homes.get(channel.edge) ?? channel.edge);
      if (edge === undefined || channel.captured.length === 0) continue;
      const read = channel.captured.flatMap((extent) => framesAt(this.#snapshot, channel, extent));
      const convert = this.#decision?.conversions.get(channel.edge);
      const frames = convert === undefined ? read : read.map((captured) => converted(captured, edge.id, convert));
      if (frames.length === 0) continue;
      const { sender, watermark, idle } = channel;
      // Older restores come first: a channel that was recovered already keeps its generation.
      const recovered = channel.recovered === 0 ? attempt : channel.recovered;
      for (const { receiver, frames: own } of this.#receivers(edge, channel, frames)) {
        const identity = { edge: edge.id, sender, receiver, recovered };
        dealt[edge.to]?.[receiver]?.push({ identity, frames: own, watermark, idle });
      }
    }
    return dealt;
  }

  #receivers(edge: PlannedEdge, channel: ManifestChannel, frames: readonly CapturedFrame[]) {
    const task = this.#task(edge.to);
    if (channel.edge !== edge.id) return this.#rehomed(edge, task.parallelism, channel, frames);
    if (!this.#rescaled(edge.toOperator, task)) return [{ receiver: channel.receiver, frames }];
    const origin = this.#broadcastOrigin(task) ?? 0;
    return redistribute({ edge, receivers: task.parallelism, keyGroups: this.#plan.keyGroups, origin }, channel, frames);
  }

  /** On another edge of the same sender than the one they were sent on: to where the sender would send them now. */
  #rehomed(edge: PlannedEdge, receivers: number, channel: ManifestChannel, frames: readonly CapturedFrame[]) {
    const { keyGroups } = this.#plan;
    const old = this.#snapshot.manifest.edges?.find(({ id }) => id === channel.edge)?.partitioner;
    const receiver = edge.partitioner.kind === "forward" ? channel.sender : channel.receiver;
    const sent = frames.map((captured) => regrouped(captured, edge, old, keyGroups));
    return redistribute({ edge, receivers, keyGroups, origin: 0 }, { receiver }, sent);
  }

  /**
   * The old subtask whose replica of a broadcast, and what it had still to read of it, all new ones take: the one that was
   * furthest, which is the one with the fewest records left, since each was sent the same. Undefined without a broadcast.
   */
  #broadcastOrigin(task: PlannedTask): number | undefined {
    const broadcast = new Set(task.inputs.filter(({ partitioner }) => partitioner.kind === "broadcast").map(({ id }) => id));
    if (broadcast.size === 0) return undefined;
    const left = Array.from({ length: this.#oldParallelism.get(task.id) ?? 1 }, () => 0);
    for (const { edge, receiver, records } of this.#snapshot.manifest.channels) {
      if (broadcast.has(edge)) left[receiver] = (left[receiver] ?? 0) + records;
    }
    return left.indexOf(Math.min(...left));
  }

  #rescaled(uid: string, task: PlannedTask): boolean {
    return (this.#oldParallelism.get(uid) ?? task.parallelism) !== task.parallelism;
  }

  #task(index: number): PlannedTask {
    return this.#plan.tasks[index] as PlannedTask;
  }

  #stored(part: ManifestPart): StoredPart {
    const dropped = this.#decision?.dropped.get(part.uid);
    return { ...storedPart(this.#snapshot, part), ...(dropped === undefined ? {} : { dropped }) };
  }
}

/** At equal parallelism. Items of `split` states move by themselves: splits are dealt out by the list there is now. */
function isOwn(part: ManifestPart, operator: LogicalOperator, subtask: number): boolean {
  return part.subtask === subtask || (part.scope === "split" && operator.role.kind !== "sink");
}

/** At another parallelism. What is not dealt out here is dealt out by the operator, which sees the parts of all. */
function goesTo(
  part: ManifestPart,
  operator: LogicalOperator,
  subtask: number,
  parallelism: number,
  origin: number | undefined,
): boolean {
  switch (part.scope) {
    case "keyed":
    case "subtask":
      return true;
    case "split":
      // What a sink still has to commit goes to one subtask, unchanged.
      return operator.role.kind !== "sink" || part.subtask % parallelism === subtask;
    case "replicate":
      return origin === undefined || part.subtask === origin;
  }
}

/**
 * Where new channels of an edge begin in event time: at the minimum of the old ones that counted, which are those that were
 * neither ended nor idle; without one of these, of the idle ones.
 */
function eventTimeByEdge(channels: readonly ManifestChannel[]): ReadonlyMap<string, Pick<InputStart, "watermark" | "idle">> {
  const edges = new Map<string, { rank: number; watermark: number; idle: boolean }>();
  for (const { edge, watermark, idle, ended } of channels) {
    const rank = ended ? 2 : idle ? 1 : 0;
    const own = edges.get(edge);
    if (own === undefined || rank < own.rank) edges.set(edge, { rank, watermark, idle: rank === 1 });
    else if (own.rank === rank && watermark < own.watermark) own.watermark = watermark;
  }
  return edges;
}

function byUid(parts: readonly ManifestPart[]): ReadonlyMap<string, readonly ManifestPart[]> {
  const uids = new Map<string, ManifestPart[]>();
  for (const part of parts) {
    const own = uids.get(part.uid);
    if (own === undefined) uids.set(part.uid, [part]);
    else own.push(part);
  }
  return uids;
}

function nameOf(channel: ManifestChannel): string {
  return channelName(channel.edge, channel.sender, channel.receiver);
}

/** Of captured frames only records, watermarks and idleness are put back; never barriers, never end of input. */
function framesAt(snapshot: Snapshot, channel: ManifestChannel, extent: Extent): CapturedFrame[] {
  const decoded = decodeFrames(snapshot.captured.get(extent) ?? new Uint8Array(0));
  if (decoded.kind === "corrupt") {
    const place = `${nameOf(channel)} in ${snapshot.location}`;
    throw new SluiceError("CHECKPOINT_DAMAGED", `the records under way on ${place} cannot be read: ${decoded.reason}`);
  }
  return decoded.frames.map(({ frame, skip }) => {
    const kept = frame.mark?.kind === "watermark" || frame.mark?.kind === "idle";
    return { frame: kept ? frame : { ...frame, mark: undefined }, skip: Math.min(skip, frame.values.length) };
  });
}

function converted(
  { frame, skip }: CapturedFrame,
  edge: string,
  convert: EdgeConversions extends ReadonlyMap<string, infer Convert> ? Convert : never,
): CapturedFrame {
  const values = frame.values.map((value, at) => {
    if (at < skip) return value; // processed already: it is skipped
    const result = convert(value);
    if ("value" in result) return result.value;
    throw schemaRefused(`a record under way on edge ${edge}`, result.wrong);
  });
  return { frame: { ...frame, values }, skip };
}
