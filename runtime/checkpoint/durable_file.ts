import type { Disk } from "../../actors/disk.ts";

/** Writes a whole file and makes its bytes durable. Its name is durable only after a sync of the folder. */
export async function writeDurably(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const writer = await disk.openWrite(path);
  try {
    await writer.write(bytes);
    await writer.sync();
  } finally {
    await writer.close();
  }
}

/** Replaces `<folder>/<name>` by a file with these bytes, durably: after a crash either the old or the new one is there. */
export async function replaceDurably(disk: Disk, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = `${folder}/${name}`;
  await writeDurably(disk, `${path}.tmp`, bytes);
  await disk.rename(`${path}.tmp`, path);
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
