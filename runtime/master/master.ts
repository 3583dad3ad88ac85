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
import {
  type CheckpointReason,
  coordinate,
  type Coordination,
  type CoordinatorAction,
  type CoordinatorEvent,
  newCoordination,
  nextTickAt,
} from "../checkpoint/coordinator.ts";
import type { Acknowledgement } from "../checkpoint/contribution.ts";
import type { DataFile, Manifest } from "../checkpoint/manifest.ts";
import { proveCapture } from "../checkpoint/proof.ts";
import { checkpointsToRemove } from "../checkpoint/retention.ts";
import type { CheckpointStore } from "../checkpoint/storage.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { LogicalGraph } from "../graph/logical.ts";
import type { Plan } from "../graph/plan.ts";
import { plan as planGraph } from "../graph/planner.ts";
import type { Split } from "../graph/source.ts";
import { Attempt, type World } from "./attempt.ts";
import type { ChannelLinks } from "./channel_links.ts";
import type { CheckpointFigures, JobEvent } from "./event.ts";
import { listSplits } from "./splits.ts";
import type { RunSettings } from "./options.ts";
import { decideRestart, type FailureHistory } from "./restart.ts";
import { rulesOf } from "./rules.ts";
import { chooseSnapshot } from "./choose_snapshot.ts";
import { edgesInFlight, recordsInFlight, type Snapshot } from "./snapshot.ts";

/** What the master is told. */
export type MasterControl =
  | { readonly kind: "deploy"; readonly attempt: number }
  | { readonly kind: "ready"; readonly attempt: number }
  | { readonly kind: "coordinate"; readonly attempt: number; readonly event: CoordinatorEvent }
  | { readonly kind: "checkpoint"; readonly settle: Settle<CheckpointId> }
  /** End with a last checkpoint. */
  | { readonly kind: "stop" }
  /** End at once. */
  | { readonly kind: "cancel"; readonly cause: unknown };

/** The two ends of a promise. */
export interface Settle<T> {
  resolve(value: T): void;
  reject(cause: unknown): void;
}

/** How a run ended. */
export interface RunResult {
  readonly checkpoint: CheckpointId;
  /** By `stop`, before the end of input. */
  readonly stopped: boolean;
}

/** What a master is made from. */
export interface MasterOptions {
  readonly graph: LogicalGraph;
  readonly parallelism: number;
  readonly settings: RunSettings;
  readonly world: World;
  readonly store: CheckpointStore;
  readonly links: (attempt: number) => ChannelLinks;
  readonly emit: (event: JobEvent) => void;
  /** The first attempt processes. */
  readonly running: Settle<void>;
  readonly ended: Settle<RunResult>;
}

/** How many checkpoint ids are allotted at a time. */
const idBlock = 1_000;

/** The same failure so many times in a row, without a checkpoint between, is not going to go away. */
const sameFailuresMax = 3;

/** Failures that would come again on every attempt. */
const hopeless = new Set(["CHECKPOINT_MISMATCH", "STATE_MISMATCH", "STATE_UNKNOWN", "RECORD_MALFORMED", "RESTORE_REFUSED"]);

interface RunningAttempt {
  readonly attempt: Attempt;
  readonly coordination: Coordination;
  readonly files: Map<CheckpointId, DataFile>;
  readonly triggered: Map<CheckpointId, { readonly at: number; readonly monotonic: number; readonly reason: CheckpointReason }>;
  readonly links: ChannelLinks;
  ready: number;
  started: boolean;
  /** Subtasks that have not ended yet. */
  alive: number;
  failure: { readonly cause: unknown } | undefined;
}

export class JobMaster implements LaneBehavior<MasterControl>, DataLane {
  readonly ready = false;
  readonly #options: MasterOptions;
  #context!: ActorContext<MasterControl>;
  #attemptNumber: number;
  #nextCheckpointId: CheckpointId;
  #running: RunningAttempt | undefined;
  #timer: Timer | undefined;
  #history: FailureHistory = [];
  #lastFailure = "";
  #sameFailures = 0;
  #everStarted = false;
  #stopping = false;
  #downSince: number;
  #waiting: Settle<CheckpointId>[] = [];
  /** The completion under way: what it comes to decides what the next attempt is restored from. */
  #completing: Promise<void> = Promise.resolve();
  #over: { readonly result: RunResult } | { readonly cause: unknown } | undefined;

