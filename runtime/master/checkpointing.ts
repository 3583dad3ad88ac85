/**
 * The coordinator of one attempt: carries out what {@link coordinate} decides, on the attempt, the store and the clock.
 */
import type { Timer } from "../../actors/clock.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import type { Acknowledgement } from "../checkpoint/contribution.ts";
import {
  type CheckpointReason,
  coordinate,
  type Coordination,
  type CoordinatorAction,
  type CoordinatorEvent,
  newCoordination,
  nextTickAt,
} from "../checkpoint/coordinator.ts";
import { LastProof } from "../checkpoint/last_proof.ts";
import { quietLoops } from "../checkpoint/loop_end.ts";
import type { DataFile, Manifest } from "../checkpoint/manifest.ts";
import { checkpointsToRemove } from "../checkpoint/retention.ts";
import type { CheckpointStore } from "../checkpoint/storage.ts";
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import { idBlock } from "./allotment.ts";
import type { World } from "./attempt.ts";
import { figuresOf, inFile, manifestOf, type Trigger } from "./completion.ts";
import type { Deployment } from "./deployment.ts";
import type { JobEvent } from "./event.ts";
import type { RunSettings } from "./options.ts";

/** What a coordinator is made from, and whom it tells. */
export interface CheckpointingOptions {
  readonly job: string;
  readonly deployment: Deployment;
  /** What has been completed of the attempt before, by another coordinator. */
  readonly manifests: readonly Manifest[];
  readonly store: CheckpointStore;
  readonly settings: RunSettings;
  readonly world: World;
  readonly nextId: CheckpointId;
  readonly emit: (event: JobEvent) => void;
  readonly warn: (code: string, message: string) => void;
  /** Has the event given to `handle`, in a turn of its own. */
  readonly later: (event: CoordinatorEvent) => void;
  /** Lets work go ahead of records. */
  readonly expedite: (work: Promise<unknown>) => void;
  readonly completed: (id: CheckpointId) => void;
  /** Writes a savepoint that was asked for, out of what the store holds. Never rejects. */
  readonly savepoint: (ticket: number, manifest: Manifest) => Promise<void>;
  readonly failing: (cause: unknown) => void;
  readonly done: (id: CheckpointId, stopped: boolean) => void;
}

export class Checkpointing {
  readonly #options: CheckpointingOptions;
  readonly #coordination: Coordination;
  readonly #files = new Map<CheckpointId, DataFile[]>();
  /** Of the completed checkpoints of this attempt that are retained: later ones build on them. */
  readonly #manifests = new Map<CheckpointId, Manifest>();
  /** Those that are being written down while their data is made durable, by checkpoint. */
  readonly #prepared = new Map<CheckpointId, Manifest>();
  readonly #lastProof = new LastProof();
  #newest: CheckpointId = 0;
  readonly #triggered = new Map<CheckpointId, Trigger>();
  /** The completion under way. */
  #completing: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  /** What the timer is set for. */
  #tickAt = Infinity;
  #closed = false;

