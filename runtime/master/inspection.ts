import { decodeValue } from "../../actors/codec.ts";
import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import { maxValueDepth } from "../../actors/exactness.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { partBytes } from "../checkpoint/layers.ts";
import type { CheckpointMode, ManifestChannel, ManifestPart } from "../checkpoint/manifest.ts";
import { channelName } from "../graph/channel.ts";
import type { CheckpointId } from "../graph/frame.ts";
import { decodeFrames } from "../graph/frame_codec.ts";
import type { Key } from "../graph/key.ts";
import { storedEntries, type StoredEntry } from "../state/stored_entries.ts";
import { openFolderSnapshot, type Snapshot, storedPart } from "./snapshot.ts";

/** What a snapshot holds of one operator. */
export interface InspectedOperator {
  readonly uid: string;
  readonly parallelism: number;
  readonly stateBytes: number;
}

/** A piece of state. */
export interface InspectedEntry {
  readonly uid: string;
  /** The name of the state, or the runtime's for what it keeps there itself. */
  readonly state: string;
  /**
   * `value`, `list`, `map`: of a key. `timers`: `{ at, name }` of a key. `window`: `{ end, value }` of a key. `split` and
   * `replicate`: of the subtask, as its operator has declared it. `runtime`: what the runtime keeps for the operator.
   */
  readonly kind: string;
  /** The old subtask. */
  readonly subtask: number;
  /** Undefined for what belongs to no key. */
  readonly key: Key | undefined;
  readonly keyGroup: number | undefined;
  /** Of a list an array, of a map a `Map`. */
  readonly value: unknown;
  /** When it expires, in wall-clock milliseconds; undefined for what never does. */
  readonly expiresAt: number | undefined;
}

/** How far a split of a source had been read. */
export interface InspectedPosition {
  readonly uid: string;
  readonly split: string;
  readonly position: unknown;
  /** It had been read to its end. */
  readonly ended: boolean;
}

/** A channel between two subtasks. */
export interface InspectedChannel {
  readonly edge: string;
  readonly sender: number;
  readonly receiver: number;
  /** 0; or the attempt at whose restore its records were put back. */
  readonly recovered: number;
  /** How many were under way. */
  readonly records: number;
}

/** A record under way. */
export interface InspectedRecord extends Omit<InspectedChannel, "records"> {
  readonly value: unknown;
  /** Event time in milliseconds; undefined on streams without. */
  readonly timestamp: number | undefined;
}

/** A savepoint, or the folder of a checkpoint, opened by {@link inspect}. */
export class Inspection {
  readonly location: string;
  readonly checkpoint: CheckpointId;
  readonly job: string;
  readonly mode: CheckpointMode;
  /** Nothing ran after it. */
  readonly final: boolean;
  /** Wall-clock milliseconds. */
  readonly triggeredAt: number;
  readonly completedAt: number;
  readonly keyGroups: number;
  readonly operators: readonly InspectedOperator[];
  /** Those with records under way. */
  readonly channels: readonly InspectedChannel[];
  readonly positions: readonly InspectedPosition[];
  readonly #snapshot: Snapshot;

  private constructor(snapshot: Snapshot, positions: readonly InspectedPosition[]) {
    const { location, manifest } = snapshot;
    this.location = location;
    this.checkpoint = manifest.id;
    this.job = manifest.job;
    this.mode = manifest.mode;
    this.final = manifest.final;
    this.triggeredAt = manifest.triggeredAt;
    this.completedAt = manifest.completedAt;
    this.keyGroups = manifest.keyGroups;
    this.positions = positions;
    this.operators = manifest.tasks.flatMap(({ operators, parallelism }) =>
      operators.map((uid) => ({
        uid,
        parallelism,
        stateBytes: manifest.parts.reduce((sum, part) => sum + (part.uid === uid ? partBytes(part) : 0), 0),
      }))
    );
    this.channels = manifest.channels.filter(({ records }) => records > 0)
      .map(({ edge, sender, receiver, recovered, records }) => ({ edge, sender, receiver, recovered, records }));
    this.#snapshot = snapshot;
  }

  /** As {@link inspect}. */
  static async open(disk: Disk, path: string): Promise<Inspection> {
    const snapshot = await openFolderSnapshot(disk, path);
    const positions: InspectedPosition[] = [];
    for (const part of snapshot.manifest.parts) {
      const held = part.scope === "split" ? await wholeOf(snapshot, part) : undefined;
      if (isPosition(held)) positions.push({ uid: part.uid, split: part.name, position: held.position, ended: held.ended });
    }
    return new Inspection(snapshot, positions);
  }

