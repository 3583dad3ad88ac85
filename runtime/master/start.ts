import { SluiceError } from "../../actors/error.ts";
import type { Logger } from "../../actors/logger.ts";
import { createSystem } from "../../actors/system.ts";
import { SystemClock } from "../../actors/system_clock.ts";
import { systemDisk } from "../../actors/system_disk.ts";
import { systemRandom } from "../../actors/system_random.ts";
import { fileStorage } from "../checkpoint/file_storage.ts";
import { memoryStorage } from "../checkpoint/memory_storage.ts";
import type { OrderedStores } from "../graph/ordered_store.ts";
import { isJob, type Job } from "../job/job.ts";
import { type ChannelLinks, LocalLinks } from "./channel_links.ts";
import { deferred } from "./deferred.ts";
import { EncodedLinks } from "./encoded_links.ts";
import { EventLog } from "./event.ts";
import { JobMaster } from "./master.ts";
import type { MasterControl, RunResult } from "./master_control.ts";
import { type RunSettings, settle, type StartOptions } from "./options.ts";
import { rehearse } from "./rehearsal.ts";
import { Run } from "./run.ts";
import { withStores } from "./state_stores.ts";
import { WorkerAttempt } from "./worker_attempt.ts";

/**
 * Starts a job in this process. Settles when every subtask has loaded and processes.
 *
 * With a checkpoint directory that holds checkpoints of the job, it goes on from the latest one. On a failure the whole
 * dataflow is restored from the latest checkpoint, as the restart strategy says; a failure before anything has been processed
 * (a missing file, an unwritable folder, a snapshot that does not fit) rejects at once.
 *
 * @throws {SluiceError} `BAD_OPTIONS`, `NOT_A_JOB`, `CHECKPOINTS_IN_USE`, `CHECKPOINT_DAMAGED`, `CHECKPOINT_MISMATCH`,
 * `RESTORE_REFUSED`, `STATE_BACKEND_UNAVAILABLE`,
 * `SOURCE_…` and `SINK_…`; see `docs/errors.md`
 *
 * ```ts ignore
 * const run = await start(myJob, { parallelism: 2, checkpoints: { directory: "state", intervalMs: 1_000 } });
 * await run.finished;
 * ```
 */
export function start(job: Job, options: StartOptions = {}): Promise<Run> {
  return startLinked(job, options);
}

/** What makes the links of an attempt, from its number. */
export type LinksOf = (attempt: number, settings: RunSettings) => ChannelLinks;

/** What a job is started with that has no option: channels and scratch space of the caller's. */
export interface StartParts {
  readonly links?: LinksOf | undefined;
  readonly stores?: OrderedStores | undefined;
}

/** As {@link start}, with parts of the caller's. */
export async function startLinked(job: Job, options: StartOptions, { links, stores }: StartParts = {}): Promise<Run> {
  if (!isJob(job)) {
    throw new SluiceError("NOT_A_JOB", "start was not given a job: give it what job(name, (flow) => { … }) returns");
  }
  const settings = await withStores(settle(options), job.graph.name, stores);
  const clock = options.clock ?? options.system?.clock ?? new SystemClock();
  const random = options.random ?? options.system?.random ?? systemRandom();
  const disk = options.disk ?? systemDisk();
  const log = options.log ?? complain;
  const world = { clock, random, disk, log };
  const { checkpoints, transport } = options;
  const { mode } = settings;
  const aside = (job: Job) => start(job, { clock, random: systemRandom(), log: () => {}, checkpoints: { mode } });
  const linksOf = links ?? ((attempt) => {
    if (transport === undefined) return new LocalLinks();
    const { wire: times, channels: { encoded: { windowBytes } } } = settings;
    return new EncodedLinks({ transport, clock, job: job.graph.name, attempt, times, windowBytes });
  });
  const storage = checkpoints?.storage ??
    (checkpoints?.directory === undefined ? memoryStorage() : fileStorage(checkpoints.directory, { disk, clock, random }));
  const store = await storage.open(job.graph.name);
  const system = options.system ?? createSystem({ clock, random, logger: log });
  const events = new EventLog();
  const running = deferred<void>();
  const ended = deferred<RunResult>();
  let endRehearsal = (): void => {};
  ended.promise.catch(() => {});
  const master = system.spawn<MasterControl>(
    `job-${random.fork("job").id().slice(0, 8)}`,
    () =>
      new JobMaster({
        graph: job.graph,
        parallelism: options.parallelism ?? job.parallelism ?? 1,
        settings,
        world,
        store,
        deploy: (options) => {
          const { number } = options.attempt;
          endRehearsal();
          // Where frames travel encoded, what is compiled for that is to know no other records than the job's own.
          if (links === undefined && transport === undefined) {
            endRehearsal = rehearse(clock, options.attempt, settings.mode, aside);
          }
          return new WorkerAttempt({ ...options, job: job.graph.name, world, store, links: linksOf(number, settings) });
        },
        emit: (event) => events.emit(event),
        running,
        ended,
      }),
    { shutdownMs: settings.shutdownMs * 2 },
  );
  const gone = system.whenStopped(master).then(async () => {
    endRehearsal();
    running.reject(new SluiceError("RUN_CANCELLED", "the run was stopped before it processed anything"));
    ended.reject(new SluiceError("RUN_CANCELLED", "the run was stopped from outside"));
    events.close();
    // The job is over, whatever becomes of its store: what is not let go of, a later start takes over.
    await store.close().catch((cause: unknown) => {
      log({ level: "warn", from: job.graph.name, message: "its checkpoint store could not be let go of", cause });
    });
    if (options.system === undefined) await system.shutdown();
  });
  master.tell({ kind: "deploy", attempt: store.record().attempt + 1 });
  const run = new Run({ log: events, master, finished: ended.promise, ended: gone });
  const onAbort = () => void run.stop().catch(() => {});
  options.signal?.addEventListener("abort", onAbort, { once: true });
  void gone.finally(() => options.signal?.removeEventListener("abort", onAbort));
  try {
    await running.promise;
  } catch (error) {
    await gone;
    throw error;
  }
  return run;
}

const complain: Logger = ({ level, from, message, cause }) => {
  if (level === "warn" || level === "error") console.error(`${level}: ${from}: ${message}`, cause ?? "");
};
