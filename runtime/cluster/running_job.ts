import { messageOf, SluiceError } from "../../actors/error.ts";
import type { Disk } from "../../actors/disk.ts";
import type { KeyValue } from "../../actors/key_value.ts";
import type { ActorRef } from "../../actors/ref.ts";
import type { ActorSystem } from "../../actors/system.ts";
import type { Transport } from "../../actors/transport.ts";
import { plan as planGraph } from "../graph/planner.ts";
import type { Parallelism } from "../graph/parallelism.ts";
import { checkpointPath } from "../checkpoint/checkpoint_folder.ts";
import type { Job } from "../job/job.ts";
import { Attempt, type World } from "../master/attempt.ts";
import { deferred } from "../master/deferred.ts";
import type { Deployment } from "../master/deployment.ts";
import type { JobEvent } from "../master/event.ts";
import { JobMaster } from "../master/master.ts";
import type { DeploymentOptions, MasterControl, RunResult } from "../master/master_control.ts";
import { edgesToKeep } from "../master/new_homes.ts";
import { checkSavepointMode } from "../master/savepoints.ts";
import { recordsInFlight } from "../master/snapshot.ts";
import { healthOf } from "./health.ts";
import { readDeployment, removeDeployment, writeDeployment } from "./deployment_file.ts";
import { jobOf, planOf } from "./hosted_attempt.ts";
import { isOver, type JobEntry } from "./job_entry.ts";
import { type AskedSavepoint, JobSavepoints, type WrittenSavepoint } from "./job_savepoints.ts";
import { rescaled, shapeOf, subtasksOf } from "./job_shape.ts";
import type { JobEntryKeeper } from "./job_entry_keeper.ts";
import type { AttemptReport, JobOrder, JobView, Outcome } from "./message.ts";
import { type Slots, slotsNeeded, workersOf } from "./placement.ts";
import { RemoteDeployment } from "./remote_deployment.ts";
import { ClusterStore } from "./cluster_store.ts";
import { type ClusterFolder, folderOf } from "./cluster_folder.ts";
import { settingsOf } from "./submitted_options.ts";

/** What a coordinator runs jobs with. */
export interface JobHost {
  readonly term: number;
  readonly system: ActorSystem;
  readonly world: World;
  readonly keyValue: KeyValue;
  readonly control: Transport;
  readonly shared: ClusterFolder;
  /** Holds the folders of savepoints. */
  readonly places: Disk;
  readonly modules: (name: string) => Promise<Job>;
  /** Waits until that many slots are free, and takes them for the job. */
  readonly place: (job: string, count: number, signal: AbortSignal) => Promise<Slots>;
  /** Whether a worker is known to live. */
  readonly lives: (worker: string) => boolean;
  /** Whether a worker has said that it wants to end. */
  readonly leaves: (worker: string) => boolean;
  readonly changed: () => void;
  /** Another coordinator has taken over. */
  readonly fenced: (cause: unknown) => void;
  readonly emit: (job: string, event: JobEvent) => void;
}

