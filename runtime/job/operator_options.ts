import { SluiceError } from "../../actors/error.ts";
import { maxParallelism } from "../graph/parallelism.ts";
import type { ProcessOptions } from "../operators/process.ts";

/** What every operator can be given. */
export interface OperatorOptions {
  /**
   * Its subtasks: a whole number from 1, and at most the job's key groups where records come by key.
   * @default that of the job
   */
  readonly parallelism?: number;
}

/** What a loop can be given. The parallelism is that of its head. */
export interface IterateOptions extends OperatorOptions {
  /**
   * How many bytes of feedback may wait in memory at each subtask of the loop's head. The head takes nothing new in as long as it
   * can work off feedback, so only loops that feed back more than goes in come to it. What is more is spilled to the disk where
   * the job keeps its state there (`state: { backend: "disk" }`); else the job fails.
   * @default 16,777,216
   */
  readonly feedbackBytes?: number;
  /**
   * How many bytes of feedback may be spilled to the disk at each subtask of the loop's head; above it the job fails. 0: none.
   * @default 1,073,741,824
   */
  readonly feedbackSpillBytes?: number;
}

/** What a process function can be given. */
export interface ProcessOperatorOptions extends OperatorOptions, ProcessOptions {}

/**
 * @param owner whose it is, for the message: `job clicks`, `job clicks: map "upper"`
 * @throws {SluiceError} `BAD_PARALLELISM` unless it is undefined or a whole number in range
 */
export function checkParallelism(owner: string, parallelism: number | undefined): void {
  if (parallelism === undefined) return;
  if (Number.isInteger(parallelism) && parallelism >= 1 && parallelism <= maxParallelism) return;
  throw new SluiceError(
    "BAD_PARALLELISM",
    `${owner}: parallelism must be a whole number from 1 to ${maxParallelism}, not ${shown(parallelism)}`,
  );
}

/**
 * @param owner whose it is, for the message: `job clicks: the uid of map`
 * @throws {SluiceError} `BAD_UID` unless it is 1 to 64 letters, digits, spaces, ".", "_" or "-", none of the last four first
 */
export function checkUid(owner: string, uid: unknown): void {
  if (typeof uid === "string" && /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/.test(uid)) return;
  throw new SluiceError(
    "BAD_UID",
    `${owner} must have 1 to 64 letters, digits, spaces, ".", "_" or "-", and begin with a letter or digit, not ${shown(uid)}`,
  );
}

/** A wrong value, as messages say it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
