import type { Disk, DiskWriter } from "../../actors/disk.ts";

/** Writes a whole file and makes its bytes durable. Its name is durable only after a sync of the folder. */
export async function writeDurably(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  await fillDurably(disk.openWrite(path), bytes);
}

/**
 * Writes bytes to a file that is being opened, makes them durable and closes it.
 *
 * @param named what is done with its name then: it does not wait until the file is closed
 */
async function fillDurably(
  opening: Promise<DiskWriter>,
  bytes: Uint8Array,
  named?: () => Promise<void>,
): Promise<void> {
  const writer = await opening;
  try {
    await writer.write(bytes);
    await writer.sync();
  } catch (error) {
    await writer.close().catch(() => {});
    throw error;
  }
  await allDone(named === undefined ? [writer.close()] : [writer.close(), named()]);
}

/** Settles when all of it has ended, not before: fails with the first failure. */
export async function allDone(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

/** Replaces `<folder>/<name>` by a file with these bytes, durably: after a crash either the old or the new one is there. */
export async function replaceDurably(disk: Disk, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = `${folder}/${name}`;
  await fillDurably(disk.openWrite(`${path}.tmp`), bytes, () => disk.rename(`${path}.tmp`, path));
  await disk.syncDirectory(folder);
}

/** Makes a folder with its parents, and its name and theirs durable as far as the platform lets. */
export async function makeDirectoryDurably(disk: Disk, path: string): Promise<void> {
  await disk.makeDirectory(path);
  const names = path.split("/");
  for (let depth = names.length - 1; depth >= 0; depth--) {
    const parent = names.slice(0, depth).join("/");
    // A parent that cannot be read was there before: its names are not ours to make durable.
    await disk.syncDirectory(parent === "" ? (path.startsWith("/") ? "/" : ".") : parent).catch(() => {});
  }
}