/** A job that this coordinator runs: its record, its master, and its attempt on the workers. */
export class RunningJob {
  readonly name: string;
  readonly #host: JobHost;
  readonly #keeper: JobEntryKeeper;
  readonly #store: ClusterStore;
  readonly #files: ClusterFolder;
  readonly #savepoints: JobSavepoints;
  readonly #waiting = new AbortController();
  #master: ActorRef<MasterControl> | undefined;
  #deployment: RemoteDeployment | undefined;
  /** An attempt of another coordinator: adopted when every worker of it says that it runs. */
  #adopting: {
    readonly attempt: number;
    readonly slots: Slots;
    readonly heard: Map<string, AttemptReport>;
    readonly sinceMs: number;
    /** It is decided: until that is done nothing is ordered that would end what runs. */
    decided: boolean;
  } | undefined;
  #abandoned = false;
  /** It makes room at some worker, or is being rescaled. */
  #moving = false;
  #failures = 0;
  /** The latest checkpoint that completed under this coordinator. */
  #latest: Extract<JobEvent, { kind: "checkpoint-completed" }> | undefined;
  /** What went wrong last. */
  #note: string | null = null;

  constructor(host: JobHost, keeper: JobEntryKeeper) {
    this.#host = host;
    this.#keeper = keeper;
    keeper.onFenced = host.fenced;
    this.name = keeper.entry.job;
    this.#files = folderOf(host.shared, this.name);
    this.#store = new ClusterStore(this.#files, keeper);
    this.#savepoints = new JobSavepoints({ job: this.name, places: host.places, store: this.#store, keeper });
  }

  get entry(): JobEntry {
    return this.#keeper.entry;
  }

  get over(): boolean {
    return isOver(this.entry);
  }

  /** The worker of each slot it has. */
  slots: Slots = [];

  view(): JobView {
    const { job, module, state, attempt, retained, failure } = this.entry;
    const latest = retained.at(-1);
    const checkpoint = latest?.id ?? 0;
    const location = latest === undefined ? null : checkpointPath(this.#files.folder, latest.id, latest.attempt);
    const workers = this.over ? [] : [...workersOf(this.slots)];
    return { job, module, state, attempt, checkpoint, location, workers, failure: failure ?? this.#note };
  }

  /** How it is, with the figures of its latest checkpoint. */
  figures() {
    const positions = this.#deployment?.positions() ?? {};
    const health = healthOf(this.over || this.#deployment?.processes === true ? [] : [this.#note ?? "it is being deployed"]);
    return { ...this.view(), ...health, positions, failures: this.#failures, latest: this.#latest ?? null };
  }

  /** Starts it: anew, or from its latest checkpoint, or by adopting what runs, unless that is from before it was submitted. */
  async start(): Promise<void> {
    const { world } = this.#host;
    const { attempt, ended, submittedAfter } = this.entry;
    if (ended !== null) return void this.#finish(ended);
    const before = attempt <= submittedAfter ? undefined : await readDeployment(this.#files, attempt).catch(() => undefined);
    if (before === undefined) return await this.#run();
    this.slots = before.slots;
    this.#adopting = { attempt, slots: before.slots, heard: new Map(), sinceMs: world.clock.monotonic(), decided: false };
    this.#host.changed();
  }

  order(worker: string): JobOrder | undefined {
    const adopting = this.#adopting;
    if (adopting === undefined) return this.#deployment?.order(worker);
    if (!adopting.slots.includes(worker)) return undefined;
    const nothing = { open: [], completed: 0, aborted: [], loops: [], received: [] };
    return { job: this.name, attempt: adopting.attempt, phase: "keep", ...nothing };
  }

  /** A worker of this term or a higher one has reported; `report`: undefined when it runs nothing of this job. */
  report(worker: string, report: AttemptReport | undefined): void {
    const adopting = this.#adopting;
    if (adopting === undefined) {
      if (report !== undefined) this.#deployment?.report(worker, report);
      return;
    }
    if (!adopting.slots.includes(worker)) return;
    const runs = report?.attempt === adopting.attempt && report.phase !== "failed" && report.phase !== "stopped";
    if (!runs) return void this.#settle(false);
    adopting.heard.set(worker, report);
    if (workersOf(adopting.slots).every((of) => adopting.heard.has(of))) void this.#settle(true);
  }

  outcome(outcome: Outcome): void {
    if (outcome.attempt === this.#deployment?.attempt.number) this.#deployment.outcome(outcome.worker, outcome);
  }

  /** Workers that do not live any more are lost to it. `patienceMs`: how long to wait for reports before an adoption. */
  look(patienceMs: number): void {
    const adopting = this.#adopting;
    if (adopting !== undefined) {
      if (this.#host.world.clock.monotonic() - adopting.sinceMs >= patienceMs) void this.#settle(false);
      return;
    }
    for (const worker of this.#deployment?.workers ?? []) {
      if (!this.#host.lives(worker)) this.#deployment?.lost(worker, "it does not answer");
    }
    if (this.#deployment?.workers.some((worker) => this.#host.leaves(worker)) === true) this.#move({});
  }

  /** Asks it to end, with a last checkpoint or at once. It does so also under another coordinator. */
  async end(how: "stop" | "cancel"): Promise<void> {
    this.#assertRuns(this.entry);
    await this.#keeper.change((entry) => {
      this.#assertRuns(entry);
      return how === "stop" ? stopping(entry) : { ...entry, state: "cancelling" };
    });
    this.#ask();
  }

  /**
   * Takes a savepoint, also under another coordinator; settles when it is written.
   *
   * @throws {SluiceError} `SAVEPOINT_EXISTS`, `SAVEPOINT_FAILED`, `BAD_OPTIONS`, `RUN_ENDED`; what ended the job
   */
  async savepoint(asked: AskedSavepoint): Promise<WrittenSavepoint> {
    const { question, mode, last } = asked;
    const before = this.#savepoints.outcome(question);
    if (before !== undefined) return await before;
    this.#assertRuns(this.entry);
    checkSavepointMode(this.name, settingsOf(this.entry.options, this.#host.control).mode, mode ?? undefined);
    await this.#savepoints.add(asked, (entry) => {
      this.#assertRuns(entry);
      return last ? stopping(entry) : entry;
    });
    const written = this.#savepoints.outcome(question);
    if (last) this.#ask();
    else await this.#takeSavepoints(question);
    if (written === undefined) throw new SluiceError("RUN_ENDED", `job ${this.name} no longer knows of the savepoint`);
    return await written;
  }

  #assertRuns(entry: JobEntry): void {
    if (isOver(entry)) throw new SluiceError("RUN_ENDED", `job ${this.name} is over: ${entry.state}`);
  }

  /** Asks the master for the savepoints that are in the record, or one of them; without a master the next one is. */
  async #takeSavepoints(only?: string): Promise<void> {
    if (this.#master === undefined) return;
    for (const savepoint of await this.#savepoints.wanted(only)) this.#master.tell({ kind: "savepoint", savepoint });
  }

  /** Goes on after a pause. */
  resume(): void {
    this.#master?.tell({ kind: "resume" });
  }

  /**
   * Goes on with another parallelism, for good: also under another coordinator.
   *
   * @throws {SluiceError} `BAD_PARALLELISM`, `RUN_ENDED`
   */
  async rescale(parallelism: Parallelism): Promise<void> {
    this.#assertRuns(this.entry);
    const wanted = rescaled(this.entry, parallelism);
    const shape = shapeOf(await this.#job(), { ...this.entry, parallelism: wanted });
    planGraph(shape.graph, shape);
    await this.#keeper.change((entry) => ({ ...entry, parallelism: rescaled(entry, parallelism) }));
    this.#move(parallelism);
  }

  #job(): Promise<Job> {
    return jobOf(this.#host.modules, this.entry.module, this.name);
  }

  /** Stops it with a checkpoint and deploys it again: with another parallelism ({}: the same), and where there is room then. */
  #move(parallelism: Parallelism): void {
    if (this.#moving || this.#master === undefined) return;
    this.#moving = true;
    const done = () => this.#moving = false;
    const reject = (cause: unknown) => {
      done();
      this.#log("it could not be moved; tried again if need be", cause);
    };
    this.#master.tell({ kind: "rescale", parallelism, settle: { resolve: done, reject } });
  }

  #log(message: string, cause: unknown): void {
    this.#host.world.log({ level: "warn", from: this.name, message, cause });
  }

  /** Lets go of it: its subtasks go on, for another coordinator to adopt. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    this.#keeper.close();
    this.#waiting.abort();
    await this.#deployment?.close();
    if (this.#master !== undefined) await this.#host.system.stop(this.#master);
  }

  #ask(): void {
    const { state } = this.entry;
    if (state === "stopping") this.#master?.tell({ kind: "stop", mode: this.#savepoints.last?.mode ?? undefined });
    if (state !== "cancelling") return;
    this.#waiting.abort();
    this.#master?.tell({ kind: "cancel", cause: new SluiceError("RUN_CANCELLED", `job ${this.name} was cancelled`) });
  }

  async #settle(adopt: boolean): Promise<void> {
    const adopting = this.#adopting;
    if (adopting === undefined || adopting.decided) return;
    adopting.decided = true;
    if (!adopt) {
      this.#adopting = undefined;
      this.slots = [];
      return await this.#run();
    }
    try {
      await this.#adopt(adopting.attempt, adopting.heard);
    } catch (cause) {
      this.#adopting = undefined;
      this.#log("its attempt could not be adopted", cause);
      this.slots = [];
      await this.#run();
    }
  }

  async #adopt(number: number, heard: ReadonlyMap<string, AttemptReport>): Promise<void> {
    const file = await readDeployment(this.#files, number);
    const job = await this.#job();
    const plan = planOf(job, file);
    const { restored } = file;
    const from = restored === null
      ? undefined
      : { ...restored, location: restored.folder ?? checkpointPath(this.#files.folder, restored.id, restored.attempt) };
    const attempt = new Attempt(number, file.life, plan, from);
    const completed = await Promise.all((await this.#store.list()).map((checkpoint) => this.#store.manifest(checkpoint)));
    const latest = Math.max(this.entry.retained.at(-1)?.id ?? 0, restored?.id ?? 0);
    const lastTriggered = this.entry.nextCheckpointId - 1;
    const master = await this.#spawn();
    master.tell({
      kind: "adopt",
      attempt,
      completed,
      deploy: (reports) => {
        const deployment = this.#remote(attempt, workersOf(file.slots), { latest, lastTriggered }, reports);
        this.#adopting = undefined;
        for (const [worker, report] of heard) deployment.report(worker, report);
        return deployment;
      },
    });
    this.#ask();
    void this.#takeSavepoints();
    // A change of parallelism that another coordinator had begun.
    const shape = shapeOf(job, this.entry);
    const wanted = subtasksOf(planGraph(shape.graph, shape));
    const changed = Object.entries(wanted).some(([uid, subtasks]) => file.parallelism[uid] !== subtasks);
    if (changed) this.#move(wanted);
  }

  async #run(): Promise<void> {
    try {
      const master = await this.#spawn();
      master.tell({ kind: "deploy", attempt: this.entry.attempt + 1 });
      this.#ask();
      void this.#takeSavepoints();
    } catch (cause) {
      await this.#over("failed", cause);
    }
  }

  async #spawn(): Promise<ActorRef<MasterControl>> {
    const { world, system, control, places } = this.#host;
    const { options, attempt, submittedAfter, retained } = this.entry;
    const shape = shapeOf(await this.#job(), this.entry);
    const settings = settingsOf(options, control);
    const running = deferred<void>();
    const ended = deferred<RunResult>();
    running.promise.catch(() => {});
    const master = system.spawn<MasterControl>(`${this.name}-${this.#host.term}-${attempt}`, () =>
      new JobMaster({
        ...shape,
        settings,
        world,
        store: this.#store,
        places,
        resumed: attempt > submittedAfter,
        completed: retained.some((of) => of.attempt > submittedAfter),
        deploy: (deployment) => this.#deploy(deployment),
        emit: (event) => this.#emit(event),
        running,
        ended,
      }), { shutdownMs: settings.shutdownMs * 2, handlerTimeoutMs: 2 ** 31 - 1 });
    this.#master = master;
    ended.promise.then(
      (result) => this.#finish(result),
      (cause: unknown) => this.#over(this.entry.state === "cancelling" ? "cancelled" : "failed", cause),
    );
    return master;
  }

  #emit(event: JobEvent): void {
    if (this.#abandoned) return;
    if (event.kind === "checkpoint-completed") this.#latest = event;
    if (event.kind === "failed") this.#failures++;
    const cause = event.kind === "failed" || event.kind === "paused" ? event.cause : undefined;
    if (cause !== undefined) this.#note = `attempt ${this.entry.attempt} ${event.kind}: ${messageOf(cause)}`;
    this.#host.emit(this.name, event);
  }

  async #deploy({ attempt, snapshot, splits, guards, reports }: DeploymentOptions): Promise<Deployment> {
    const { place } = this.#host;
    this.slots = [];
    this.slots = await place(this.name, slotsNeeded(attempt.plan), this.#waiting.signal);
    const { plan, number, life } = attempt;
    const restored = snapshot === undefined ? null : {
      id: snapshot.manifest.id,
      attempt: snapshot.manifest.attempt,
      inFlightRecords: recordsInFlight(snapshot),
      folder: snapshot.foreign ? snapshot.location : null,
    };
    await writeDeployment(this.#files, {
      version: 1,
      job: this.name,
      module: this.entry.module,
      attempt: number,
      life,
      graphHash: plan.hash,
      options: this.entry.options,
      parallelism: subtasksOf(plan),
      keepEdges: snapshot === undefined ? [] : [...edgesToKeep(snapshot.manifest, plan)],
      restored,
      splits: [...splits].map(([uid, of]) => [uid, of.map((split) => ({ ...split }))]),
      guards: [...guards].map(([uid, hashes]) => [uid, [...hashes]]),
      slots: [...this.slots],
    });
    if (number > 1) await removeDeployment(this.#files, number - 1).catch(() => {});
    return this.#remote(attempt, workersOf(this.slots), { latest: restored?.id ?? 0, lastTriggered: 0 }, reports);
  }

  #remote(
    attempt: Attempt,
    workers: readonly string[],
    start: { readonly latest: number; readonly lastTriggered: number },
    reports: DeploymentOptions["reports"],
  ): RemoteDeployment {
    const { changed, world } = this.#host;
    const now = () => world.clock.monotonic();
    const deployment = new RemoteDeployment({ attempt, job: this.name, workers, reports, ...start, changed, now });
    this.#deployment = deployment;
    changed();
    return deployment;
  }

  /** It has come to its end. That is in the record before the savepoint is written: whoever takes over writes the same one. */
  async #finish(ended: RunResult): Promise<void> {
    if (this.#abandoned) return;
    if (this.#savepoints.last !== undefined) {
      try {
        await this.#keeper.change((entry) => ({ ...entry, ended: { ...ended } }));
      } catch (error) {
        return this.#host.fenced(error);
      }
      await this.#savepoints.writeLast(ended.checkpoint);
    }
    await this.#over(ended.stopped ? "stopped" : "finished", undefined);
  }

  async #over(state: JobEntry["state"], cause: unknown): Promise<void> {
    if (this.#abandoned) return;
    const failure = cause === undefined ? null : messageOf(cause);
    try {
      await this.#savepoints.close(cause ?? new SluiceError("RUN_ENDED", `the run of ${this.name} has ended`));
      await this.#keeper.change((entry) => ({ ...entry, state, failure, ended: null }));
      this.#deployment = undefined;
      this.slots = [];
      this.#host.changed();
    } catch (error) {
      this.#host.fenced(error);
    }
  }
}

/** What is cancelled is not stopped any more. */
function stopping(entry: JobEntry): JobEntry {
  return { ...entry, state: entry.state === "cancelling" ? entry.state : "stopping" };
}
