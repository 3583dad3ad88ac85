import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { AcknowledgedPart } from "./contribution.ts";
import type { DataFile, Extent, Manifest, ManifestPart } from "./manifest.ts";

/**
 * The files and parts of a manifest, from what was acknowledged and written into the files `own`: a part that is a layer is put
 * over the layers of its base. So a manifest names every byte that its restore needs, and where it is, whatever becomes of the
 * manifests of its bases.
 *
 * @param completed the manifest of a completed checkpoint
 * @throws {SluiceError} `MANIFEST_INVALID` when a base, or its part, is not known
 */
export function layered(
  own: readonly DataFile[],
  acknowledged: readonly AcknowledgedPart[],
  completed: (id: CheckpointId) => Manifest | undefined,
): { readonly files: readonly DataFile[]; readonly parts: readonly ManifestPart[] } {
  const files: DataFile[] = [...own];
  const places = new Map<string, number>();
  const placed = (base: Manifest, { file, offset, bytes, checksum }: Extent): Extent => {
    const found = base.files[file] as DataFile;
    const of = found.of ?? { id: base.id, attempt: base.attempt };
    const key = `${of.id}-${of.attempt}/${found.name}`;
    let place = places.get(key);
    if (place === undefined) {
      place = files.push({ ...found, of }) - 1;
      places.set(key, place);
    }
    return { file: place, offset, bytes, checksum };
  };
  const bases = new Map<CheckpointId, ReadonlyMap<string, ManifestPart>>();
  // Field by field: once for every part of the job.
  const parts = acknowledged.map(({ base, uid, subtask, scope, name, at }): ManifestPart => {
    const part: ManifestPart = { uid, subtask, scope, name, at };
    if (base === undefined) return part;
    const manifest = completed(base);
    let byName = bases.get(base);
    if (byName === undefined) {
      byName = new Map(manifest?.parts.map((below) => [nameOf(below), below]));
      bases.set(base, byName);
    }
    const below = byName.get(nameOf(part));
    if (manifest === undefined || below === undefined) {
      throw new SluiceError(
        "MANIFEST_INVALID",
        `the state of operator ${part.uid}, subtask ${part.subtask}, was written as what changed since checkpoint ${base}, ` +
          `which is not at hand; the checkpoint must be aborted`,
      );
    }
    const layers = [...below.below ?? [], below.at];
    return { uid, subtask, scope, name, at, below: layers.map((layer) => layer.map((extent) => placed(manifest, extent))) };
  });
  return { files, parts };
}

const none: readonly never[] = [];

/** All bytes of a part: those of the layers below it included. */
export function partBytes({ at, below = none }: ManifestPart): number {
  let sum = 0;
  for (const extent of at) sum += extent.bytes;
  for (const layer of below) for (const extent of layer) sum += extent.bytes;
  return sum;
}

function nameOf({ uid, subtask, scope, name }: ManifestPart): string {
  return `${subtask} ${scope} ${uid.length} ${uid} ${name}`;
}
