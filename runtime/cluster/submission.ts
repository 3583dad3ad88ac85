import type { Disk } from "../../actors/disk.ts";
import type { Transport } from "../../actors/transport.ts";
import { checkpointPath } from "../checkpoint/checkpoint_folder.ts";
import { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import { plan as planGraph } from "../graph/planner.ts";
import type { Job } from "../job/job.ts";
import type { RunSettings } from "../master/options.ts";
import { planRestoreFrom } from "../master/plan_restore.ts";
import type { RestorePlan } from "../master/restore_plan.ts";
import type { Shape } from "../master/shape.ts";
import { type ClusterFolder, folderOf } from "./cluster_folder.ts";
import { jobOf } from "./hosted_attempt.ts";
import type { JobEntry } from "./job_entry.ts";
import { shapeOf } from "./job_shape.ts";
import type { Question } from "./message.ts";
import { checkClusterName } from "./names.ts";
import { snapshotFolderOf } from "./snapshot_places.ts";
import { settingsOf } from "./submitted_options.ts";

/** What a coordinator reads submissions with. */
export interface SubmissionHost {
  readonly modules: (name: string) => Promise<Job>;
  readonly shared: ClusterFolder;
  /** Holds the folders of snapshots. */
  readonly places: Disk;
  readonly control: Transport;
}

const unchanged = { others: null, byUid: {} };

/** A job that a client wants to be run, as the coordinator's own module makes it. */
export class Submission {
  readonly name: string;
  readonly #host: SubmissionHost;
  readonly #module: string;
  readonly #options: JobEntry["options"];
  readonly #shape: Shape;
  readonly #settings: RunSettings;

  private constructor(host: SubmissionHost, module: string, job: Job, options: JobEntry["options"]) {
    this.name = job.name;
    this.#host = host;
    this.#module = module;
    this.#options = options;
    this.#settings = settingsOf(options, host.control);
    this.#shape = shapeOf(job, { options, parallelism: unchanged });
    planGraph(this.#shape.graph, this.#shape); // what cannot run is refused now
  }

  /** @throws {SluiceError} `BAD_NAME`, `BAD_OPTIONS`, `BAD_PARALLELISM`, `BAD_SAVEPOINT_PATH`, `MODULE_…` */
  static async read(
    host: SubmissionHost,
    { module, job: name, options }: Pick<Extract<Question, { kind: "submit" }>, "module" | "job" | "options">,
  ): Promise<Submission> {
    const job = await jobOf(host.modules, module, name);
    checkClusterName("job", job.name);
    const { from } = options;
    const placed = typeof from === "string" ? { ...options, from: snapshotFolderOf(host.shared, job.name, from) } : options;
    return new Submission(host, module, job, placed);
  }

  /** It is to start from a snapshot that it names. */
  get isRestore(): boolean {
    return this.#settings.from !== undefined;
  }

  /**
   * What it would restore; undefined: it would begin from nothing.
   *
   * @param retained the checkpoints that there are of a job of its name
   * @throws {SluiceError} `SAVEPOINT_UNKNOWN`, `CHECKPOINT_UNKNOWN`, `CHECKPOINT_DAMAGED`, `STATE_DAMAGED`
   */
  planRestore(retained: JobEntry["retained"]): Promise<RestorePlan | undefined> {
    const { shared, places } = this.#host;
    const { disk, folder } = folderOf(shared, this.name);
    const stored = retained.map(({ id, attempt }) => ({ id, location: checkpointPath(folder, id, attempt) })).reverse();
    const { from, allowDropped } = this.#settings;
    const place = { store: new CheckpointReader(disk, folder), stored, disk: places, job: this.name, from };
    return planRestoreFrom(place, this.#shape, allowDropped);
  }

  /** The record of the job. It goes on from the checkpoints of one of its name that is over, under numbers never used. */
  entry(id: string, term: number, before: JobEntry | undefined): JobEntry {
    const { attempt, nextCheckpointId, retained } = before ?? { attempt: 0, nextCheckpointId: 1, retained: [] };
    return {
      version: 1,
      job: this.name,
      module: this.#module,
      submission: id,
      options: this.#options,
      parallelism: unchanged,
      state: "running",
      failure: null,
      term,
      attempt,
      submittedAfter: attempt,
      nextCheckpointId,
      retained,
      savepoints: [],
      ended: null,
    };
  }
}
