import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { JobRecord } from "./storage.ts";

/** What a store for a new job starts with. */
export const freshRecord: JobRecord = { attempt: 0, nextCheckpointId: 1 };

/** Refuses a record that would allot a number a second time. */
export function checkReservation(now: JobRecord, wanted: JobRecord, location: string): void {
  const { attempt, nextCheckpointId } = wanted;
  if (
    Number.isSafeInteger(attempt) && Number.isSafeInteger(nextCheckpointId) && attempt >= now.attempt &&
    nextCheckpointId >= now.nextCheckpointId
  ) return;
  throw new SluiceError(
    "RESERVATION_REFUSED",
    `Cannot reserve attempt ${attempt} and checkpoint ids below ${nextCheckpointId} in ${location}: attempt ${now.attempt} and ` +
      `ids below ${now.nextCheckpointId} are in use; go on from what record() gives`,
  );
}

/** The refusal of a folder or store that another job has filled. */
export function foreignStore(location: string, job: string, owner: string): SluiceError {
  return new SluiceError(
    "CHECKPOINTS_OF_ANOTHER_JOB",
    `Cannot keep checkpoints of job ${job} in ${location}: it holds those of job ${owner}; give every job a folder of its own`,
  );
}

/** The refusal of a second completion. */
export function alreadyComplete(id: CheckpointId, location: string): SluiceError {
  return new SluiceError(
    "CHECKPOINT_EXISTS",
    `Cannot complete checkpoint ${id} in ${location}: one of that id is complete; ids must not be used twice`,
  );
}

/** What a store answers after `close`. */
export function storeClosed(location: string): SluiceError {
  return new SluiceError("CHECKPOINTS_CLOSED", `Cannot use the checkpoints in ${location}: the store was closed; open it again`);
}

/** A checkpoint, or a file of one, that cannot be believed. */
export function damaged(path: string, reason: string, options?: ErrorOptions): SluiceError {
  return new SluiceError("CHECKPOINT_DAMAGED", `${path}: ${reason}; use another checkpoint`, options);
}
