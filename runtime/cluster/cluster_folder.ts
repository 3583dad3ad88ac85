import type { Clock } from "../../actors/clock.ts";
import type { Disk } from "../../actors/disk.ts";
import { patientReads } from "../checkpoint/patient_reads.ts";

/**
 * The folder that all members of a cluster see: checkpoints, and what attempts are deployed from, under names that are never used
 * twice. Files of sources and sinks are none of it: those are on each worker's own disk.
 */
export interface ClusterFolder {
  readonly disk: Disk;
  readonly folder: string;
}

/** A job's own part of it. */
export function folderOf({ disk, folder }: ClusterFolder, job: string): ClusterFolder {
  return { disk, folder: `${folder}/${job}` };
}

/** The folder as a member reads it: a read that fails is tried again before anything counts as damaged. */
export function patientFolder({ disk, folder }: ClusterFolder, clock: Clock): ClusterFolder {
  return { disk: patientReads(disk, clock), folder };
}
