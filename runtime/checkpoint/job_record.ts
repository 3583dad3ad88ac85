import type { Disk } from "../../actors/disk.ts";
import { SluiceError } from "../../actors/error.ts";
import { isMissing } from "./disk_failure.ts";
import { allDone, replaceDurably } from "./durable_file.ts";
import { decodeSealedJson, encodeSealedJson } from "./sealed_json.ts";
import type { JobRecord } from "./storage.ts";

/** Which job a folder belongs to, and what was allotted to it. */
export interface FolderRecord extends JobRecord {
  readonly job: string;
}

/**
 * The record is kept twice. Numbers are allotted when both copies are durable: so neither is ever behind what was allotted, and
 * damage to one of them takes nothing back.
 */
const names = ["job.json", "job.backup.json"] as const;

/** Writes the record durably, both copies at once: their syncs are most of what it takes. */
export async function writeFolderRecord(disk: Disk, folder: string, record: FolderRecord): Promise<void> {
  const bytes = encodeSealedJson({ version: 1, ...record });
  await allDone(names.map((name) => replaceDurably(disk, folder, name, bytes)));
}

/**
 * Reads the record; undefined in a folder that has none.
 *
 * @throws {SluiceError} `CHECKPOINT_DAMAGED` when neither copy can be read.
 */
export async function readFolderRecord(disk: Disk, folder: string): Promise<FolderRecord | undefined> {
  const read: FolderRecord[] = [];
  const damage: string[] = [];
  for (const name of names) {
    const path = `${folder}/${name}`;
    try {
      const record = parse(await disk.read(path));
      if (typeof record === "string") damage.push(`${path}: ${record}`);
      else read.push(record);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  const [first, second] = read;
  if (first !== undefined) return second === undefined ? first : higher(first, second);
  if (damage.length === 0) return undefined;
  throw new SluiceError(
    "CHECKPOINT_DAMAGED",
    `Cannot tell which checkpoint ids were used: ${damage.join("; ")}; restore one of the two files from a backup, or move the ` +
      "folder away and start anew",
  );
}

function higher(a: FolderRecord, b: FolderRecord): FolderRecord {
  return {
    job: a.job,
    attempt: Math.max(a.attempt, b.attempt),
    nextCheckpointId: Math.max(a.nextCheckpointId, b.nextCheckpointId),
  };
}

function parse(bytes: Uint8Array): FolderRecord | string {
  const opened = decodeSealedJson(bytes);
  if (opened.kind === "damaged") return opened.reason;
  const { content } = opened;
  if (typeof content !== "object" || content === null) return "it is no record";
  const { version, job, attempt, nextCheckpointId } = content as Readonly<Record<string, unknown>>;
  if (version !== 1) return `it has version ${String(version)}, this program reads version 1`;
  if (typeof job !== "string" || !isCount(attempt) || !isCount(nextCheckpointId)) return "it is no record";
  return { job, attempt, nextCheckpointId };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
