import { type Disk, DiskError } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Committable, SinkContext } from "../graph/sink.ts";
import { checkpointOf, type PartOwner, readHiddenName, visibleName } from "./part_name.ts";

/** What a sink of part files had to commit: the hidden name of a part. */
function preparedName(owner: PartOwner, { checkpointId, subtask, content }: Committable): string {
  const part = typeof content === "string" ? readHiddenName(owner, content) : undefined;
  if (part?.state === "prepared" && part.number === checkpointId && part.subtask === subtask) return content as string;
  throw new SluiceError(
    "SINK_OUTPUT_LOST",
    `sink ${owner.uid}: what subtask ${subtask} prepared for checkpoint ${checkpointId} is ${
      JSON.stringify(content)
    }, which is ` +
      `no part of this job and sink with the prefix "${owner.prefix}": restore with the job, uid and prefix it was written with`,
  );
}

/** Makes a prepared part visible, if it is not yet. Its new name is durable once the folder has been synced. */
export async function commitPart(disk: Disk, folder: string, owner: PartOwner, committable: Committable): Promise<void> {
  const hidden = `${folder}/${preparedName(owner, committable)}`;
  const visible = `${folder}/${visibleName(owner.prefix, committable.checkpointId, committable.subtask)}`;
  const [prepared, committed] = [await exists(disk, hidden), await exists(disk, visible)];
  if (prepared && committed) {
    throw new SluiceError(
      "SINK_CONFLICT",
      `sink ${owner.uid}: "${visible}" is already there, and "${hidden}" is to take its place: it is the output of another ` +
        `job; give each its own folder or prefix, or move the old files away`,
    );
  }
  if (prepared) await disk.rename(hidden, visible);
  else if (!committed) {
    throw new SluiceError(
      "SINK_OUTPUT_LOST",
      `sink ${owner.uid}: neither "${hidden}" nor "${visible}" is there: bring back the folder the checkpoint was written with`,
    );
  }
}

async function exists(disk: Disk, path: string): Promise<boolean> {
  try {
    await disk.size(path);
    return true;
  } catch (error) {
    if (error instanceof DiskError && error.code === "missing") return false;
    throw error;
  }
}

/** The visible parts in a folder; none if there is no folder. */
export async function visibleParts(
  disk: Disk,
  folder: string,
  prefix: string,
): Promise<readonly { readonly name: string; readonly id: CheckpointId }[]> {
  let names: readonly string[];
  try {
    names = await disk.list(folder);
  } catch (error) {
    if (error instanceof DiskError && error.code === "missing") return [];
    throw error;
  }
  return names.flatMap((name) => {
    const id = checkpointOf(prefix, name);
    return id === undefined ? [] : [{ name, id }];
  });
}

/** A job that starts from nothing would count its checkpoints anew, and so give its parts the names of those that are there. */
export async function refuseForeignParts(folder: string, owner: PartOwner, context: SinkContext): Promise<void> {
  if (context.restoredFrom !== 0) return;
  const [part] = await visibleParts(context.disk, folder, owner.prefix);
  if (part === undefined) return;
  throw new SluiceError(
    "SINK_CONFLICT",
    `sink ${owner.uid}: "${folder}/${part.name}" is there already, but this job starts from nothing: give it another folder or ` +
      `prefix, move the old files away, or start it from the checkpoint that they go with`,
  );
}

/**
 * Removes what attempts before this one left and no committable can name: parts that were still open, and parts of
 * checkpoints after the one that was restored (every earlier one is committed, or in its snapshot).
 */
export async function removeLeftOvers(folder: string, owner: PartOwner, context: SinkContext): Promise<void> {
  const { disk, attempt, restoredFrom = Infinity } = context;
  for (const name of await disk.list(folder)) {
    const part = readHiddenName(owner, name);
    if (part === undefined || part.attempt >= attempt) continue;
    if (part.state === "open" || part.number > restoredFrom) await disk.remove(`${folder}/${name}`);
  }
}
