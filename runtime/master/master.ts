/**
 * The job master: supervises the subtasks of a job one-for-all, coordinates its checkpoints, and recovers it.
 *
 * On a failure every subtask is stopped; then, as the restart strategy says, the whole dataflow is deployed again from the
 * latest completed checkpoint under a new attempt number. The numbers are allotted durably before use.
 */
import type { ActorContext, LaneBehavior, LaneHost, Signal, StopReason } from "../../actors/behavior.ts";
import type { Timer } from "../../actors/clock.ts";
import { SluiceError } from "../../actors/error.ts";
import type { DataLane } from "../../actors/lane.ts";
import type { CoordinatorEvent } from "../checkpoint/coordinator.ts";
import type { Manifest } from "../checkpoint/manifest.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { Parallelism } from "../graph/parallelism.ts";
import type { Plan } from "../graph/plan.ts";
import { plan as planGraph } from "../graph/planner.ts";
import type { Split } from "../graph/source.ts";
import { Allotment, idBlock } from "./allotment.ts";
import { Attempt } from "./attempt.ts";
import type { Deployment } from "./deployment.ts";
import { Checkpointing } from "./checkpointing.ts";
import { listSplits } from "./splits.ts";
import type { MasterControl, MasterOptions, RunResult, Settle, WantedSavepoint } from "./master_control.ts";
import { reportsTo } from "./master_control.ts";
import { giveLetter } from "./poison.ts";
import { type AttemptFailure, FailureJudge, hopelessIn, isOfTheMachine, type Recovery } from "./recovery.ts";
import { type Choice, chooseSnapshot, hasCompleted } from "./choose_snapshot.ts";
import { RunningAttempt } from "./running_attempt.ts";
import { Savepoints } from "./savepoints.ts";
import { type Rescaling, reshaped, type Shape } from "./shape.ts";
import { edgesToKeep } from "./new_homes.ts";
import { recordsInFlight } from "./snapshot.ts";

export class JobMaster implements LaneBehavior<MasterControl>, DataLane {
  readonly ready = false;
  readonly #options: MasterOptions;
  #context!: ActorContext<MasterControl>;
  #attemptNumber: number;
  #life: string;
  #nextCheckpointId: CheckpointId;
  readonly #allotment: Allotment;
  #running: RunningAttempt | undefined;
  #timer: Timer | undefined;
  readonly #judge: FailureJudge;
  /** Why nothing is tried again for now. */
  #paused: Extract<Recovery, { kind: "pause" }> | undefined;
  #everStarted = false;
  #everCompleted = false;
  #stopping = false;
  #stopMode: BarrierMode | undefined;
  #shape: Shape;
  #rescaling: Rescaling | undefined;
  #downSince: number;
  #waiting: Settle<CheckpointId>[] = [];
  readonly #savepoints: Savepoints;
  #over: { readonly result: RunResult } | { readonly cause: unknown } | undefined;

  constructor(options: MasterOptions) {
    this.#options = options;
    this.#shape = options;
    this.#everStarted = options.resumed ?? false;
    this.#everCompleted = options.completed ?? false;
    const record = options.store.record();
    this.#attemptNumber = record.attempt;
    this.#life = options.world.random.fork(`life ${record.attempt}`).id();
    this.#nextCheckpointId = record.nextCheckpointId;
    this.#judge = new FailureJudge(options.graph.name, options.settings, options.world.random);
    this.#downSince = options.world.clock.monotonic();
    this.#savepoints = new Savepoints(options);
    this.#allotment = new Allotment(options.store);
  }

  // The actor

  lane(_host: LaneHost, context: ActorContext<MasterControl>): DataLane {
    this.#context = context;
    return this;
  }

  run(): number {
    return 0;
  }

  close(): readonly unknown[] {
    return [];
  }

