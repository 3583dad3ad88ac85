import type { ActorRef } from "../../actors/ref.ts";
import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { EventLog, JobEvent } from "./event.ts";
import type { MasterControl, RunResult } from "./master.ts";

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
    return new Promise((resolve, reject) => this.#master.tell({ kind: "checkpoint", settle: { resolve, reject } }));
  }

  /** Ends the run with a last checkpoint, from which it can be started again; settles as `finished` does. */
  async stop(): Promise<RunResult> {
    this.#master.tell({ kind: "stop" });
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
}