  constructor(options: MasterOptions) {
    this.#options = options;
    const record = options.store.record();
    this.#attemptNumber = record.attempt;
    this.#nextCheckpointId = record.nextCheckpointId;
    this.#downSince = options.world.clock.monotonic();
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
      case "ready":
        return this.#onReady(message.attempt);
      case "coordinate":
        if (message.attempt === this.#running?.attempt.number) this.#coordinate(message.event);
        return;
      case "checkpoint":
        if (this.#over !== undefined) return message.settle.reject(this.#ended());
        this.#waiting.push(message.settle);
        return this.#coordinate({ kind: "request" });
      case "stop":
        this.#stopping = true;
        return this.#coordinate({ kind: "stop" });
      case "cancel":
        return this.#end({ cause: message.cause });
      default:
        message satisfies never;
    }
  }

  signal(signal: Signal): void | Promise<void> {
    const running = this.#running;
    if (signal.kind !== "terminated" || running === undefined) return;
    if (!running.attempt.subtasks.some(({ ref }) => ref.address.id === signal.ref.address.id)) return;
    running.alive--;
    if (running.failure === undefined && this.#over === undefined) {
      const cause = signal.reason.kind === "failed" ? signal.reason.cause : new Error("a subtask stopped by itself");
      this.#onFailure(running.attempt.number, cause);
    }
    if (running.alive === 0) return this.#allStopped(running);
  }

  async stop(_reason: StopReason): Promise<void> {
    this.#timer?.cancel();
    const running = this.#running;
    running?.links.close();
    await running?.attempt.close();
    if (this.#over === undefined) this.#settle({ cause: new SluiceError("RUN_CANCELLED", "the run was stopped from outside") });
  }

  // Deployment

  async #deploy(): Promise<void> {
    const { graph, parallelism, world, store } = this.#options;
    const number = ++this.#attemptNumber;
    try {
      await this.#completing;
      await store.reserve({ attempt: number, nextCheckpointId: this.#nextCheckpointId + idBlock });
      const first = !this.#everStarted;
      const snapshot = await chooseSnapshot({ ...this.#options, first }, number, (code, message) => this.#warn(code, message));
      const keepEdges = snapshot === undefined ? new Set<string>() : edgesInFlight(snapshot);
      const plan = planGraph(graph, { parallelism, keepEdges });
      const splits = await listSplits(plan, world, snapshot);
      if (this.#over !== undefined) return;
      this.#spawn(number, plan, snapshot, splits);
    } catch (cause) {
      this.#options.emit({ kind: "failed", at: world.clock.now(), attempt: number, cause, positions: {} });
      this.#recover(cause);
    }
  }

  #spawn(number: number, plan: Plan, snapshot: Snapshot | undefined, splits: ReadonlyMap<string, readonly Split[]>): void {
    const { graph, settings, world, store } = this.#options;
    const { self } = this.#context;
    const links = this.#options.links(number);
    const files = new Map<CheckpointId, DataFile>();
    const attempt = new Attempt({
      job: graph.name,
      number,
      plan,
      snapshot,
      splits,
      settings,
      world,
      store,
      links,
      context: this.#context as unknown as ActorContext<never>,
      reports: {
        ready: () => self.tell({ kind: "ready", attempt: number }),
        coordinate: (event) => self.tell({ kind: "coordinate", attempt: number, event }),
        dataFile: (id, file) => files.set(id, file),
      },
    });
    const coordination = newCoordination(settings.policy, {
      subtasks: attempt.subtasks.length,
      sinkSubtasks: attempt.sinkSubtasks,
      nextId: this.#nextCheckpointId,
      restored: snapshot?.manifest.id ?? 0,
      nowMs: world.clock.monotonic(),
    });
    this.#running = {
      attempt,
      coordination,
      files,
      triggered: new Map(),
      links,
      ready: 0,
      started: false,
      alive: attempt.subtasks.length,
      failure: undefined,
    };
  }

  #onReady(number: number): void {
    const running = this.#running;
    if (running?.attempt.number !== number || ++running.ready < running.attempt.subtasks.length) return;
    if (running.failure !== undefined) return;
    const { clock } = this.#options.world;
    const { attempt } = running;
    running.started = true;
    this.#everStarted = true;
    this.#options.emit({
      kind: "started",
      at: clock.now(),
      attempt: number,
      checkpoint: attempt.snapshot?.manifest.id,
      location: attempt.snapshot?.location,
      positions: attempt.positions(),
      tookMs: clock.monotonic() - this.#downSince,
      inFlightRecords: attempt.snapshot === undefined ? 0 : recordsInFlight(attempt.snapshot),
    });
    attempt.run();
    this.#options.running.resolve();
    if (this.#stopping) this.#coordinate({ kind: "stop" });
    else if (this.#waiting.length > 0) this.#coordinate({ kind: "request" });
    else this.#armTick();
  }

  // Failure

  #onFailure(number: number, cause: unknown): void {
    const running = this.#running;
    if (running?.attempt.number !== number || running.failure !== undefined || this.#over !== undefined) return;
    const { clock } = this.#options.world;
    running.failure = { cause };
    this.#timer?.cancel();
    this.#downSince = clock.monotonic();
    const positions = running.attempt.positions();
    this.#options.emit({ kind: "failed", at: clock.now(), attempt: number, cause, positions });
    for (const { ref } of running.attempt.subtasks) this.#context.stop(ref);
  }

  async #allStopped(running: RunningAttempt): Promise<void> {
    this.#running = undefined;
    running.links.close();
    await running.attempt.close();
    if (this.#over !== undefined) return this.#settle(this.#over);
    if (running.failure !== undefined) this.#recover(running.failure.cause);
  }

  /** Every subtask of the failed attempt has ended, or none was made: what next? */
  #recover(cause: unknown): void {
    const { settings, world, emit } = this.#options;
    const said = cause instanceof Error ? cause.message : String(cause);
    this.#sameFailures = said === this.#lastFailure ? this.#sameFailures + 1 : 1;
    this.#lastFailure = said;
    if (!this.#everStarted || (cause instanceof SluiceError && hopeless.has(cause.code))) return this.#end({ cause });
    if (this.#sameFailures > sameFailuresMax) {
      const reason = `the same failure came ${sameFailuresMax + 1} times in a row without a checkpoint between`;
      return this.#end({
        cause: new SluiceError("JOB_FAILED", `job ${this.#options.graph.name} failed: ${reason}: ${said}`, { cause }),
      });
    }
    const decision = decideRestart(settings.restart, this.#history, world.clock.monotonic(), world.random);
    if (decision.kind === "give-up") {
      const message = `job ${this.#options.graph.name} failed, and ${decision.reason}: ${said}`;
      return this.#end({ cause: new SluiceError("JOB_FAILED", message, { cause }) });
    }
    this.#history = decision.history;
    const attempt = this.#attemptNumber + 1;
    emit({ kind: "restarting", at: world.clock.now(), attempt, delayMs: decision.delayMs });
    this.#timer = world.clock.setTimer(decision.delayMs, () => this.#context.self.tell({ kind: "deploy", attempt }));
  }

  // Checkpoints

  #coordinate(event: CoordinatorEvent): void {
    const running = this.#running;
    if (running === undefined || !running.started || running.failure !== undefined || this.#over !== undefined) return;
    const now = this.#options.world.clock.monotonic();
    for (const action of coordinate(running.coordination, event, now)) this.#act(running, action);
    this.#armTick();
  }

  #act(running: RunningAttempt, action: CoordinatorAction): void {
    const { attempt } = running;
    const { world, emit } = this.#options;
    switch (action.kind) {
      case "trigger":
        running.triggered.set(action.id, { at: world.clock.now(), monotonic: world.clock.monotonic(), reason: action.reason });
        emit({ kind: "checkpoint-triggered", at: world.clock.now(), checkpoint: action.id, reason: action.reason });
        return this.#trigger(running, action.id, action.reason);
      case "abort":
        running.triggered.delete(action.id);
        attempt.abort(action.id);
        return emit({
          kind: "checkpoint-aborted",
          at: world.clock.now(),
          checkpoint: action.id,
          reason: action.reason,
          cause: action.cause,
        });
      case "complete":
        this.#completing = this.#complete(running, action.id, action.acknowledgements);
        return;
      case "announce":
        return attempt.completed(action.id);
      case "fail":
        return this.#onFailure(
          attempt.number,
          new SluiceError("CHECKPOINTS_FAILING", `checkpoints keep failing: ${action.reason}`, { cause: action.cause }),
        );
      case "done":
        return this.#end({ result: { checkpoint: action.id, stopped: action.stopped } });
      default:
        action satisfies never;
    }
  }

