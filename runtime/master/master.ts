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
import type { CheckpointStore } from "../checkpoint/storage.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { LogicalGraph } from "../graph/logical.ts";
import { type Parallelism, withParallelism } from "../graph/parallelism.ts";
import type { Plan } from "../graph/plan.ts";
import { plan as planGraph } from "../graph/planner.ts";
import type { Split } from "../graph/source.ts";
import { Attempt, type World } from "./attempt.ts";
import type { ChannelLinks } from "./channel_links.ts";
import type { SkippedRecord } from "../task/guarded_link.ts";
import type { JobEvent } from "./event.ts";
import { Checkpointing, idBlock } from "./checkpointing.ts";
import { listSplits } from "./splits.ts";
import type { RunSettings } from "./options.ts";
import { giveLetter } from "./poison.ts";
import { type AttemptFailure, FailureJudge, type Recovery } from "./recovery.ts";
import { chooseSnapshot } from "./choose_snapshot.ts";
import { edgesInFlight, recordsInFlight, type Snapshot } from "./snapshot.ts";

/** What the master is told. */
export type MasterControl =
  | { readonly kind: "deploy"; readonly attempt: number }
  | { readonly kind: "ready"; readonly attempt: number }
  | { readonly kind: "coordinate"; readonly attempt: number; readonly event: CoordinatorEvent }
  | { readonly kind: "checkpoint"; readonly settle: Settle<CheckpointId> }
  /** Go on with another parallelism. */
  | { readonly kind: "rescale"; readonly parallelism: Parallelism; readonly settle: Settle<void> }
  | { readonly kind: "skipped"; readonly attempt: number; readonly record: SkippedRecord }
  /** Go on after a pause. */
  | { readonly kind: "resume" }
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

interface RunningAttempt {
  readonly attempt: Attempt;
  readonly checkpoints: Checkpointing;
  readonly links: ChannelLinks;
  ready: number;
  started: boolean;
  /** Subtasks that have not ended yet. */
  alive: number;
  failure: Pick<AttemptFailure, "cause" | "positions"> | undefined;
  /** It ends to make room for one with another parallelism. */
  replaced: boolean;
}

/** What is deployed: a graph, and the parallelism of operators that have none of their own. */
interface Shape {
  readonly graph: LogicalGraph;
  readonly parallelism: number;
}

/** A change of parallelism under way; `attempt` is the first that has it. */
interface Rescaling {
  readonly shape: Shape;
  readonly settle: Settle<void>;
  attempt: number | undefined;
}

export class JobMaster implements LaneBehavior<MasterControl>, DataLane {
  readonly ready = false;
  readonly #options: MasterOptions;
  #context!: ActorContext<MasterControl>;
  #attemptNumber: number;
  #life: string;
  #nextCheckpointId: CheckpointId;
  #running: RunningAttempt | undefined;
  #timer: Timer | undefined;
  readonly #judge: FailureJudge;
  /** Why nothing is tried again for now. */
  #paused: Extract<Recovery, { kind: "pause" }> | undefined;
  #everStarted = false;
  #stopping = false;
  #shape: Shape;
  #rescaling: Rescaling | undefined;
  #downSince: number;
  #waiting: Settle<CheckpointId>[] = [];
  #over: { readonly result: RunResult } | { readonly cause: unknown } | undefined;

  constructor(options: MasterOptions) {
    this.#options = options;
    this.#shape = options;
    const record = options.store.record();
    this.#attemptNumber = record.attempt;
    this.#life = options.world.random.fork(`life ${record.attempt}`).id();
    this.#nextCheckpointId = record.nextCheckpointId;
    this.#judge = new FailureJudge(options.graph.name, options.settings, options.world.random);
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
      case "rescale":
        return this.#rescale(message.parallelism, message.settle);
      case "skipped":
        return giveLetter(this.#judge.suspects.letter(message.record, message.attempt), {
          ...this.#options,
          warn: (text) => this.#warn("DEAD_LETTERS_FAILED", text),
        });
      case "resume":
        return this.#resume();
      case "stop":
        this.#stopping = true;
        if (this.#paused !== undefined) return this.#end(this.#paused);
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
    if (running.failure === undefined && !running.replaced && this.#over === undefined) {
      const cause = signal.reason.kind === "failed" ? signal.reason.cause : new Error("a subtask stopped by itself");
      this.#onFailure(running.attempt.number, cause);
    }
    if (running.alive === 0) return this.#allStopped(running);
  }

