import type { Disk } from "../../actors/disk.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { CheckpointStore } from "../checkpoint/storage.ts";
import { assertFree } from "../checkpoint/savepoint.ts";
import { openSnapshotFolder } from "../checkpoint/snapshot_folder.ts";
import type { CheckpointId } from "../graph/frame.ts";
import { type Deferred, deferred } from "../master/deferred.ts";
import type { WantedSavepoint } from "../master/master_control.ts";
import { exportCheckpoint } from "../master/savepoints.ts";
import type { EntrySavepoint, JobEntry } from "./job_entry.ts";
import type { JobEntryKeeper } from "./job_entry_keeper.ts";

/** How many savepoints that are over a job's record keeps. */
const keptOver = 20;

/** What was asked for. */
export type AskedSavepoint = Pick<EntrySavepoint, "question" | "folder" | "mode" | "last">;

/** A savepoint that is written. */
export interface WrittenSavepoint {
  readonly checkpoint: CheckpointId;
  readonly location: string;
}

/** What savepoints of a job on a cluster are made with. */
export interface JobSavepointsOptions {
  readonly job: string;
  /** Holds their folders. */
  readonly places: Disk;
  readonly store: CheckpointStore;
  readonly keeper: JobEntryKeeper;
}

/**
 * The savepoints of a job that clients asked for. They are in the job's record until they are written: under another coordinator
 * they are taken all the same, each once. The folder was free when the record came to name it; so a savepoint of the job that
 * lies there later was written because of it.
 */
export class JobSavepoints {
  readonly #options: JobSavepointsOptions;
  readonly #waiting = new Map<string, Deferred<WrittenSavepoint>>();

  constructor(options: JobSavepointsOptions) {
    this.#options = options;
  }

  /** The one that the job is to end with. */
  get last(): EntrySavepoint | undefined {
    return this.#open.find(({ last }) => last);
  }

  get #open(): readonly EntrySavepoint[] {
    return this.#options.keeper.entry.savepoints.filter(isOpen);
  }

  /** What has become of one, also of one that another coordinator was asked for; undefined: nobody asked for it yet. */
  outcome(question: string): Promise<WrittenSavepoint> | undefined {
    const asked = this.#options.keeper.entry.savepoints.find((of) => of.question === question);
    if (asked === undefined) return undefined;
    const { checkpoint, failure, folder } = asked;
    if (checkpoint !== null) return Promise.resolve({ checkpoint, location: folder });
    if (failure !== null) return Promise.reject(new SluiceError(failure.code, failure.message));
    let waiting = this.#waiting.get(question);
    if (waiting === undefined) this.#waiting.set(question, waiting = deferred());
    return waiting.promise;
  }

  /**
   * Puts one into the record, from where on it will be taken; `change` is made to the record in the same step, and may refuse.
   *
   * @throws {SluiceError} `SAVEPOINT_EXISTS`, `SAVEPOINT_FAILED`, `RUN_ENDED`
   */
  async add(asked: AskedSavepoint, change: (entry: JobEntry) => JobEntry): Promise<void> {
    const { job, places, keeper } = this.#options;
    const { folder } = asked;
    await assertFree(places, folder);
    await keeper.change((entry) => {
      const open = entry.savepoints.filter(isOpen);
      if (open.some(({ last }) => last)) throw new SluiceError("RUN_ENDED", `job ${job} is being stopped with a savepoint`);
      if (open.some((of) => of.folder === folder)) {
        throw new SluiceError("SAVEPOINT_EXISTS", `a savepoint is being written to ${folder}: name another folder`);
      }
      const over = entry.savepoints.filter((of) => !isOpen(of)).slice(-keptOver);
      return { ...change(entry), savepoints: [...over, ...open, { ...asked, checkpoint: null, failure: null }] };
    });
  }

  /** Those to be taken while the job goes on, for its master. One that another coordinator has written is none. */
  async wanted(only?: string): Promise<readonly WantedSavepoint[]> {
    const wanted: WantedSavepoint[] = [];
    for (const { question, folder, mode, last } of this.#open) {
      if (last || (only !== undefined && question !== only)) continue;
      const written = only === undefined ? await this.#written(folder) : undefined;
      if (written !== undefined) {
        await this.#note(question, { checkpoint: written });
        continue;
      }
      wanted.push({
        path: folder,
        mode: mode ?? undefined,
        settle: {
          resolve: (checkpoint) => void this.#note(question, { checkpoint }),
          reject: (cause) => void this.#failed(question, folder, cause),
        },
      });
    }
    return wanted;
  }

  /** Writes the last checkpoint as the savepoint that the job ends with. The job has ended all the same where that fails. */
  async writeLast(checkpoint: CheckpointId): Promise<void> {
    const { last } = this;
    if (last === undefined) return;
    const { places, store } = this.#options;
    const { question, folder } = last;
    try {
      if (await this.#written(folder) !== checkpoint) await exportCheckpoint(places, folder, store, checkpoint);
      await this.#note(question, { checkpoint });
    } catch (cause) {
      await this.#note(question, { failure: failureOf(cause) });
    }
  }

  /** The job is over: none is taken any more. */
  close(cause: unknown): Promise<void> {
    return this.#noteAll(this.#open.map(({ question }) => question), { failure: failureOf(cause) });
  }

  /** Another one may have been quicker: a coordinator that did not know yet that it was deposed. */
  async #failed(question: string, folder: string, cause: unknown): Promise<void> {
    const taken = cause instanceof SluiceError && cause.code === "SAVEPOINT_EXISTS";
    const checkpoint = taken ? await this.#written(folder) : undefined;
    await this.#note(question, checkpoint === undefined ? { failure: failureOf(cause) } : { checkpoint });
  }

  /** The id of a savepoint of this job in a folder. */
  async #written(folder: string): Promise<CheckpointId | undefined> {
    try {
      const { checkpoint, store } = await openSnapshotFolder(this.#options.places, folder);
      const { id, job } = await store.manifest(checkpoint);
      return job === this.#options.job ? id : undefined;
    } catch {
      return undefined;
    }
  }

  #note(question: string, outcome: Partial<Pick<EntrySavepoint, "checkpoint" | "failure">>): Promise<void> {
    return this.#noteAll([question], outcome);
  }

  /** Whoever is fenced notes nothing: its successor does. */
  async #noteAll(
    questions: readonly string[],
    outcome: Partial<Pick<EntrySavepoint, "checkpoint" | "failure">>,
  ): Promise<void> {
    if (questions.length === 0) return;
    try {
      await this.#options.keeper.change((entry) => ({
        ...entry,
        savepoints: entry.savepoints.map((of) => questions.includes(of.question) && isOpen(of) ? { ...of, ...outcome } : of),
      }));
    } catch {
      return;
    }
    for (const question of questions) {
      const waiting = this.#waiting.get(question);
      this.#waiting.delete(question);
      if (waiting !== undefined) void this.outcome(question)?.then(waiting.resolve, waiting.reject);
    }
  }
}

function isOpen({ checkpoint, failure }: EntrySavepoint): boolean {
  return checkpoint === null && failure === null;
}

function failureOf(cause: unknown): NonNullable<EntrySavepoint["failure"]> {
  return { code: cause instanceof SluiceError ? cause.code : "SAVEPOINT_FAILED", message: messageOf(cause) };
}