  constructor(options: CheckpointingOptions) {
    this.#options = options;
    const { settings, world } = options;
    const { attempt } = options.deployment;
    for (const manifest of options.manifests) {
      this.#manifests.set(manifest.id, manifest);
      this.#newest = Math.max(this.#newest, manifest.id);
    }
    this.#coordination = newCoordination(settings.policy, {
      subtasks: attempt.subtasks.length,
      sinkSubtasks: attempt.sinkSubtasks,
      loops: attempt.loopHeads,
      nextId: options.nextId,
      restored: Math.max(attempt.restored?.id ?? 0, this.#newest),
      nowMs: world.clock.monotonic(),
    });
  }

  /** The id that no checkpoint has had yet. */
  get nextId(): CheckpointId {
    return this.#coordination.nextId;
  }

  handle(event: CoordinatorEvent): void {
    if (this.#closed) return;
    for (const action of coordinate(this.#coordination, event, this.#options.world.clock.monotonic())) this.#act(action);
    this.armTick();
  }

  /** All that some subtasks contribute to a checkpoint is durable in this file. */
  acknowledged(id: CheckpointId, acknowledgements: readonly Acknowledgement[], file: DataFile): void {
    if (!this.#triggered.has(id)) return;
    const files = this.#files.get(id) ?? [];
    this.#files.set(id, files);
    const place = files.push(file) - 1;
    this.handle({ kind: "acknowledged", id, acknowledgements: inFile(place, acknowledgements) });
  }

  /**
   * All that some subtasks contribute to a checkpoint will be durable in this file. Where that is everything, its manifest is
   * written down meanwhile; whether it is complete is decided by what is acknowledged.
   */
  written(id: CheckpointId, acknowledgements: readonly Acknowledgement[], file: DataFile): void {
    const { deployment: { attempt }, store } = this.#options;
    const trigger = this.#triggered.get(id);
    if (this.#closed || store.prepare === undefined || trigger === undefined || trigger.reason === "savepoint") return;
    if (acknowledgements.length < attempt.subtasks.length || this.#files.has(id)) return; // or it is acknowledged already
    try {
      const manifest = this.#manifestOf(id, acknowledgements, [file]);
      store.prepare(manifest);
      this.#prepared.set(id, manifest);
    } catch {
      // What is wrong is said when it is to be completed.
    }
  }

  /** Sets the timer for the next thing that is due, unless it is set. */
  armTick(): void {
    const at = this.#closed ? Infinity : nextTickAt(this.#coordination);
    if (at === this.#tickAt) return;
    this.#timer?.cancel();
    this.#tickAt = at;
    if (at === Infinity) return;
    const { clock } = this.#options.world;
    this.#timer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => {
      this.#tickAt = Infinity;
      this.#options.later({ kind: "tick" });
    });
  }

  /**
   * Ends it. Settles when a completion under way has come to its end: what the next attempt is restored from depends on it.
   */
  close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    for (const id of [...this.#prepared.keys()]) this.#forget(id);
    return this.#completing;
  }

  #act(action: CoordinatorAction): void {
    const { deployment, world, emit } = this.#options;
    const at = world.clock.now();
    switch (action.kind) {
      case "trigger":
        this.#triggered.set(action.id, {
          at,
          monotonic: world.clock.monotonic(),
          reason: action.reason,
          base: this.#newest,
          mode: action.mode,
        });
        emit({ kind: "checkpoint-triggered", at, checkpoint: action.id, reason: action.reason });
        return this.#trigger(action.id, action.reason, action.mode);
      case "abort":
        this.#triggered.delete(action.id);
        this.#files.delete(action.id);
        this.#forget(action.id);
        deployment.abort(action.id);
        return emit({ kind: "checkpoint-aborted", at, checkpoint: action.id, reason: action.reason, cause: action.cause });
      case "export":
        this.#completing = this.#export(action.id, action.ticket, action.acknowledgements);
        return;
      case "release":
        return this.#release(action.id);
      case "complete":
        this.#completing = this.#complete(action.id, action.acknowledgements);
        return;
      case "announce":
        return deployment.completed(action.id);
      case "end-loop":
        return deployment.endLoop(action.loop, action.phase);
      case "fail": {
        const message = `checkpoints keep failing: ${action.reason}`;
        return this.#options.failing(new SluiceError("CHECKPOINTS_FAILING", message, { cause: action.cause }));
      }
      case "done":
        return this.#options.done(action.id, action.stopped);
      default:
        action satisfies never;
    }
  }

  /** Triggers a checkpoint whose id is allotted; a new block of ids is allotted first when this one is used up. */
  #trigger(id: CheckpointId, reason: CheckpointReason, mode: BarrierMode | undefined): void {
    const { deployment, store, later } = this.#options;
    const last = reason === "stop";
    if (id < store.record().nextCheckpointId) return deployment.trigger(id, last, 0, mode);
    store.reserve({ attempt: deployment.attempt.number, nextCheckpointId: id + idBlock }).then(
      () => this.#closed || deployment.trigger(id, last, 0, mode),
      (cause: unknown) => {
        const said = messageOf(cause);
        later({ kind: "declined", id, reason: `no further ids could be allotted: ${said}`, counts: true, cause });
      },
    );
  }

  /** Proves the checkpoint and has the store complete it. */
  async #complete(id: CheckpointId, acknowledgements: readonly Acknowledgement[]): Promise<void> {
    const { deployment, store, world, emit, later } = this.#options;
    const { attempt } = deployment;
    const trigger = this.#triggered.get(id);
    try {
      const manifest = this.#prepared.get(id) ?? this.#manifestOf(id, acknowledgements, this.#files.get(id) ?? []);
      this.#prepared.delete(id);
      const completing = store.complete(manifest);
      this.#options.expedite(completing);
      const stored = await completing;
      this.#manifests.set(id, manifest);
      this.#newest = id;
      this.#triggered.delete(id);
      this.#files.delete(id);
      emit({
        kind: "checkpoint-completed",
        at: world.clock.now(),
        checkpoint: id,
        reason: trigger?.reason ?? "interval",
        location: stored.location,
        figures: figuresOf(deployment, acknowledgements, manifest, world.clock.monotonic() - (trigger?.monotonic ?? 0)),
      });
      this.#options.completed(id);
      const quiet = quietLoops(attempt.plan, acknowledgements);
      later({ kind: "stored", id, final: acknowledgements.every((ack) => ack.finished), quiet });
      await this.#retain();
    } catch (cause) {
      const said = messageOf(cause);
      later({ kind: "not-stored", id, reason: `it could not be completed: ${said}`, cause });
    }
  }

  /** Proves it and hands it to whoever asked for it. That it cannot be written where they want it is no failure of the job. */
  async #export(id: CheckpointId, ticket: number, acknowledgements: readonly Acknowledgement[]): Promise<void> {
    const { later } = this.#options;
    let manifest: Manifest;
    try {
      manifest = this.#manifestOf(id, acknowledgements, this.#files.get(id) ?? []);
    } catch (cause) {
      const said = messageOf(cause);
      return later({ kind: "not-stored", id, reason: `it could not be completed: ${said}`, cause });
    }
    await this.#options.savepoint(ticket, manifest);
    later({ kind: "exported", id });
  }

  /** A savepoint is written where it belongs: what it left in the store goes, as far as nothing open can be meant. */
  #release(id: CheckpointId): void {
    const { deployment, store } = this.#options;
    this.#triggered.delete(id);
    this.#files.delete(id);
    deployment.abort(id);
    void store.sweep(Math.min(id + 1, ...this.#triggered.keys())).catch(() => {});
  }

  #forget(id: CheckpointId): void {
    const manifest = this.#prepared.get(id);
    this.#prepared.delete(id);
    if (manifest !== undefined) void this.#options.store.forget?.(manifest);
  }

  #manifestOf(id: CheckpointId, acknowledgements: readonly Acknowledgement[], files: readonly DataFile[]): Manifest {
    const { deployment, world, job, settings: { mode } } = this.#options;
    const trigger = this.#triggered.get(id);
    const completed = (base: CheckpointId) => this.#manifests.get(base);
    const completedAt = world.clock.now();
    const lastProof = this.#lastProof;
    return manifestOf(deployment.attempt, { id, job, mode, acknowledgements, trigger, files, completed, completedAt, lastProof });
  }

  /** Deletes what is not retained. A failure to delete is a warning: the checkpoint just taken is good. */
  async #retain(): Promise<void> {
    const { store, settings, warn } = this.#options;
    try {
      const stored = await store.list();
      // What is open may turn out to build on what was the newest when it was triggered.
      const bases = [...this.#triggered.values()].map((trigger) => trigger.base);
      for (const old of checkpointsToRemove(stored, settings.retain, bases)) {
        await store.remove(old);
        this.#manifests.delete(old.id);
      }
    } catch (cause) {
      warn("RETENTION_FAILED", `old checkpoints could not be deleted: ${messageOf(cause)}`);
    }
  }
}
