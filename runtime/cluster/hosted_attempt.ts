import type { ActorContext, Behavior } from "../../actors/behavior.ts";
import type { Disk } from "../../actors/disk.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { ActorRef } from "../../actors/ref.ts";
import type { ActorSystem } from "../../actors/system.ts";
import type { Transport } from "../../actors/transport.ts";
import { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import { checkpointPath } from "../checkpoint/checkpoint_folder.ts";
import type { CoordinatorEvent } from "../checkpoint/coordinator.ts";
import { withParallelism } from "../graph/parallelism.ts";
import { plan as planGraph } from "../graph/planner.ts";
import type { Job } from "../job/job.ts";
import { Attempt, type World } from "../master/attempt.ts";
import { EncodedLinks, framesPrefix } from "../master/encoded_links.ts";
import { PlacedLinks } from "../master/placed_links.ts";
import { decideRestore } from "../master/restore_plan.ts";
import { hopelessIn } from "../master/recovery.ts";
import { withStores } from "../master/state_stores.ts";
import type { RunSettings } from "../master/options.ts";
import { openFolderSnapshot, openSnapshot, type Snapshot } from "../master/snapshot.ts";
import { type SubtaskFigure, WorkerAttempt } from "../master/worker_attempt.ts";
import { type Denial, denied } from "../nats/denial.ts";
import { recordOf } from "../task/chain.ts";
import type { CreditPool } from "../task/credit_pool.ts";
import type { TurnMark } from "../task/turn_mark.ts";
import { type DeploymentFile, readDeployment } from "./deployment_file.ts";
import type { AttemptReport, JobOrder, Outcome } from "./message.ts";
import { channelScope } from "./names.ts";
import { workersOf } from "./placement.ts";
import { workerData } from "./cluster_store.ts";
import { type ClusterFolder, folderOf } from "./cluster_folder.ts";
import { settingsOf } from "./submitted_options.ts";

/** What a worker hosts attempts with. */
export interface AttemptHost {
  readonly cluster: string;
  readonly worker: string;
  readonly system: ActorSystem;
  readonly world: World;
  /** Carries frames between workers. */
  readonly data: Transport;
  readonly pool: CreditPool;
  readonly shared: ClusterFolder;
  /** Holds the folders of savepoints. */
  readonly places: Disk;
  readonly modules: (name: string) => Promise<Job>;
  /** Where keyed state is that is to be on the disk; undefined: nowhere. */
  readonly stateDirectory: string | undefined;
  readonly mark: ((subtask: string) => TurnMark) | undefined;
  /** Something is to be reported. */
  readonly changed: () => void;
}

/** The job of a module, under the name that it was submitted with, where that is another. */
export async function jobOf(modules: (name: string) => Promise<Job>, module: string, name: string | null): Promise<Job> {
  const job = await modules(module);
  return name === null || job.name === name ? job : { ...job, name, graph: { ...job.graph, name } };
}

/** A plan, as every member makes it from the same deployment. */
export function planOf(job: Job, deployment: DeploymentFile) {
  const graph = withParallelism(job.graph, deployment.parallelism);
  const plan = planGraph(graph, { parallelism: 1, keepEdges: new Set(deployment.keepEdges) });
  if (plan.hash === deployment.graphHash) return plan;
  throw new SluiceError(
    "MODULE_DIFFERS",
    `module ${deployment.module} makes another job here than at the coordinator: all members of a cluster need the same modules`,
  );
}

/** The part of one attempt at a worker, from the order that names it to its end. What it is told twice it does once. */
export class HostedAttempt {
  readonly job: string;
  readonly attempt: number;
  readonly #host: AttemptHost;
  #ref: ActorRef<never> | undefined;
  #running: WorkerAttempt | undefined;
  #phase: AttemptReport["phase"] = "loading";
  #failure: AttemptReport["failure"] = null;
  readonly #finished = new Set<number>();
  readonly #drained = new Set<number>();
  readonly #committed = new Map<number, number>();
  readonly #skipped = new Map<string, AttemptReport["skipped"][number]>();
  /** Outcomes that the coordinator is not known to have. */
  readonly #outcomes = new Map<number, Outcome["result"]>();
  #triggered = 0;
  #completed = 0;
  readonly #aborted = new Set<number>();
  readonly #loops = new Set<string>();
  #ending: Promise<void> | undefined;

  constructor(host: AttemptHost, job: string, attempt: number) {
    this.#host = host;
    this.job = job;
    this.attempt = attempt;
  }

  get over(): boolean {
    return this.#phase === "stopped";
  }

  report(): AttemptReport {
    const { job, attempt } = this;
    return {
      job,
      attempt,
      phase: this.#phase,
      failure: this.#failure,
      finished: [...this.#finished],
      drained: [...this.#drained],
      committed: [...this.#committed],
      skipped: [...this.#skipped.values()],
      positions: { ...this.#running?.positions() },
    };
  }

  figures(): readonly SubtaskFigure[] {
    return this.#running?.figures() ?? [];
  }

  outcomes(): readonly Pick<Outcome, "job" | "attempt" | "id" | "result">[] {
    const { job, attempt } = this;
    return [...this.#outcomes].map(([id, result]) => ({ job, attempt, id, result }));
  }

  start(): void {
    const behavior: Behavior<never> = {
      start: async (context) => {
        try {
          await this.#load(context);
        } catch (cause) {
          this.#fail(cause);
        }
      },
      receive: () => {},
      signal: (signal) => this.#running?.signal(signal),
    };
    const name = `${this.job}-${this.attempt}`;
    this.#ref = this.#host.system.spawn<never>(name, () => behavior, { handlerTimeoutMs: 600_000, shutdownMs: 5_000 });
  }

  obey(order: JobOrder): void {
    for (const id of order.received) this.#outcomes.delete(id);
    if (order.phase === "stop") return void this.stop();
    const running = this.#running;
    if (running === undefined || this.#phase === "failed" || this.#ending !== undefined) return;
    if (order.phase === "run" && this.#phase === "ready") {
      this.#phase = "running";
      running.run();
      this.#host.changed();
    }
    if (this.#phase !== "running") return;
    for (const [from, to] of order.aborted) {
      for (let id = Math.max(from, this.#completed + 1); id <= to; id++) {
        if (this.#aborted.has(id)) continue;
        this.#aborted.add(id);
        this.#outcomes.delete(id);
        running.abort(id);
      }
    }
    if (order.completed > this.#completed) {
      this.#completed = order.completed;
      for (const id of this.#aborted) if (id <= order.completed) this.#aborted.delete(id);
      for (const id of this.#outcomes.keys()) if (id <= order.completed) this.#outcomes.delete(id);
      running.completed(order.completed);
    }
    for (const { id, last, elapsedMs, mode } of order.open) {
      if (id <= this.#triggered || this.#aborted.has(id)) continue;
      this.#triggered = id;
      running.trigger(id, last, elapsedMs, mode ?? undefined);
    }
    for (const { loop, phase } of order.loops) {
      if (this.#loops.has(`${loop} ${phase}`)) continue;
      this.#loops.add(`${loop} ${phase}`);
      running.endLoop(loop, phase);
    }
  }

  /** Ends it, sinks and all; settles when nothing of it is left. */
  stop(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  /** Fails it, if the subject is of its frames. */
  denied(denial: Denial): void {
    const { cluster, worker } = this.#host;
    const own = framesPrefix(channelScope(cluster, this.job), this.attempt);
    if (denial.subject.startsWith(`${own}.`)) this.#fail(denied(`worker ${worker}`, [denial]));
  }

  async #end(): Promise<void> {
    if (this.#ref !== undefined) await this.#host.system.stop(this.#ref);
    await this.#running?.close();
    this.#phase = "stopped";
    this.#host.changed();
  }

  async #load(context: ActorContext<never>): Promise<void> {
    const { world, worker, cluster, data, pool, places, modules, mark } = this.#host;
    const { clock } = world;
    const files = folderOf(this.#host.shared, this.job);
    const deployment = await readDeployment(files, this.attempt);
    const plan = planOf(await jobOf(modules, deployment.module, this.job), deployment);
    const settings = await this.#settings(deployment.options);
    const { restored, slots } = deployment;
    let snapshot: Snapshot | undefined;
    if (restored !== null && restored.folder !== null) {
      snapshot = await openFolderSnapshot(places, restored.folder);
    } else if (restored !== null) {
      const location = checkpointPath(files.folder, restored.id, restored.attempt);
      snapshot = await openSnapshot(new CheckpointReader(files.disk, files.folder), { id: restored.id, location });
    }
    if (this.#ending !== undefined) return;
    const placement = (_task: number, subtask: number): string => slots[subtask] as string;
    const scope = channelScope(cluster, this.job);
    const { wire: times, channels: { encoded: { windowBytes } } } = settings;
    const remote = new EncodedLinks({ transport: data, clock, job: scope, attempt: this.attempt, times, pool, windowBytes });
    const from = restored === null || snapshot === undefined ? undefined : { ...restored, location: snapshot.location };
    const running = new WorkerAttempt({
      job: this.job,
      attempt: new Attempt(this.attempt, deployment.life, plan, from),
      snapshot,
      // Each member decides for itself, and all alike: it follows from the snapshot and the plan.
      decision: snapshot === undefined ? undefined : await decideRestore(snapshot, plan, settings.allowDropped),
      splits: new Map(deployment.splits),
      settings,
      guards: new Map(deployment.guards.map(([uid, hashes]) => [uid, new Set(hashes)])),
      world,
      store: workerData(files, workersOf(slots).indexOf(worker) + 1),
      links: new PlacedLinks(worker, placement, remote),
      context,
      hosts: (task, subtask) => placement(task, subtask) === worker,
      ...(mark === undefined ? {} : { mark: (subtask: string) => mark(`job ${this.job}: ${subtask}`) }),
      reports: {
        // What others send must arrive from the first message on.
        ready: () => void data.flush().then(() => this.#ready(), (cause: unknown) => this.#fail(cause)),
        acknowledged: (id, acknowledgements, file) => {
          const counts = acknowledgements.map(({ task, subtask }): [number, number, Record<string, number>] => [
            task,
            subtask,
            { ...running.counts(task, subtask) },
          ]);
          this.#outcome(id, { kind: "durable", file, acknowledgements: [...acknowledgements] as never, counts });
        },
        coordinate: (event) => this.#tell(event),
        skipped: ({ uid, subtask, hash, keyHash }) => {
          this.#skipped.set(`${uid} ${subtask} ${hash}`, { uid, subtask, hash, keyHash });
          this.#host.changed();
        },
        failed: (cause) => this.#fail(cause),
        stopped: () => {},
      },
    });
    this.#running = running;
  }

  /** @throws {SluiceError} `STATE_BACKEND_UNAVAILABLE` */
  async #settings(options: DeploymentFile["options"]): Promise<RunSettings> {
    const { data, worker, stateDirectory } = this.#host;
    const settings = settingsOf(options, data, stateDirectory);
    if (settings.stateDirectory === undefined || stateDirectory !== undefined) return await withStores(settings, this.job);
    throw new SluiceError(
      "STATE_BACKEND_UNAVAILABLE",
      `worker ${worker} has no folder for the state of job ${this.job}, to be on disk: start each worker with --state-dir`,
    );
  }

  #ready(): void {
    if (this.#phase !== "loading") return;
    this.#phase = "ready";
    this.#host.changed();
  }

  #tell(event: CoordinatorEvent): void {
    switch (event.kind) {
      case "declined":
        return this.#outcome(event.id, { kind: "declined", reason: event.reason, counts: event.counts });
      case "finished":
        this.#finished.add(event.subtask);
        return this.#host.changed();
      case "drained":
        this.#drained.add(event.subtask);
        return this.#host.changed();
      case "committed":
        this.#committed.set(event.subtask, Math.max(event.id, this.#committed.get(event.subtask) ?? 0));
        return this.#host.changed();
    }
  }

  #outcome(id: number, result: Outcome["result"]): void {
    if (id <= this.#completed || this.#aborted.has(id) || this.#outcomes.get(id)?.kind === "declined") return;
    this.#outcomes.set(id, result);
    this.#host.changed();
  }

  #fail(cause: unknown): void {
    if (this.#ending !== undefined || this.#phase === "failed") return;
    this.#phase = "failed";
    const code = hopelessIn(cause) ?? (cause instanceof SluiceError ? cause.code : "TASK_FAILED");
    const record = recordOf(cause) ?? null;
    this.#failure = { code, message: messageOf(cause), record };
    this.#host.changed();
  }
}
