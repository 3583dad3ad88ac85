import type { Disk, DiskWriter } from "../../actors/disk.ts";
import { manifestName } from "./checkpoint_folder.ts";
import { allDone } from "./durable_file.ts";
import type { Manifest } from "./manifest.ts";
import { encodeManifest } from "./manifest_codec.ts";

/** What a draft is written to, and what of. */
export interface DraftPlace {
  readonly disk: Disk;
  readonly folder: string;
  readonly manifest: Manifest;
  /** Settles when the folder is there. Undefined: it is. */
  readonly made: Promise<unknown> | undefined;
}

/** A manifest that is written down under a temporary name; there is a checkpoint once it is linked to its own. */
export class ManifestDraft {
  /** The temporary name. */
  readonly path: string;
  /** Settles when all of it is durable. Rejects with `MANIFEST_INVALID`, or as the disk does; it is closed then. */
  readonly written: Promise<unknown>;
  readonly #disk: Disk;
  readonly #name: string;
  readonly #file: Promise<DiskWriter>;
  #discarding: Promise<void> | undefined;

  constructor(place: DraftPlace) {
    const { disk, folder, made } = place;
    this.#disk = disk;
    this.#name = `${folder}/${manifestName}`;
    this.path = `${this.#name}.tmp`;
    const opening = made === undefined ? disk.openWrite(this.path) : made.then(() => disk.openWrite(this.path));
    this.#file = write(opening, place.manifest);
    this.#file.catch(() => {}); // whoever wants it named learns of it
    this.written = this.#file;
  }

  /** Gives it its name, which must be free: the one step that makes a checkpoint. Its temporary name stays. */
  async link(): Promise<void> {
    const file = await this.#file;
    await allDone([file.close(), this.#disk.link(this.path, this.#name)]);
  }

  /** Ends it unnamed. Its file stays. */
  async close(): Promise<void> {
    await this.#file.then((file) => file.close()).catch(() => {});
  }

  /** Ends it and removes its file, as far as the disk lets. */
  discard(): Promise<void> {
    this.#discarding ??= this.close().then(() => this.#disk.remove(this.path)).catch(() => {});
    return this.#discarding;
  }
}

/** While the file is opened other work of the checkpoint goes on, and it is the shorter for not waiting for this. */
async function write(opening: Promise<DiskWriter>, manifest: Manifest): Promise<DiskWriter> {
  const file = await opening;
  try {
    await file.write(encodeManifest(manifest));
    await file.sync();
    return file;
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}