  control(message: MasterControl): void | Promise<void> {
    switch (message.kind) {
      case "deploy":
        return message.attempt === this.#attemptNumber + 1 ? this.#deploy() : undefined;
      case "adopt":
        return this.#adopt(message);
      case "ready":
        return this.#onReady(message.attempt);
      case "coordinate":
        if (this.#runs(message.attempt)) this.#coordinate(message.event);
        return;
      case "acknowledged":
      case "written":
        if (!this.#runs(message.attempt) || !this.#coordinates) return;
        return this.#running?.checkpoints[message.kind](message.id, message.acknowledgements, message.file);
      case "failed":
        return this.#onFailure(message.attempt, message.cause);
      case "stopped":
        return this.#runs(message.attempt) ? this.#onStopped() : undefined;
      case "checkpoint":
        if (this.#over !== undefined) return message.settle.reject(this.#ended());
        this.#waiting.push(message.settle);
        return this.#coordinate({ kind: "request" });
      case "rescale":
        return this.#rescale(message.parallelism, message.settle);
      case "skipped":
        return giveLetter(this.#judge.suspects.letter(message.record, message.attempt), {
          ...this.#options,
          warn: (text) => this.#warn("DEAD_LETTERS_FAILED", text),
        });
      case "resume":
        return this.#resume();
      case "savepoint":
        return this.#savepoint(message.savepoint);
      case "stop":
        return this.#stop(message.savepoint, message.mode);
      case "cancel":
        return this.#end({ cause: message.cause });
      default:
        message satisfies never;
    }
  }

  signal(signal: Signal): void {
    this.#running?.deployment.signal(signal);
  }

  async stop(reason: StopReason): Promise<void> {
    this.#timer?.cancel();
    const running = this.#running;
    await running?.checkpoints.close();
    await running?.deployment.close();
    if (this.#over !== undefined) return;
    const stopped = new SluiceError("RUN_CANCELLED", "the run was stopped from outside");
    this.#settle({ cause: reason.kind === "failed" ? reason.cause : stopped });
  }

  // Deployment

  async #deploy(): Promise<void> {
    const { world } = this.#options;
    let number = ++this.#attemptNumber;
    if (this.#rescaling !== undefined) {
      this.#shape = this.#rescaling.shape;
      this.#rescaling.attempt = number;
    }
    const { graph, parallelism } = this.#shape;
    try {
      // While that is made durable, what the attempt starts from is read already.
      const allotted = this.#allotment.of(number, this.#nextCheckpointId);
      const first = !this.#everCompleted;
      const choice = await chooseSnapshot(
        { ...this.#options, graph, parallelism, first, allotted },
        number,
        (code, message) => this.#warn(code, message),
      );
      await allotted;
      const snapshot = choice?.snapshot;
      if (snapshot?.foreign === true) number = await this.#goBeyond(snapshot.manifest);
      const keepEdges = snapshot === undefined ? new Set<string>() : edgesToKeep(snapshot.manifest, graph);
      const plan = planGraph(graph, { parallelism, keepEdges });
      const splits = await listSplits(plan, world, snapshot);
      if (this.#over !== undefined) return;
      await this.#start(number, plan, choice, splits);
    } catch (cause) {
      this.#options.emit({ kind: "failed", at: world.clock.now(), attempt: number, cause, positions: {} });
      this.#recover({ cause, positions: {} });
    }
  }

  async #start(
    number: number,
    plan: Plan,
    choice: Choice | undefined,
    splits: ReadonlyMap<string, readonly Split[]>,
  ): Promise<void> {
    const snapshot = choice?.snapshot;
    if (snapshot?.foreign === false) this.#life = snapshot.manifest.life;
    const restored = snapshot === undefined
      ? undefined
      : { id: snapshot.manifest.id, location: snapshot.location, inFlightRecords: recordsInFlight(snapshot) };
    const deployed = this.#options.deploy({
      attempt: new Attempt(number, this.#life, plan, restored),
      snapshot,
      decision: choice?.decision,
      splits,
      guards: this.#judge.suspects.guards(),
      settings: this.#options.settings,
      context: this.#context as unknown as ActorContext<never>,
      reports: reportsTo(this.#context.self, number),
    });
    const deployment = deployed instanceof Promise ? await deployed : deployed;
    this.#running = new RunningAttempt(deployment, this.#checkpointing(deployment));
  }

  /** No id that the other master can have triggered is used again; what has been completed is built upon. */
  #adopt({ attempt, completed, deploy }: Extract<MasterControl, { kind: "adopt" }>): void {
    if (this.#over !== undefined) return;
    this.#life = attempt.life;
    this.#everCompleted = hasCompleted(attempt, completed, this.#options.settings.from);
    const deployment = deploy(reportsTo(this.#context.self, attempt.number));
    this.#running = new RunningAttempt(deployment, this.#checkpointing(deployment, completed));
  }

  /** What is restored from elsewhere goes on above its numbers: ids, and attempts, by which recovered channels are told apart. */
  async #goBeyond({ id, attempt }: Manifest): Promise<number> {
    if (attempt >= this.#attemptNumber) this.#attemptNumber = attempt + 1;
    this.#nextCheckpointId = Math.max(this.#nextCheckpointId, id + 1);
    const { store } = this.#options;
    const nextCheckpointId = Math.max(store.record().nextCheckpointId, this.#nextCheckpointId + idBlock);
    await store.reserve({ attempt: this.#attemptNumber, nextCheckpointId });
    if (this.#rescaling !== undefined) this.#rescaling.attempt = this.#attemptNumber;
    return this.#attemptNumber;
  }

  #checkpointing(deployment: Deployment, completed: readonly Manifest[] = []): Checkpointing {
    const { graph, settings, world, store, emit } = this.#options;
    const { number } = deployment.attempt;
    return new Checkpointing({
      job: graph.name,
      deployment,
      manifests: completed,
      store,
      settings,
      world,
      nextId: this.#nextCheckpointId,
      emit,
      warn: (code, message) => this.#warn(code, message),
      later: (event) => this.#context.self.tell({ kind: "coordinate", attempt: number, event }),
      expedite: (work) => this.#context.system.expedite(work),
      completed: (id) => this.#onCompleted(id),
      savepoint: (ticket, manifest) => this.#savepoints.write(ticket, manifest),
      failing: (cause) => this.#onFailure(number, cause),
      done: (checkpoint, stopped) => {
        if (stopped && this.#rescaling !== undefined && !this.#stopping) this.#replace();
        else if (!this.#savepoints.last) this.#end({ result: { checkpoint, stopped } });
        else void this.#savepoints.writeLast(checkpoint).then(() => this.#end({ result: { checkpoint, stopped } }));
      },
    });
  }

  #onReady(number: number): void {
    const running = this.#running;
    if (running === undefined || !this.#runs(number) || running.failure !== undefined || running.started) return;
    const { clock } = this.#options.world;
    const { deployment } = running;
    const { restored } = deployment.attempt;
    running.started = true;
    this.#everStarted = true;
    this.#options.emit({
      kind: "started",
      at: clock.now(),
      attempt: number,
      checkpoint: restored?.id,
      location: restored?.location,
      positions: deployment.positions(),
      tookMs: clock.monotonic() - this.#downSince,
      inFlightRecords: restored?.inFlightRecords ?? 0,
    });
    deployment.run();
    this.#options.running.resolve();
    for (const event of running.takeEarly()) this.#coordinate(event);
    if (this.#rescaling?.attempt === number) {
      this.#rescaling.settle.resolve();
      this.#rescaling = undefined;
    }
    if (this.#stopping || this.#rescaling !== undefined) this.#coordinate({ kind: "stop", mode: this.#stopMode });
    else if (this.#waiting.length > 0) this.#coordinate({ kind: "request" });
    else running.checkpoints.armTick();
    for (const request of this.#savepoints.open) this.#coordinate({ kind: "savepoint", request });
  }

  // Failure

  #onFailure(number: number, cause: unknown): void {
    const running = this.#running;
    if (running === undefined || !this.#runs(number) || running.failure !== undefined || running.replaced) return;
    if (this.#over !== undefined) return;
    const { clock } = this.#options.world;
    const positions = running.deployment.positions();
    running.failure = { cause, positions };
    void running.checkpoints.close();
    this.#downSince = clock.monotonic();
    // Most likely there will be another attempt: its numbers are made durable while this one stops.
    if (hopelessIn(cause) === undefined) void this.#allotment.of(number + 1, running.checkpoints.nextId);
    this.#options.emit({ kind: "failed", at: clock.now(), attempt: number, cause, positions });
    running.deployment.stop();
  }

  async #onStopped(): Promise<void> {
    const running = this.#running as RunningAttempt;
    await running.checkpoints.close();
    await running.deployment.close();
    this.#running = undefined;
    this.#nextCheckpointId = running.checkpoints.nextId;
    if (this.#over !== undefined) return this.#settle(this.#over);
    if (running.failure !== undefined) this.#recover(running.failure);
    else if (running.replaced) await this.#deploy();
  }

  /** Every subtask of the failed attempt has ended, or none was made: what next? */
  #recover(failure: Pick<AttemptFailure, "cause" | "positions">): void {
    const { world, emit } = this.#options;
    if (!this.#everStarted && !isOfTheMachine(failure.cause)) return this.#end({ cause: failure.cause });
    const next = this.#judge.judge({ ...failure, nowMs: world.clock.monotonic() });
    const at = world.clock.now();
    if (next.kind === "restart") {
      const attempt = this.#attemptNumber + 1;
      emit({ kind: "restarting", at, attempt, delayMs: next.delayMs });
      const deploy = () => this.#context.self.tell({ kind: "deploy", attempt });
      if (next.delayMs > 0) this.#timer = world.clock.setTimer(next.delayMs, deploy);
      else deploy(); // the shortest of timers takes more than a millisecond
      return;
    }
    if (next.kind === "end" || this.#stopping) return this.#end({ cause: next.cause });
    this.#paused = next;
    const { failures: _, error: __, seen: ___, ...suspect } = next.suspect;
    emit({ kind: "paused", at, attempt: this.#attemptNumber, ...suspect, cause: next.cause });
  }

  #resume(): void {
    if (this.#paused === undefined || this.#over !== undefined) return;
    this.#judge.suspects.forgive(this.#paused.suspect);
    this.#paused = undefined;
    this.#context.self.tell({ kind: "deploy", attempt: this.#attemptNumber + 1 });
  }

  // Savepoints

  async #savepoint(wanted: WantedSavepoint): Promise<void> {
    if (this.#over !== undefined) return wanted.settle.reject(this.#ended());
    const request = await this.#savepoints.add(wanted);
    if (request !== undefined) this.#coordinate({ kind: "savepoint", request });
  }

  async #stop(savepoint: WantedSavepoint | undefined, mode: BarrierMode | undefined): Promise<void> {
    if (savepoint !== undefined && this.#over !== undefined) return savepoint.settle.reject(this.#ended());
    if (savepoint !== undefined && !await this.#savepoints.addLast(savepoint)) return;
    this.#stopping = true;
    this.#stopMode = savepoint === undefined ? mode : savepoint.mode;
    if (this.#paused !== undefined) return this.#end(this.#paused);
    this.#coordinate({ kind: "stop", mode: this.#stopMode });
  }

  // Another parallelism

  /** Stops with a checkpoint; a failure meanwhile does as well, since any completed checkpoint can be taken up. */
  #rescale(parallelism: Parallelism, settle: Settle<void>): void {
    const { emit, world } = this.#options;
    const { name } = this.#shape.graph;
    if (this.#over !== undefined || this.#stopping) return settle.reject(this.#ended());
    if (this.#rescaling !== undefined) {
      return settle.reject(new SluiceError("RESCALING", `job ${name} is being rescaled already: wait for that to end`));
    }
    let shape: Shape;
    try {
      shape = reshaped(this.#shape, parallelism);
    } catch (error) {
      return settle.reject(error);
    }
    this.#rescaling = { shape, settle, attempt: undefined };
    emit({ kind: "rescaling", at: world.clock.now(), parallelism });
    this.#coordinate({ kind: "stop" });
  }

  /** The job has stopped with a checkpoint: its subtasks make room for others. */
  #replace(): void {
    const running = this.#running;
    if (running === undefined) return;
    running.replaced = true;
    this.#downSince = this.#options.world.clock.monotonic();
    void running.checkpoints.close();
    running.deployment.stop();
  }

  // Checkpoints

  #coordinate(event: CoordinatorEvent): void {
    if (this.#coordinates) this.#running?.checkpoints.handle(event);
    else if (this.#running?.started === false) this.#running.hearEarly(event);
  }

  get #coordinates(): boolean {
    const running = this.#running;
    return running?.started === true && running.failure === undefined && !running.replaced && this.#over === undefined;
  }

  #runs(attempt: number): boolean {
    return this.#running?.deployment.attempt.number === attempt;
  }

  #onCompleted(id: CheckpointId): void {
    this.#judge.checkpointed();
    this.#everCompleted = true;
    for (const settle of this.#waiting.splice(0)) settle.resolve(id);
  }

  #warn(code: string, message: string): void {
    const { emit, world } = this.#options;
    emit({ kind: "warning", at: world.clock.now(), code, message });
    world.log({ level: "warn", from: this.#options.graph.name, message });
  }

  // The end

  #end(over: { readonly result: RunResult } | { readonly cause: unknown }): void {
    if (this.#over !== undefined) return;
    this.#over = over;
    this.#timer?.cancel();
    const running = this.#running;
    if (running === undefined) return this.#settle(over);
    void running.checkpoints.close();
    running.deployment.stop();
  }

  #ended(): SluiceError {
    return new SluiceError("RUN_ENDED", `the run of ${this.#options.graph.name} has ended`);
  }

  #settle(over: { readonly result: RunResult } | { readonly cause: unknown }): void {
    const { emit, running, ended, world } = this.#options;
    const at = world.clock.now();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#savepoints.close("cause" in over ? over.cause : this.#ended());
    this.#rescaling?.settle.reject("cause" in over ? over.cause : this.#ended());
    this.#rescaling = undefined;
    if ("result" in over) {
      emit({ kind: "finished", at, ...over.result });
      ended.resolve(over.result);
      for (const settle of waiting) settle.resolve(over.result.checkpoint);
    } else {
      emit({ kind: "given-up", at, cause: over.cause });
      running.reject(over.cause);
      ended.reject(over.cause);
      for (const settle of waiting) settle.reject(over.cause);
    }
    this.#context.stop();
  }
}
