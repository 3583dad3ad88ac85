import type { ActorRef } from "../../actors/ref.ts";
import { SluiceError } from "../../actors/error.ts";
import { savepointFolder } from "../checkpoint/savepoint.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { Parallelism } from "../graph/parallelism.ts";
import type { EventLog, JobEvent } from "./event.ts";
import type { MasterControl, RunResult, Settle } from "./master_control.ts";

/** How a savepoint is taken. */
export interface SavepointOptions {
  /**
   * `aligned`: without records under way, and so after as long as these take to be processed. `unaligned`: with them, at once
   * under any backpressure.
   * @default as the job's checkpoints
   */
  readonly mode?: BarrierMode;
}

/** How a run is stopped. */
export interface StopOptions extends SavepointOptions {
  /** Writes the last checkpoint as a savepoint into this folder. @default none */
  readonly savepoint?: string;
}

function checkBarrierMode(mode: unknown): void {
  if (mode === undefined || mode === "aligned" || mode === "unaligned") return;
  throw new SluiceError("BAD_OPTIONS", `the mode of a savepoint must be "aligned" or "unaligned", not ${JSON.stringify(mode)}`);
}

/**
 * A job that runs.
 *
 * ```ts ignore
 * await using run = await start(myJob, { checkpoints: { directory: "state", intervalMs: 1_000 } });
 * for await (const event of run.events) console.log(event.kind);
 * ```
 */
export class Run implements AsyncDisposable {
  /**
   * Settles when the job is over and every sink has made its output visible; rejects when it was given up.
   *
   * @throws {SluiceError} what the last failure was, or `JOB_FAILED` with that as its cause; `RUN_CANCELLED` after `cancel`
   */
  readonly finished: Promise<RunResult>;
  readonly #log: EventLog;
  readonly #master: ActorRef<MasterControl>;
  readonly #ended: Promise<void>;

  constructor(parts: {
    readonly log: EventLog;
    readonly master: ActorRef<MasterControl>;
    readonly finished: Promise<RunResult>;
    /** Settles when nothing of the runtime is left. */
    readonly ended: Promise<void>;
  }) {
    this.#log = parts.log;
    this.#master = parts.master;
    this.finished = parts.finished;
    this.#ended = parts.ended;
    this.finished.catch(() => {}); // whoever does not look at it learns of the end by an event
  }

  /** What happens, from the start of the run on; ends with the run. May be read by several readers. */
  get events(): AsyncIterable<JobEvent> {
    return { [Symbol.asyncIterator]: () => this.#log.read() };
  }

  /** Takes a checkpoint now and gives its id once it is complete; one that is aborted is tried again. */
  checkpoint(): Promise<CheckpointId> {
    return this.#request<CheckpointId>((settle) => ({ kind: "checkpoint", settle }));
  }

  /**
   * Goes on with another parallelism: stops with a checkpoint, and is deployed again from it, with all that was under way. The
   * run, its events and `finished` stay the same. Settles when the new subtasks process. When the job fails meanwhile, it is
   * restored from its latest checkpoint with the new parallelism.
   *
   * @param parallelism for operators that do not say their own; or by uid, where the others keep theirs
   * @throws {SluiceError} `BAD_PARALLELISM`, `RESCALING` while another call is under way, `RUN_ENDED`; what ended the job
   */
  rescale(parallelism: Parallelism): Promise<void> {
    return this.#request<void>((settle) => ({ kind: "rescale", parallelism, settle }));
  }

  /**
   * Goes on after the event `paused`: tries again from the latest checkpoint, with the failures so far forgotten. Has no effect
   * on a run that is not paused.
   */
  resume(): void {
    this.#master.tell({ kind: "resume" });
  }

  /**
   * Writes a savepoint into a folder that is not there yet, and gives its checkpoint id. It has all its bytes in that folder, may
   * be moved and copied, and is never deleted by the runtime. The job goes on; no sink commits because of it.
   *
   * A failure of the job meanwhile does not lose it: it is taken after the restart.
   *
   * @param path a folder on the disk of the process that runs the master
   * @throws {SluiceError} `SAVEPOINT_EXISTS`, `SAVEPOINT_FAILED`, `BAD_SAVEPOINT_PATH`, `BAD_OPTIONS`, `RUN_ENDED`; what ended
   * the job
   */
  async savepoint(path: string, options: SavepointOptions = {}): Promise<CheckpointId> {
    const { mode } = options;
    const folder = savepointFolder(path);
    checkBarrierMode(mode);
    return await this.#request<CheckpointId>((settle) => ({ kind: "savepoint", savepoint: { path: folder, mode, settle } }));
  }

  /**
   * Ends the run with a last checkpoint, from which it can be started again; settles as `finished` does. An aligned one lets what
   * is under way come to the sinks first. A run that is paused fails, with what paused it.
   *
   * With `savepoint` that checkpoint is written as a savepoint as well, after the sinks have committed it. Where that cannot be
   * written the run has ended all the same, with its checkpoint.
   *
   * @throws {SluiceError} as `savepoint` does; a place that is taken is refused before anything stops
   */
  async stop(options: StopOptions = {}): Promise<RunResult> {
    const { savepoint: path, mode } = options;
    checkBarrierMode(mode);
    if (path === undefined) {
      this.#master.tell({ kind: "stop", mode });
    } else {
      const folder = savepointFolder(path);
      await this.#request<CheckpointId>((settle) => ({ kind: "stop", savepoint: { path: folder, mode, settle } }));
    }
    const result = await this.finished;
    await this.#ended;
    return result;
  }

  /** Ends the run at once, without a checkpoint. Settles when nothing of it is left. */
  async cancel(): Promise<void> {
    this.#master.tell({ kind: "cancel", cause: new SluiceError("RUN_CANCELLED", "the run was cancelled") });
    await this.finished.catch(() => {});
    await this.#ended;
  }

  /** As `cancel`, without effect on a run that is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
  }

  /** Asks the master for something; one that is gone answers nothing. */
  #request<T>(message: (settle: Settle<T>) => MasterControl): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#master.tell(message({ resolve, reject }));
      void this.#ended.then(() => reject(new SluiceError("RUN_ENDED", "the run has ended")));
    });
  }
}
