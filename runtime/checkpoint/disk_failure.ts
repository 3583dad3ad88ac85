import { DiskError, type DiskFault } from "../../actors/disk.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";

const remedies: Readonly<Record<DiskFault, string>> = {
  missing: "something else removed it: keep other programs out of the folder",
  exists: "something else stands there: choose another folder, or move it away",
  full: "free some space, or choose a folder on another disk",
  denied: "give the process the right to write there, or choose another folder",
  io: "look after the disk",
};

/** The error of a checkpoint store for what a disk refused: `CHECKPOINTS_UNUSABLE`, with the file and the remedy. */
export function storeFailure(action: string, cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  if (!(cause instanceof DiskError)) {
    return new SluiceError(
      "CHECKPOINTS_UNUSABLE",
      `Cannot ${action}: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  const { message, code } = cause;
  return new SluiceError("CHECKPOINTS_UNUSABLE", `Cannot ${action}: ${message}; ${remedies[code]}`, { cause });
}

/** Runs a step of a checkpoint store; what the disk refuses is told by {@link storeFailure}. */
export async function storeStep<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(action, error);
  }
}

/** Whether the disk says that the file is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof DiskError && error.code === "missing";
}

/** Whether the disk says that the name is taken. */
export function isTaken(error: unknown): boolean {
  return error instanceof DiskError && error.code === "exists";
}
