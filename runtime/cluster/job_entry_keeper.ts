import type { Clock } from "../../actors/clock.ts";
import { SluiceError } from "../../actors/error.ts";
import type { KeyValue } from "../../actors/key_value.ts";
import { decodeJobEntry, encodeJobEntry, type JobEntry } from "./job_entry.ts";
import { jobKey } from "./names.ts";

/** How long to wait before a write whose outcome is not known is looked after, in milliseconds. */
const retryMs = 100;

/**
 * The one hand that changes a job's record during a term. Changes come one after the other, each by compare-and-set; one whose
 * outcome is not known is looked after until it is. Once a coordinator of a higher term has written, every change is refused.
 */
export class JobEntryKeeper {
  readonly #keyValue: KeyValue;
  readonly #clock: Clock;
  readonly #term: number;
  #entry: JobEntry;
  #revision: number;
  #changes: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Called when a change is refused because another coordinator has taken over. */
  onFenced: (cause: unknown) => void = () => {};

  private constructor(keyValue: KeyValue, clock: Clock, term: number, entry: JobEntry, revision: number) {
    this.#keyValue = keyValue;
    this.#clock = clock;
    this.#term = term;
    this.#entry = entry;
    this.#revision = revision;
  }

  /**
   * Takes a job's record over for a term: from then on nobody of a lower term changes it. Makes one where there is none.
   *
   * @param make what becomes of the record (undefined: there is none); giving undefined leaves it alone
   * @returns undefined when `make` did
   * @throws {SluiceError} `FENCED` when a higher term has it; `CHECKPOINT_DAMAGED` when it cannot be read
   */
  static async take(
    keyValue: KeyValue,
    clock: Clock,
    term: number,
    job: string,
    make: (entry: JobEntry | undefined) => JobEntry | undefined,
  ): Promise<JobEntryKeeper | undefined> {
    for (;;) {
      const found = await keyValue.get(jobKey(job));
      const entry = found === undefined ? undefined : readable(job, found.value);
      if (entry !== undefined && entry.term > term) throw fenced(job, term, entry.term);
      const made = make(entry);
      if (made === undefined) return undefined;
      const taken = { ...made, term };
      const revision = await keyValue.put(jobKey(job), encodeJobEntry(taken), found?.revision ?? 0);
      if (revision !== undefined) return new JobEntryKeeper(keyValue, clock, term, taken, revision);
    }
  }

  get entry(): JobEntry {
    return this.#entry;
  }

  /**
   * Changes the record: durable, and seen by all, when the promise settles.
   *
   * @throws {SluiceError} `FENCED` when another coordinator has taken over, or this keeper was closed
   */
  change(make: (entry: JobEntry) => JobEntry): Promise<JobEntry> {
    const change = this.#changes.then(() => this.#change(make));
    this.#changes = change.catch(() => {});
    return change;
  }

  /** Nothing is changed any more. */
  close(): void {
    this.#closed = true;
  }

  async #change(make: (entry: JobEntry) => JobEntry): Promise<JobEntry> {
    const { job } = this.#entry;
    const next = { ...make(this.#entry), term: this.#term };
    const bytes = encodeJobEntry(next);
    for (;;) {
      if (this.#closed) throw fenced(job, this.#term, undefined);
      try {
        let revision = await this.#keyValue.put(jobKey(job), bytes, this.#revision);
        if (revision === undefined) {
          const found = await this.#keyValue.get(jobKey(job));
          const there = found === undefined ? undefined : readable(job, found.value);
          // It was this very write, whose answer had not come.
          if (found !== undefined && same(found.value, bytes)) revision = found.revision;
          else {
            const cause = fenced(job, this.#term, there?.term);
            this.onFenced(cause);
            throw cause;
          }
        }
        this.#revision = revision;
        return this.#entry = next;
      } catch (error) {
        if (error instanceof SluiceError && error.code === "FENCED") throw error;
        await new Promise<void>((resolve) => void this.#clock.setTimer(retryMs, resolve));
      }
    }
  }
}

function readable(job: string, bytes: Uint8Array): JobEntry {
  const entry = decodeJobEntry(bytes);
  if (!("damaged" in entry)) return entry;
  throw new SluiceError(
    "CHECKPOINT_DAMAGED",
    `the record of job ${job} in the cluster's bucket cannot be read: ${entry.damaged}`,
  );
}

function fenced(job: string, term: number, by: number | undefined): SluiceError {
  const other = by === undefined ? "it no longer coordinates" : `another one has taken over with term ${by}`;
  return new SluiceError("FENCED", `the coordinator of term ${term} may not change job ${job}: ${other}`);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