  async stop(reason: StopReason): Promise<void> {
    this.#timer?.cancel();
    const running = this.#running;
    running?.links.close();
    await running?.checkpoints.close();
    await running?.attempt.close();
    if (this.#over !== undefined) return;
    const stopped = new SluiceError("RUN_CANCELLED", "the run was stopped from outside");
    this.#settle({ cause: reason.kind === "failed" ? reason.cause : stopped });
  }

  // Deployment

  async #deploy(): Promise<void> {
    const { world, store } = this.#options;
    const number = ++this.#attemptNumber;
    if (this.#rescaling !== undefined) {
      this.#shape = this.#rescaling.shape;
      this.#rescaling.attempt = number;
    }
    const { graph, parallelism } = this.#shape;
    try {
      await store.reserve({ attempt: number, nextCheckpointId: this.#nextCheckpointId + idBlock });
      const first = !this.#everStarted;
      const snapshot = await chooseSnapshot(
        { ...this.#options, graph, parallelism, first },
        number,
        (code, message) => this.#warn(code, message),
      );
      const keepEdges = snapshot === undefined ? new Set<string>() : edgesInFlight(snapshot);
      const plan = planGraph(graph, { parallelism, keepEdges });
      const splits = await listSplits(plan, world, snapshot);
      if (this.#over !== undefined) return;
      this.#spawn(number, plan, snapshot, splits);
    } catch (cause) {
      this.#options.emit({ kind: "failed", at: world.clock.now(), attempt: number, cause, positions: {} });
      this.#recover({ cause, positions: {} });
    }
  }

  #spawn(number: number, plan: Plan, snapshot: Snapshot | undefined, splits: ReadonlyMap<string, readonly Split[]>): void {
    const { graph, settings, world, store } = this.#options;
    const { self } = this.#context;
    const links = this.#options.links(number);
    this.#life = snapshot?.manifest.life ?? this.#life;
    const attempt = new Attempt({
      job: graph.name,
      life: this.#life,
      number,
      plan,
      snapshot,
      splits,
      settings,
      world,
      store,
      links,
      guards: this.#judge.suspects.guards(),
      context: this.#context as unknown as ActorContext<never>,
      reports: {
        ready: () => self.tell({ kind: "ready", attempt: number }),
        coordinate: (event) => self.tell({ kind: "coordinate", attempt: number, event }),
        skipped: (record) => self.tell({ kind: "skipped", attempt: number, record }),
        dataFile: (id, file) => this.#running?.checkpoints.dataFile(id, file),
      },
    });
    const checkpoints = new Checkpointing({
      job: graph.name,
      attempt,
      store,
      settings,
      world,
      nextId: this.#nextCheckpointId,
      emit: this.#options.emit,
      warn: (code, message) => this.#warn(code, message),
      later: (event) => self.tell({ kind: "coordinate", attempt: number, event }),
      completed: (id) => this.#onCompleted(id),
      failing: (cause) => this.#onFailure(number, cause),
      done: (checkpoint, stopped) => {
        if (stopped && this.#rescaling !== undefined && !this.#stopping) this.#replace();
        else this.#end({ result: { checkpoint, stopped } });
      },
    });
    const alive = attempt.subtasks.length;
    this.#running = { attempt, checkpoints, links, ready: 0, started: false, alive, failure: undefined, replaced: false };
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
    if (this.#rescaling?.attempt === number) {
      this.#rescaling.settle.resolve();
      this.#rescaling = undefined;
    }
    if (this.#stopping || this.#rescaling !== undefined) this.#coordinate({ kind: "stop" });
    else if (this.#waiting.length > 0) this.#coordinate({ kind: "request" });
    else running.checkpoints.armTick();
  }

  // Failure

  #onFailure(number: number, cause: unknown): void {
    const running = this.#running;
    if (running?.attempt.number !== number || running.failure !== undefined || running.replaced || this.#over !== undefined) {
      return;
    }
    const { clock } = this.#options.world;
    const positions = running.attempt.positions();
    running.failure = { cause, positions };
    void running.checkpoints.close();
    this.#downSince = clock.monotonic();
    this.#options.emit({ kind: "failed", at: clock.now(), attempt: number, cause, positions });
    for (const { ref } of running.attempt.subtasks) this.#context.stop(ref);
  }

  async #allStopped(running: RunningAttempt): Promise<void> {
    running.links.close();
    await running.checkpoints.close();
    await running.attempt.close();
    this.#running = undefined;
    this.#nextCheckpointId = running.checkpoints.nextId;
    if (this.#over !== undefined) return this.#settle(this.#over);
    if (running.failure !== undefined) this.#recover(running.failure);
    else if (running.replaced) await this.#deploy();
  }

  /** Every subtask of the failed attempt has ended, or none was made: what next? */
  #recover(failure: Pick<AttemptFailure, "cause" | "positions">): void {
    const { world, emit } = this.#options;
    if (!this.#everStarted) return this.#end({ cause: failure.cause });
    const next = this.#judge.judge({ ...failure, nowMs: world.clock.monotonic() });
    const at = world.clock.now();
    if (next.kind === "restart") {
      const attempt = this.#attemptNumber + 1;
      emit({ kind: "restarting", at, attempt, delayMs: next.delayMs });
      this.#timer = world.clock.setTimer(next.delayMs, () => this.#context.self.tell({ kind: "deploy", attempt }));
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
      shape = typeof parallelism === "number"
        ? { graph: this.#shape.graph, parallelism }
        : { graph: withParallelism(this.#shape.graph, parallelism), parallelism: this.#shape.parallelism };
      planGraph(shape.graph, shape);
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
    for (const { ref } of running.attempt.subtasks) this.#context.stop(ref);
  }

  // Checkpoints

  #coordinate(event: CoordinatorEvent): void {
    const running = this.#running;
    if (running === undefined || !running.started || running.failure !== undefined || running.replaced) return;
    if (this.#over !== undefined) return;
    running.checkpoints.handle(event);
  }

  #onCompleted(id: CheckpointId): void {
    this.#judge.checkpointed();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const settle of waiting) settle.resolve(id);
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
