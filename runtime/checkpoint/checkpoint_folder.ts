import type { Disk } from "../../actors/disk.ts";
import type { CheckpointId } from "../graph/frame.ts";
import { isMissing } from "./disk_failure.ts";

/** Names of a checkpoint's folder. */
const folderName = /^chk-([1-9]\d{0,15})-(0|[1-9]\d{0,15})$/;

/** Names of files that a store itself makes in it. */
const ownFile = /^(data-\d+|manifest\.json)(\.tmp)?$/;

/** The file that makes a folder a completed checkpoint. */
export const manifestName = "manifest.json";

/** The folder of one checkpoint of one attempt, completed or not. */
export interface CheckpointFolder {
  readonly id: CheckpointId;
  readonly attempt: number;
  readonly path: string;
  readonly complete: boolean;
  /** Files that were not yet given their names. */
  readonly temporary: readonly string[];
}

/** Where a checkpoint's files are. */
export function checkpointPath(root: string, id: CheckpointId, attempt: number): string {
  return `${root}/chk-${id}-${attempt}`;
}

/** All folders of checkpoints in a folder. */
export async function checkpointFolders(disk: Disk, root: string): Promise<readonly CheckpointFolder[]> {
  const folders: CheckpointFolder[] = [];
  for (const name of await disk.list(root)) {
    const match = folderName.exec(name);
    if (match === null) continue;
    const path = `${root}/${name}`;
    const names = await listOrNothing(disk, path);
    const complete = names.includes(manifestName);
    const temporary = names.filter((name) => ownFile.test(name) && name.endsWith(".tmp")).map((name) => `${path}/${name}`);
    folders.push({ id: Number(match[1]), attempt: Number(match[2]), path, complete, temporary });
  }
  return folders;
}

/** Removes a checkpoint's manifest, durably: from then on there is no such checkpoint. */
export async function withdraw(disk: Disk, path: string): Promise<void> {
  await remaining(disk, path);
}

/** Removes the manifest, durably, and gives the names of what is left. */
async function remaining(disk: Disk, path: string): Promise<readonly string[]> {
  const names = await listOrNothing(disk, path);
  if (!names.includes(manifestName)) return names;
  await disk.remove(`${path}/${manifestName}`);
  await disk.syncDirectory(path);
  return names.filter((name) => name !== manifestName);
}

/**
 * Removes what a store made in a checkpoint's folder: the manifest first, and durably, so that no checkpoint ever lacks its
 * data. Files of others stay, and the folder with them.
 *
 * @param keep whether a data file, given by its path, must stay: the folder stays with it
 */
export async function dismantle(disk: Disk, path: string, keep: (file: string) => boolean = () => false): Promise<void> {
  const names = await remaining(disk, path);
  let left = 0;
  for (const name of names) {
    if (ownFile.test(name) && !keep(`${path}/${name}`)) await disk.remove(`${path}/${name}`);
    else left++;
  }
  if (left === 0) await disk.removeDirectory(path);
}

async function listOrNothing(disk: Disk, path: string): Promise<readonly string[]> {
  try {
    return await disk.list(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