  /** Triggers a checkpoint whose id is allotted; a new block of ids is allotted first when this one is used up. */
  #trigger(running: RunningAttempt, id: CheckpointId, reason: CheckpointReason): void {
    this.#nextCheckpointId = id + 1;
    const { attempt } = running;
    const last = reason === "stop";
    const allotted = this.#options.store.record().nextCheckpointId;
    if (id < allotted) return attempt.trigger(id, last);
    this.#options.store.reserve({ attempt: attempt.number, nextCheckpointId: id + idBlock }).then(
      () => attempt.trigger(id, last),
      (cause: unknown) => {
        const said = cause instanceof Error ? cause.message : String(cause);
        const event = { kind: "declined", id, reason: `no further ids could be allotted: ${said}`, counts: true, cause } as const;
        this.#context.self.tell({ kind: "coordinate", attempt: attempt.number, event });
      },
    );
  }

  /** Proves the checkpoint and has the store complete it. */
  async #complete(running: RunningAttempt, id: CheckpointId, acknowledgements: readonly Acknowledgement[]): Promise<void> {
    const { attempt } = running;
    const { store, world, emit } = this.#options;
    const tell = (event: CoordinatorEvent) => this.#context.self.tell({ kind: "coordinate", attempt: attempt.number, event });
    try {
      const manifest = this.#manifest(running, id, acknowledgements);
      const stored = await store.complete(manifest);
      const trigger = running.triggered.get(id);
      running.triggered.delete(id);
      emit({
        kind: "checkpoint-completed",
        at: world.clock.now(),
        checkpoint: id,
        reason: trigger?.reason ?? "interval",
        location: stored.location,
        figures: figuresOf(attempt, acknowledgements, world.clock.monotonic() - (trigger?.monotonic ?? 0)),
      });
      this.#sameFailures = 0;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const settle of waiting) settle.resolve(id);
      if (this.#running === running) tell({ kind: "stored", id, final: acknowledgements.every((ack) => ack.finished) });
      await this.#retain();
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause);
      tell({ kind: "not-stored", id, reason: `it could not be completed: ${said}`, cause });
    }
  }

  #manifest(running: RunningAttempt, id: CheckpointId, acknowledgements: readonly Acknowledgement[]): Manifest {
    const { attempt, files } = running;
    const { settings, graph, world } = this.#options;
    const rules = rulesOf(settings.mode);
    const edges = new Map(attempt.plan.edges.map((edge) => [edge.id, edge]));
    const proof = proveCapture(attempt.channels, acknowledgements, {
      atLeastOnce: !rules.exactlyOnce,
      mustBeEmpty: (id) => {
        const edge = edges.get(id);
        return edge !== undefined && rules.align(edge) === "aligned";
      },
    });
    if (proof.kind === "refuted") {
      throw new SluiceError("CAPTURE_REFUTED", `checkpoint ${id} does not add up on channel ${proof.channel}: ${proof.reason}`);
    }
    const file = files.get(id);
    files.delete(id);
    return {
      version: 1,
      job: graph.name,
      graphHash: attempt.plan.hash,
      id,
      attempt: attempt.number,
      mode: settings.mode,
      final: acknowledgements.every((ack) => ack.finished) || running.triggered.get(id)?.reason === "stop",
      triggeredAt: running.triggered.get(id)?.at ?? world.clock.now(),
      completedAt: world.clock.now(),
      keyGroups: attempt.plan.keyGroups,
      tasks: attempt.plan.tasks.map((task) => ({
        id: task.id,
        parallelism: task.parallelism,
        operators: task.operators.map((operator) => operator.id),
      })),
      files: file === undefined ? [] : [file],
      parts: acknowledgements.flatMap((ack) => ack.parts),
      channels: proof.channels,
    };
  }

  /** Deletes what is not retained. A failure to delete is a warning: the checkpoint just taken is good. */
  async #retain(): Promise<void> {
    const { store, settings } = this.#options;
    try {
      const stored = await store.list();
      for (const old of checkpointsToRemove(stored, settings.retain)) await store.remove(old);
    } catch (cause) {
      this.#warn("RETENTION_FAILED", `old checkpoints could not be deleted: ${cause instanceof Error ? cause.message : cause}`);
    }
  }

  #armTick(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const running = this.#running;
    if (running === undefined || !running.started || running.failure !== undefined || this.#over !== undefined) return;
    const { clock } = this.#options.world;
    const at = nextTickAt(running.coordination);
    if (at === Infinity) return;
    const attempt = running.attempt.number;
    this.#timer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => {
      this.#context.self.tell({ kind: "coordinate", attempt, event: { kind: "tick" } });
    });
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
    for (const { ref } of running.attempt.subtasks) this.#context.stop(ref);
  }

  #ended(): SluiceError {
    return new SluiceError("RUN_ENDED", `the run of ${this.#options.graph.name} has ended`);
  }

  #settle(over: { readonly result: RunResult } | { readonly cause: unknown }): void {
    const { emit, running, ended, world } = this.#options;
    const at = world.clock.now();
    const waiting = this.#waiting;
    this.#waiting = [];
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

function figuresOf(attempt: Attempt, acknowledgements: readonly Acknowledgement[], endToEndMs: number): CheckpointFigures {
  const subtasks = acknowledgements.map((ack) => ({
    task: attempt.plan.tasks[ack.task]?.id ?? "",
    subtask: ack.subtask,
    ...ack.figures,
  }));
  const sum = (of: (figures: (typeof subtasks)[number]) => number) => subtasks.reduce((total, figures) => total + of(figures), 0);
  return {
    endToEndMs,
    stateBytes: sum((figures) => figures.stateBytes),
    inFlightBytes: sum((figures) => figures.inFlightBytes),
    inFlightRecords: sum((figures) => figures.inFlightRecords),
    subtasks,
  };
}