  /**
   * All state, or that of one operator: keyed state by subtask and key group. It is read piece by piece: what one key group holds
   * is in memory at a time. What has expired meanwhile is still there.
   *
   * @throws {SluiceError} `STATE_DAMAGED`, `CHECKPOINT_DAMAGED`; `OPERATOR_UNKNOWN` for a uid that the snapshot does not have
   */
  async *entries(uid?: string): AsyncGenerator<InspectedEntry, void, undefined> {
    if (uid !== undefined && !this.operators.some((operator) => operator.uid === uid)) {
      const there = this.operators.map((operator) => operator.uid).join(", ");
      throw new SluiceError("OPERATOR_UNKNOWN", `${this.location} has no operator ${uid}; there are: ${there}`);
    }
    for (const part of this.#snapshot.manifest.parts) {
      if (uid === undefined || part.uid === uid) yield* entriesOf(this.#snapshot, part);
    }
  }

  /**
   * The records under way, or those of one edge, channel by channel, each in its order.
   *
   * @throws {SluiceError} `CHECKPOINT_DAMAGED`; `EDGE_UNKNOWN` for an edge on which there are none
   */
  *records(edge?: string): Generator<InspectedRecord, void, undefined> {
    if (edge !== undefined && !this.channels.some((channel) => channel.edge === edge)) {
      const there = [...new Set(this.channels.map((channel) => channel.edge))].join(", ") || "none";
      throw new SluiceError(
        "EDGE_UNKNOWN",
        `${this.location} has no records under way on edge ${edge}; edges with some: ${there}`,
      );
    }
    for (const channel of this.#snapshot.manifest.channels) {
      if (edge === undefined || channel.edge === edge) yield* recordsOf(this.#snapshot, channel);
    }
  }
}

/**
 * Looks into a savepoint, or the folder of a checkpoint, without the job that it is of. Everything is checked before anything is
 * given; nothing is changed.
 *
 * @param disk @default the machine's
 * @throws {SluiceError} `SAVEPOINT_UNKNOWN`, `CHECKPOINT_DAMAGED`, `BAD_SAVEPOINT_PATH`
 */
export function inspect(path: string, options: { readonly disk?: Disk } = {}): Promise<Inspection> {
  return Inspection.open(options.disk ?? systemDisk(), path);
}

async function* entriesOf(snapshot: Snapshot, part: ManifestPart): AsyncGenerator<InspectedEntry, void, undefined> {
  const { uid, subtask, scope, name } = part;
  if (scope === "keyed") {
    const of = ({ name: state, ...entry }: StoredEntry): InspectedEntry => ({ uid, state, subtask, ...entry });
    for await (const entry of storedEntries(uid, subtask, storedPart(snapshot, part).layers)) yield of(entry);
    return;
  }
  const held = await wholeOf(snapshot, part);
  if (isPosition(held)) return;
  const of = { uid, state: name.replace(/^[~#]/, ""), subtask, key: undefined, keyGroup: undefined, expiresAt: undefined };
  const declared = isDeclared(held) && !name.startsWith("~");
  yield { ...of, kind: declared ? scope : "runtime", value: isDeclared(held) ? held.content : held };
}

/** What wraps a value in a part nests it a little deeper. */
const partDepth = maxValueDepth + 3;

/** The value that a part which is not keyed holds. */
async function wholeOf(snapshot: Snapshot, part: ManifestPart): Promise<unknown> {
  const layer = storedPart(snapshot, part).layers.at(-1)!;
  const decoded = decodeValue(await layer.read(0, layer.length), { maxBytes: layer.length, maxDepth: partDepth });
  if (decoded.kind === "value") return decoded.value;
  const where = `${part.name} of operator ${part.uid}, old subtask ${part.subtask},`;
  throw new SluiceError("STATE_DAMAGED", `${where} in ${snapshot.location} cannot be read: ${decoded.reason}`);
}

function isPosition(held: unknown): held is { readonly position: unknown; readonly ended: boolean } {
  return typeof held === "object" && held !== null && "position" in held && "ended" in held && typeof held.ended === "boolean";
}

function isDeclared(held: unknown): held is { readonly content: unknown } {
  return typeof held === "object" && held !== null && "content" in held && "description" in held && "parallelism" in held;
}

function* recordsOf(snapshot: Snapshot, channel: ManifestChannel): Generator<InspectedRecord, void, undefined> {
  const { edge, sender, receiver, recovered } = channel;
  for (const extent of channel.captured) {
    const decoded = decodeFrames(snapshot.captured.get(extent) ?? new Uint8Array(0));
    if (decoded.kind === "corrupt") {
      const place = `${channelName(edge, sender, receiver)} in ${snapshot.location}`;
      throw new SluiceError("CHECKPOINT_DAMAGED", `the records under way on ${place} cannot be read: ${decoded.reason}`);
    }
    for (const { frame: { values, timestamps }, skip } of decoded.frames) {
      for (let at = skip; at < values.length; at++) {
        yield { edge, sender, receiver, recovered, value: values[at], timestamp: timestamps?.[at] };
      }
    }
  }
}
