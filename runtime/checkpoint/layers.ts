import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { AcknowledgedPart } from "./contribution.ts";
import type { DataFile, Extent, Manifest, ManifestPart } from "./manifest.ts";

/**
 * The files and parts of a manifest, from what was acknowledged and written into the files `own`: a part that is a layer is put
 * over the layers of its base; one without bytes is what it was in its base. So a manifest names every byte that its restore
 * needs, and where it is, whatever becomes of the manifests of its bases.
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
  const bases = new Map<CheckpointId, Base>();
  // Field by field: once for every part of the job.
  const parts = acknowledged.map((part): ManifestPart => {
    const { base: id, uid, subtask, scope, name, at } = part;
    if (id === undefined) return { uid, subtask, scope, name, at };
    let base = bases.get(id);
    if (base === undefined) bases.set(id, base = new Base(completed(id), files, places));
    const below = base.part(part);
    if (below === undefined) {
      throw new SluiceError(
        "MANIFEST_INVALID",
        `the state of operator ${uid}, subtask ${subtask}, was written as what changed since checkpoint ${id}, ` +
          `which is not at hand; the checkpoint must be aborted`,
      );
    }
    return at.length === 0 ? base.placed(below) : { uid, subtask, scope, name, at, below: base.layers(below) };
  });
  return { files, parts };
}

/** A completed checkpoint of which something is named: its parts, and where its files stand among those of the new manifest. */
class Base {
  readonly #manifest: Manifest | undefined;
  readonly #files: DataFile[];
  readonly #places: Map<string, number>;
  /** By the place of a file in its own manifest. */
  readonly #placeOf: (number | undefined)[] = [];
  /** By operator and subtask. */
  readonly #parts = new Map<string, ManifestPart[][]>();

  constructor(manifest: Manifest | undefined, files: DataFile[], places: Map<string, number>) {
    this.#manifest = manifest;
    this.#files = files;
    this.#places = places;
    for (const part of manifest?.parts ?? none) {
      let ofOperator = this.#parts.get(part.uid);
      if (ofOperator === undefined) this.#parts.set(part.uid, ofOperator = []);
      (ofOperator[part.subtask] ??= []).push(part);
    }
  }

  part({ uid, subtask, scope, name }: AcknowledgedPart): ManifestPart | undefined {
    for (const part of this.#parts.get(uid)?.[subtask] ?? none) if (part.scope === scope && part.name === name) return part;
    return undefined;
  }

  /** What a part of it is to the new manifest: the same object, where all of its bytes have the same places. */
  placed(part: ManifestPart): ManifestPart {
    const { uid, subtask, scope, name, at, below } = part;
    if (this.#stays(at) && (below === undefined || below.every((layer) => this.#stays(layer)))) return part;
    const moved = { uid, subtask, scope, name, at: this.#moved(at) };
    return below === undefined ? moved : { ...moved, below: below.map((layer) => this.#moved(layer)) };
  }

  /** The layers of a part of it, the oldest first. */
  layers({ at, below = none }: ManifestPart): readonly (readonly Extent[])[] {
    return [...below, at].map((layer) => this.#moved(layer));
  }

  #stays(layer: readonly Extent[]): boolean {
    for (const { file } of layer) if (this.#place(file) !== file) return false;
    return true;
  }

  #moved(layer: readonly Extent[]): readonly Extent[] {
    return layer.map(({ file, offset, bytes, checksum }) => ({ file: this.#place(file), offset, bytes, checksum }));
  }

  #place(file: number): number {
    return this.#placeOf[file] ??= this.#add(file);
  }

  /** A file of whatever checkpoint is named once. */
  #add(file: number): number {
    const { id, attempt, files } = this.#manifest as Manifest;
    const found = files[file] as DataFile;
    const of = found.of ?? { id, attempt };
    const key = `${of.id}-${of.attempt}/${found.name}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#files.push({ ...found, of }) - 1;
      this.#places.set(key, place);
    }
    return place;
  }
}

const none: readonly never[] = [];

/** All bytes of a part: those of the layers below it included. */
export function partBytes({ at, below = none }: ManifestPart): number {
  let sum = 0;
  for (const extent of at) sum += extent.bytes;
  for (const layer of below) for (const extent of layer) sum += extent.bytes;
  return sum;
}
