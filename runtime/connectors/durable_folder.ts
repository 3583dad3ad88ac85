import { type Disk, DiskError } from "../../actors/disk.ts";

/** Makes a folder, with its parents, so that it outlives a power failure. Rejects with `DiskError`. */
export async function makeDurableFolder(disk: Disk, path: string): Promise<void> {
  const missing: string[] = [];
  let at = path;
  while (!(await exists(disk, at))) {
    missing.push(at);
    if (parentOf(at) === at) break;
    at = parentOf(at);
  }
  await disk.makeDirectory(path);
  for (const folder of missing.reverse()) await disk.syncDirectory(parentOf(folder));
  // Whoever made the folders above may have been killed before they were durable; one may have no right to sync them.
  while (parentOf(at) !== at) {
    try {
      await disk.syncDirectory(parentOf(at));
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
    at = parentOf(at);
  }
}

async function exists(disk: Disk, folder: string): Promise<boolean> {
  try {
    await disk.list(folder);
    return true;
  } catch (error) {
    if (error instanceof DiskError && error.code === "missing") return false;
    throw error;
  }
}

function parentOf(path: string): string {
  const end = path.lastIndexOf("/");
  if (end === -1) return ".";
  return end === 0 ? "/" : path.slice(0, end);
}
