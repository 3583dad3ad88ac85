import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import { manifestName } from "./checkpoint_folder.ts";
import { hashString, hex } from "../graph/hash.ts";
import { DataFileWriter } from "./data_file.ts";
import { isMissing, isTaken, storeFailure } from "./disk_failure.ts";
import { makeDirectoryDurably, writeDurably } from "./durable_file.ts";
import type { Extent, Manifest } from "./manifest.ts";
import { encodeManifest } from "./manifest_codec.ts";

/**
 * Savepoints: a checkpoint in a folder of its own, which belongs to the user.
 *
 * | file            | content                                                                                     |
 * |-----------------|---------------------------------------------------------------------------------------------|
 * | `data-…`        | every byte that the restore needs, those of earlier checkpoints included                    |
 * | `manifest.json` | makes it a savepoint: written last, linked to this name, which must be free; names the data   |
 *
 * Names are relative to the folder, so it may be moved and copied. Nothing of the runtime ever changes or deletes it. No two
 * writers use the same names, so that of two at the same time one has the folder, whole, and the other is refused.
 */
function ownName({ life, id, attempt }: Manifest): string {
  return `${hex(hashString(life, 0x73617665))}-${id}-${attempt}`;
}

/** What a savepoint that was not finished may have left. */
const remains = /^(?:data-[0-9a-f]{8}-\d+-\d+(?:\.tmp)?|manifest\.json-[0-9a-f]{8}-\d+-\d+\.tmp)$/;

/** @throws {SluiceError} `BAD_SAVEPOINT_PATH` for a path that is none */
export function savepointFolder(path: unknown): string {
  if (typeof path === "string" && path !== "" && !path.includes("\0")) return path.length > 1 ? path.replace(/\/+$/, "") : path;
  throw new SluiceError("BAD_SAVEPOINT_PATH", `a savepoint needs a folder to be in, such as "savepoints/1", not ${String(path)}`);
}

/**
 * Refuses a place where a savepoint cannot be: nothing that is there is ever written over.
 *
 * @throws {SluiceError} `SAVEPOINT_EXISTS`, `SAVEPOINT_FAILED`
 */
export async function assertFree(disk: Disk, folder: string): Promise<void> {
  let names: readonly string[];
  try {
    names = await disk.list(folder);
  } catch (error) {
    if (isMissing(error)) return;
    throw failed(folder, error);
  }
  const taken = names.filter((name) => !remains.test(name));
  if (taken.length === 0) return;
  throw new SluiceError(
    "SAVEPOINT_EXISTS",
    `cannot write a savepoint to ${folder}: ${taken[0]} is there already; name a folder that is not there yet`,
  );
}

/**
 * Writes a savepoint. Afterwards it is there whole, and durable; when this rejects, or the process ends before, there is none.
 *
 * @param read the bytes of one of the manifest's extents, checked
 * @throws {SluiceError} `SAVEPOINT_EXISTS`; `SAVEPOINT_FAILED` naming the folder; what `read` throws
 */
export async function writeSavepoint(
  disk: Disk,
  folder: string,
  manifest: Manifest,
  read: (extent: Extent) => Promise<Uint8Array>,
): Promise<void> {
  await assertFree(disk, folder);
  try {
    await makeDirectoryDurably(disk, folder);
    const own = ownName(manifest);
    let published = false;
    const place = { disk, root: folder, folder, name: `data-${own}`, admit: () => {}, isKept: () => published };
    const writer = new DataFileWriter(place);
    const temporary = `${folder}/${manifestName}-${own}.tmp`;
    try {
      const moved = await copyExtents(manifest, read, writer);
      const file = await writer.seal();
      await writeDurably(disk, temporary, encodeManifest({ ...manifest, ...moved, files: [file] }));
      await link(disk, folder, temporary);
      published = true;
      await disk.syncDirectory(folder);
    } catch (error) {
      // Where even this fails it stays, whole.
      if (published) await disk.remove(`${folder}/${manifestName}`).then(() => published = false, () => {});
      await disk.remove(temporary).catch(() => {});
      await writer.discard().catch(() => {});
      throw error;
    }
    const left = (await disk.list(folder).catch(() => [])).filter((name) => remains.test(name) && name !== place.name);
    for (const name of left) await disk.remove(`${folder}/${name}`).catch(() => {});
  } catch (error) {
    throw error instanceof SluiceError && error.code !== "CHECKPOINTS_UNUSABLE" ? error : failed(folder, error);
  }
}

/** Run by run, in the order in which they lie in the files: few are in memory at a time. */
async function copyExtents(
  manifest: Manifest,
  read: (extent: Extent) => Promise<Uint8Array>,
  writer: DataFileWriter,
): Promise<Pick<Manifest, "parts" | "channels">> {
  const copied = new Map<string, Extent>();
  const keyOf = ({ file, offset, bytes }: Extent) => `${file} ${offset} ${bytes}`;
  const all = [
    ...manifest.parts.flatMap((part) => [...part.below ?? [], part.at].flat()),
    ...manifest.channels.flatMap((channel) => channel.captured),
  ];
  for (const extent of all.sort((a, b) => a.file - b.file || a.offset - b.offset)) {
    const key = keyOf(extent);
    if (copied.has(key)) continue;
    copied.set(key, { file: 0, ...writer.append(await read(extent)) });
    if (writer.backlogBytes > 0) await writer.drained();
  }
  const move = (extents: readonly Extent[]) => extents.map((extent) => copied.get(keyOf(extent)) as Extent);
  return {
    parts: manifest.parts.map(({ below, ...part }) => ({
      ...part,
      at: move(part.at),
      ...(below === undefined ? {} : { below: below.map(move) }),
    })),
    channels: manifest.channels.map((channel) => ({ ...channel, captured: move(channel.captured) })),
  };
}

/** The one step that makes it a savepoint. */
async function link(disk: Disk, folder: string, temporary: string): Promise<void> {
  try {
    await disk.link(temporary, `${folder}/${manifestName}`);
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new SluiceError(
      "SAVEPOINT_EXISTS",
      `cannot write a savepoint to ${folder}: another one was written there meanwhile; name a folder that is not there yet`,
    );
  }
}

function failed(folder: string, error: unknown): SluiceError {
  const { message } = storeFailure(`write a savepoint to ${folder}`, error);
  return new SluiceError("SAVEPOINT_FAILED", message, { cause: error });
}
