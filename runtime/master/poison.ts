import type { Clock } from "../../actors/clock.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { FailedRecord } from "../task/failed_record.ts";
import type { SkippedRecord } from "../task/guarded_link.ts";
import type { JobEvent } from "./event.ts";

/** What is done about a record that an operator cannot process, however often the job is restarted. */
export interface PoisonOptions {
  /**
   * `fail`: the job fails, and says where the record is. `skip`: the operator does not get the record any more. `pause`: nothing
   * is tried again until `run.resume()`.
   * @default "fail"
   */
  readonly policy?: "fail" | "skip" | "pause";
  /** After how many failures at the same record, at least 1. @default 3 */
  readonly afterFailures?: number;
  /**
   * With `skip`: is given every record that was skipped, at least once: again when the attempt that skipped it fails. What it
   * throws is a warning.
   */
  readonly deadLetters?: (letter: PoisonLetter) => void;
}

/** A record that was skipped. */
export interface PoisonLetter {
  /** The operator that could not process it. */
  readonly uid: string;
  readonly subtask: number;
  readonly attempt: number;
  /** The record itself, as the operator would have got it. */
  readonly record: unknown;
  /** Its event time; undefined without one. */
  readonly timestamp: number | undefined;
  /** Tells it from other records, in events and messages, too. */
  readonly hash: string;
  readonly keyHash: string | undefined;
  /** What the operator failed with the last time. */
  readonly error: string;
  /** Where each source was then, by uid, for messages. */
  readonly positions: Readonly<Record<string, string>>;
}

/** Poison options, checked and complete. */
export interface PoisonSettings {
  readonly policy: "fail" | "skip" | "pause";
  readonly afterFailures: number;
  readonly deadLetters: ((letter: PoisonLetter) => void) | undefined;
}

/** Checks poison options and fills in what was left out; what is wrong with them goes to `wrong`. */
export function settlePoison(options: PoisonOptions | undefined, wrong: string[]): PoisonSettings {
  const { policy = "fail", afterFailures = 3, deadLetters }: PoisonOptions = Object(options ?? {});
  if (policy !== "fail" && policy !== "skip" && policy !== "pause") {
    wrong.push(`poison.policy must be "fail", "skip" or "pause", not ${JSON.stringify(policy)}`);
  }
  if (!Number.isSafeInteger(afterFailures) || afterFailures < 1) {
    wrong.push(`poison.afterFailures must be a whole number of at least 1, not ${String(afterFailures)}`);
  }
  if (deadLetters !== undefined && typeof deadLetters !== "function") {
    wrong.push(`poison.deadLetters must be a function, not ${String(deadLetters)}`);
  } else if (deadLetters !== undefined && policy !== "skip") {
    wrong.push(`poison.deadLetters goes with the policy "skip" only`);
  }
  return { policy, afterFailures, deadLetters };
}

/** A record that failed, with what is known of its latest failure. */
export interface Suspect extends FailedRecord {
  readonly failures: number;
  readonly error: string;
  readonly positions: Readonly<Record<string, string>>;
  /** The number of that failure among all of the run. */
  readonly seen: number;
}

/** A record that did not fail among so many failures of the run is no suspect any more. */
const memory = 16;

/**
 * The records that made attempts fail. Known for the life of a run: a job that is started again learns them anew.
 *
 * Failures at one record count whatever else fails between them: two bad records in two subtasks may take turns.
 */
export class Suspects {
  readonly #suspects = new Map<string, Suspect>();
  readonly #skipped = new Map<string, Suspect>();
  #failures = 0;

  /** Another attempt failed at this record. Gives what is known of it now. */
  failed(record: FailedRecord, cause: unknown, positions: Readonly<Record<string, string>>): Suspect {
    const name = nameOf(record);
    const before = this.#suspects.get(name);
    const error = messageOf(cause);
    const seen = ++this.#failures;
    const suspect = { ...record, failures: (before?.failures ?? 0) + 1, error, positions, seen };
    this.#suspects.set(name, suspect);
    for (const [of, other] of this.#suspects) if (seen - other.seen >= memory) this.#suspects.delete(of);
    return suspect;
  }

  /** From the next attempt on the record is skipped. */
  skip(suspect: Suspect): void {
    this.#suspects.delete(nameOf(suspect));
    this.#skipped.set(nameOf(suspect), suspect);
  }

  /** Its failures so far no longer count. */
  forgive(record: FailedRecord): void {
    this.#suspects.delete(nameOf(record));
  }

  /** By uid of operators that failed: the hashes of records that they are not to get. */
  guards(): ReadonlyMap<string, ReadonlySet<string>> {
    const guards = new Map<string, Set<string>>();
    for (const { uid } of this.#suspects.values()) guards.set(uid, new Set());
    for (const { uid, hash } of this.#skipped.values()) guards.set(uid, (guards.get(uid) ?? new Set()).add(hash));
    return guards;
  }

  /** What goes to the dead letters for a record that was skipped. */
  letter(skipped: SkippedRecord, attempt: number): PoisonLetter {
    const known = this.#skipped.get(nameOf(skipped));
    return { ...skipped, attempt, error: known?.error ?? "", positions: known?.positions ?? {} };
  }
}

function nameOf({ uid, hash }: { readonly uid: string; readonly hash: string }): string {
  return `${uid} ${hash}`;
}

/** Tells of a record that was skipped, and hands it to the dead letters. */
export function giveLetter(
  letter: PoisonLetter,
  to: {
    readonly settings: { readonly poison: PoisonSettings };
    readonly world: { readonly clock: Clock };
    readonly emit: (event: JobEvent) => void;
    readonly warn: (text: string) => void;
  },
): void {
  const { uid, subtask, attempt, hash, keyHash, error, positions } = letter;
  to.emit({ kind: "record-skipped", at: to.world.clock.now(), attempt, uid, subtask, hash, keyHash, error, positions });
  const failed = (cause: unknown) =>
    to.warn(`deadLetters could not take a record skipped before ${uid} (hash ${hash}): ${cause}`);
  try {
    // What is declared to return nothing may be async all the same.
    Promise.resolve(to.settings.poison.deadLetters?.(letter)).catch(failed);
  } catch (cause) {
    failed(cause);
  }
}

/** The error of a job that a record keeps from going on. */
export function poisoned(job: string, suspect: Suspect, cause: unknown): SluiceError {
  const { uid, hash, keyHash, failures, positions, error } = suspect;
  const read = Object.entries(positions).map(([source, at]) => `${source} in ${at}`).join("; ");
  const key = keyHash === undefined ? "" : `, key hash ${keyHash}`;
  return new SluiceError(
    "RECORD_POISONED",
    `job ${job}: operator ${uid} failed ${failures} time${failures === 1 ? "" : "s"} at the same record (hash ${hash}${key}), ` +
      `with the sources at ${read || "an unknown position"}: ${error}; mend the operator, or have the record skipped ` +
      `(poison: { policy: "skip" })`,
    { cause },
  );
}
