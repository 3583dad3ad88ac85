import type { Disk } from "../../actors/disk.ts";
import { ExtentReader, extentsOf, isSmall } from "../checkpoint/extent_reader.ts";
import type { DataFile, Extent, Manifest, ManifestPart } from "../checkpoint/manifest.ts";
import { openSnapshotFolder } from "../checkpoint/snapshot_folder.ts";
import type { CheckpointStore, StoredCheckpoint } from "../checkpoint/storage.ts";
import type { StoredPart } from "../graph/operator.ts";

/** A completed checkpoint, checked. Of its data only the records under way are in memory. */
export interface Snapshot {
  readonly location: string;
  readonly manifest: Manifest;
  /** The encoded records under way, by the extents of the manifest's channels. */
  readonly captured: ReadonlyMap<Extent, Uint8Array>;
  /** It is not of the job's own store: what is restored from it begins another life. */
  readonly foreign: boolean;
  /** Reads and checks a run of bytes. */
  read(extent: Extent): Promise<Uint8Array>;
}

/** How many data files are verified at the same time: a piece of each is in memory. */
const filesAtOnce = 8;

/** What a snapshot is read from. */
export type SnapshotReader =
  & Pick<CheckpointStore, "manifest" | "readRange" | "verify">
  & Partial<Pick<CheckpointStore, "readData">>;

/**
 * Opens a checkpoint; every checksum is verified before anything is used, and again where it is. Data passes by in pieces, but
 * that of a small one stays in memory.
 */
export async function openSnapshot(
  store: SnapshotReader,
  checkpoint: StoredCheckpoint,
): Promise<Snapshot> {
  const manifest = await store.manifest(checkpoint);
  const wholes = new Map<DataFile, Uint8Array>();
  const atOnce = store.readData !== undefined && isSmall(manifest);
  const verify = async (file: DataFile): Promise<void> => {
    if (atOnce) wholes.set(file, await store.readData!(checkpoint, file));
    else await store.verify(checkpoint, file);
  };
  for (let at = 0; at < manifest.files.length; at += filesAtOnce) {
    await Promise.all(manifest.files.slice(at, at + filesAtOnce).map(verify));
  }
  const read = extentsOf(store, checkpoint, manifest, wholes);
  const captured = new Map<Extent, Uint8Array>();
  for (const channel of manifest.channels) {
    for (const extent of channel.captured) captured.set(extent, await read(extent));
  }
  return { location: checkpoint.location, manifest, captured, foreign: false, read };
}

/** Opens a savepoint, or the folder of a checkpoint, as {@link openSnapshot} does. */
export async function openFolderSnapshot(disk: Disk, path: string): Promise<Snapshot> {
  const { store, checkpoint } = await openSnapshotFolder(disk, path);
  return { ...await openSnapshot(store, checkpoint), foreign: true };
}

/** Edges that hold records under way: they must not be fused away by the plan that the snapshot is restored into. */
export function edgesInFlight({ channels }: Pick<Manifest, "channels">): ReadonlySet<string> {
  return new Set(channels.filter((channel) => channel.captured.length > 0).map((channel) => channel.edge));
}

/** How many records of a snapshot are under way. */
export function recordsInFlight(snapshot: Snapshot): number {
  return snapshot.manifest.channels.reduce((sum, channel) => sum + channel.records, 0);
}

/** A piece of an operator's state, to be read from a snapshot. */
export function storedPart({ read }: Snapshot, { scope, name, subtask, at, below = [] }: ManifestPart): StoredPart {
  return { scope, name, subtask, layers: [...below, at].map((extents) => new ExtentReader(extents, read)) };
}
