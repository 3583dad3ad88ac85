/**
 * The coordinator's decisions: when a checkpoint is triggered, when it is complete, when it is given up, when the job is over.
 *
 * - Ids only grow. At most `maxConcurrent` are open; one that takes longer than `timeoutMs` is aborted.
 * - Where newer checkpoints keep starting before older ones, which gives those up (protocol 2.8), each would give up the one
 *   before it for ever. After `maxOvertaken` in a row only one is open at a time, until one completes.
 * - A checkpoint is completed by one atomic step of the store, one at a time, in the order of ids; completing n aborts every
 *   open id below it. Only then are sinks told to commit.
 * - A bounded job ends with a checkpoint in which every subtask had finished; a stopped one with a checkpoint after which its
 *   sources emit nothing. Either is over when every sink has reported its commit (protocol 3.3).
 * - A loop ends in two steps, each proven by a completed checkpoint in which it is quiet: *flush*, then, quiet again, *close*
 *   (protocol 10.3). Once everything that comes into it has ended, checkpoints are taken for that alone, at growing distances
 *   as long as it goes round. Steps may be said again, and after a restore they start over.
 * - A savepoint is a checkpoint that is exported instead of stored: nothing is announced, so no sink commits and nothing builds
 *   on it. Other checkpoints go on beside it as if it had been given up.
 *
 * State is plain and changes in place; nothing in here does I/O or reads a clock.
 */
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";
import type { Acknowledgement } from "./contribution.ts";
import type { QuietLoop } from "./loop_end.ts";

/** When checkpoints are taken and given up. */
export interface CoordinatorPolicy {
  /** Undefined: only on request and at the end. */
  readonly intervalMs: number | undefined;
  readonly minPauseMs: number;
  readonly timeoutMs: number;
  readonly maxConcurrent: number;
  /** How many checkpoints may fail one after the other before the attempt fails. */
  readonly tolerableFailures: number;
  /** How often what was not answered is said again. */
  readonly repeatMs: number;
}

/** Why a checkpoint is taken. */
export type CheckpointReason = "interval" | "request" | "savepoint" | "stop" | "end of loop" | "end of input";

/** A savepoint that somebody asked for. */
export interface SavepointRequest {
  /** Tells requests apart. */
  readonly ticket: number;
  /** Undefined: as the job's checkpoints. */
  readonly mode: BarrierMode | undefined;
}

/** Something that happened. `subtask` is a subtask's number in the deployment. */
export type CoordinatorEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "request" }
  | { readonly kind: "savepoint"; readonly request: SavepointRequest }
  /** `mode`: of the last checkpoint, where that is not the job's. */
  | { readonly kind: "stop"; readonly mode?: BarrierMode | undefined }
  | { readonly kind: "acknowledged"; readonly id: CheckpointId; readonly acknowledgements: readonly Acknowledgement[] }
  /** A subtask gave it up, or its data could not be written. `counts`: it is a failure, not a matter of course. */
  | {
    readonly kind: "declined";
    readonly id: CheckpointId;
    readonly reason: string;
    readonly counts: boolean;
    readonly cause: unknown;
  }
  /** The store has completed it. */
  | {
    readonly kind: "stored";
    readonly id: CheckpointId;
    readonly final: boolean;
    /** The loops that it shows to be quiet. */
    readonly quiet?: readonly QuietLoop[];
  }
  /** The savepoint is written, or cannot be; whoever asked for it knows. */
  | { readonly kind: "exported"; readonly id: CheckpointId }
  | { readonly kind: "not-stored"; readonly id: CheckpointId; readonly reason: string; readonly cause: unknown }
  /** A head of a loop: what comes from outside has ended. */
  | { readonly kind: "drained"; readonly subtask: number }
  | { readonly kind: "finished"; readonly subtask: number }
  | { readonly kind: "committed"; readonly subtask: number; readonly id: CheckpointId };

/** What is to be done, in order. */
export type CoordinatorAction =
  | {
    readonly kind: "trigger";
    readonly id: CheckpointId;
    readonly reason: CheckpointReason;
    /** Of this checkpoint, where that is not the job's. */
    readonly mode?: BarrierMode;
  }
  | { readonly kind: "abort"; readonly id: CheckpointId; readonly reason: string; readonly cause: unknown }
  /** Prove it and write it as a savepoint; answer with `exported` or `not-stored`. */
  | {
    readonly kind: "export";
    readonly id: CheckpointId;
    readonly ticket: number;
    readonly acknowledgements: readonly Acknowledgement[];
  }
  /** A savepoint is over: every subtask lets go of it. */
  | { readonly kind: "release"; readonly id: CheckpointId }
  /** Prove it and have the store complete it; answer with `stored` or `not-stored`. */
  | { readonly kind: "complete"; readonly id: CheckpointId; readonly acknowledgements: readonly Acknowledgement[] }
  /** Tell every subtask that it is complete: sinks commit. */
  | { readonly kind: "announce"; readonly id: CheckpointId; readonly again: boolean }
  /** Tell the heads of a loop to emit the last watermark, or to take feedback as ended. */
  | { readonly kind: "end-loop"; readonly loop: number; readonly phase: "flush" | "close" }
  | { readonly kind: "fail"; readonly reason: string; readonly cause: unknown }
  /** The job is over: `id` is its last checkpoint. */
  | { readonly kind: "done"; readonly id: CheckpointId; readonly stopped: boolean };

/** The first distance of two checkpoints that look whether a loop is quiet, and the greatest. */
const firstLookMs = 1;
const mostLookMs = 5_000;

interface PendingCheckpoint {
  readonly id: CheckpointId;
  readonly reason: CheckpointReason;
  readonly savepoint: SavepointRequest | undefined;
  readonly triggeredAt: number;
  readonly acknowledgements: Acknowledgement[];
  storing: boolean;
}

/** How many checkpoints in a row may be given up for newer ones before the next waits for the one before it. */
const maxOvertaken = 3;

/** The state. Make it with {@link newCoordination}, change it with {@link coordinate} only. */
export interface Coordination {
  readonly policy: CoordinatorPolicy;
  readonly subtasks: number;
  /** Subtasks that hold sinks, and what each has committed. */
  readonly committed: Map<number, CheckpointId>;
  readonly pending: Map<CheckpointId, PendingCheckpoint>;
  readonly finished: Set<number>;
  /** By loop: the numbers of its head's subtasks. */
  readonly loops: readonly (readonly number[])[];
  /** Heads of loops for which everything from outside has ended. */
  readonly drained: Set<number>;
  nextLookAt: number;
  lookMs: number;
  nextId: CheckpointId;
  latest: CheckpointId;
  nextTriggerAt: number;
  lastEndedAt: number;
  announcedAt: number;
  requested: boolean;
  savepoints: SavepointRequest[];
  stopping: boolean;
  stopMode: BarrierMode | undefined;
  failures: number;
  /** How many were given up for a newer one since the last that completed. */
  overtaken: number;
  /** The last checkpoint of the job, once it is stored. */
  last: CheckpointId | undefined;
  /** Whether some subtask had not finished at the cut of the last checkpoint: what it did after that is in no checkpoint. */
  stopped: boolean;
  over: boolean;
}

export function newCoordination(
  policy: CoordinatorPolicy,
  start: {
    readonly subtasks: number;
    readonly sinkSubtasks: readonly number[];
    readonly loops?: readonly (readonly number[])[];
    readonly nextId: CheckpointId;
    readonly restored: CheckpointId;
    readonly nowMs: number;
  },
): Coordination {
  return {
    policy,
    subtasks: start.subtasks,
    committed: new Map(start.sinkSubtasks.map((subtask) => [subtask, start.restored])),
    pending: new Map(),
    finished: new Set(),
    loops: start.loops ?? [],
    drained: new Set(),
    nextLookAt: -Infinity,
    lookMs: firstLookMs,
    nextId: start.nextId,
    latest: start.restored,
    nextTriggerAt: policy.intervalMs === undefined ? Infinity : start.nowMs + policy.intervalMs,
    lastEndedAt: -Infinity,
    announcedAt: -Infinity,
    requested: false,
    savepoints: [],
    stopping: false,
    stopMode: undefined,
    failures: 0,
    overtaken: 0,
    last: undefined,
    stopped: false,
    over: false,
  };
}

/** Takes one event at monotonic time `nowMs` and says what is to be done. */
export function coordinate(state: Coordination, event: CoordinatorEvent, nowMs: number): readonly CoordinatorAction[] {
  if (state.over) return [];
  const actions: CoordinatorAction[] = [];
  switch (event.kind) {
    case "tick":
      onTick(state, nowMs, actions);
      break;
    case "request":
      state.requested = true;
      break;
    case "savepoint":
      state.savepoints.push(event.request);
      break;
    case "stop":
      state.stopping = true;
      state.stopMode = event.mode;
      break;
    case "acknowledged":
      state.pending.get(event.id)?.acknowledgements.push(...event.acknowledgements);
      break;
    case "declined":
      if (!event.counts && state.pending.has(event.id)) state.overtaken++;
      abort(state, event.id, event.reason, event.cause, nowMs, actions);
      if (event.counts) fail(state, event.reason, event.cause, actions);
      break;
    case "stored":
      onStored(state, event.id, event.final, nowMs, actions);
      endLoops(state, event.quiet ?? [], nowMs, actions);
      break;
    case "exported":
      if (!state.pending.delete(event.id)) break;
      state.lastEndedAt = nowMs;
      actions.push({ kind: "release", id: event.id });
      break;
    case "not-stored":
      abort(state, event.id, event.reason, event.cause, nowMs, actions);
      fail(state, event.reason, event.cause, actions);
      break;
    case "drained":
      state.drained.add(event.subtask);
      look(state, nowMs, -Infinity, firstLookMs);
      break;
    case "finished":
      state.finished.add(event.subtask);
      break;
    case "committed":
      if (event.id > (state.committed.get(event.subtask) ?? 0)) state.committed.set(event.subtask, event.id);
      break;
    default:
      event satisfies never;
  }
  if (state.over) return actions;
  completeNext(state, actions);
  triggerNext(state, nowMs, actions);
  endJob(state, actions);
  return actions;
}

/** When the next `tick` is due, on the monotonic clock; `Infinity`: none. */
export function nextTickAt(state: Coordination): number {
  if (state.over) return Infinity;
  let at = Infinity;
  if (state.last === undefined) {
    // What ends the job is triggered at once or not at all: a tick that can do nothing would come again at once, for ever.
    const ending = state.stopping || state.finished.size === state.subtasks;
    if (!ending && state.pending.size < openAtOnce(state)) at = Math.max(state.nextTriggerAt, pauseEnds(state));
    if (state.pending.size === 0 && someLoopEnds(state)) at = Math.min(at, Math.max(state.nextLookAt, pauseEnds(state)));
    for (const pending of state.pending.values()) {
      if (!pending.storing) at = Math.min(at, pending.triggeredAt + state.policy.timeoutMs);
    }
  }
  if (unreported(state)) at = Math.min(at, state.announcedAt + state.policy.repeatMs);
  return at;
}

function onTick(state: Coordination, nowMs: number, actions: CoordinatorAction[]): void {
  const { policy } = state;
  for (const pending of [...state.pending.values()]) {
    if (pending.storing || nowMs < pending.triggeredAt + policy.timeoutMs) continue;
    const missing = state.subtasks - pending.acknowledgements.length;
    const reason = `it was not acknowledged by ${missing} of ${state.subtasks} subtasks within ${policy.timeoutMs} ms`;
    abort(state, pending.id, reason, undefined, nowMs, actions);
    fail(state, reason, undefined, actions);
  }
  if (unreported(state) && nowMs >= state.announcedAt + policy.repeatMs) {
    state.announcedAt = nowMs;
    actions.push({ kind: "announce", id: state.latest, again: true });
  }
}

function onStored(state: Coordination, id: CheckpointId, final: boolean, nowMs: number, actions: CoordinatorAction[]): void {
  const pending = state.pending.get(id);
  if (pending === undefined) return;
  state.pending.delete(id);
  state.latest = id;
  state.failures = 0;
  state.overtaken = 0;
  state.lastEndedAt = nowMs;
  state.announcedAt = nowMs;
  for (const older of [...state.pending.keys()]) {
    if (older < id) abort(state, older, `checkpoint ${id} completed first`, undefined, nowMs, actions);
  }
  actions.push({ kind: "announce", id, again: false });
  if (!final && pending.reason !== "stop") return;
  state.last = id;
  state.stopped = !final;
}

/** A checkpoint has completed: loops that it shows to be quiet go one step towards their end. */
function endLoops(state: Coordination, quiet: readonly QuietLoop[], nowMs: number, actions: CoordinatorAction[]): void {
  for (const { loop, flushed } of quiet) {
    if (endsNow(state, loop)) actions.push({ kind: "end-loop", loop, phase: flushed ? "close" : "flush" });
  }
  const moved = quiet.some(({ loop }) => endsNow(state, loop));
  look(state, nowMs, moved ? firstLookMs : state.lookMs, moved ? firstLookMs : Math.min(state.lookMs * 2, mostLookMs));
}

/** Whether everything that comes to the heads of a loop has ended, and they have not. */
function endsNow(state: Coordination, loop: number): boolean {
  const heads = state.loops[loop] ?? [];
  return heads.every((head) => state.drained.has(head)) && !heads.every((head) => state.finished.has(head));
}

function someLoopEnds(state: Coordination): boolean {
  return state.loops.some((_, loop) => endsNow(state, loop));
}

function look(state: Coordination, nowMs: number, inMs: number, nextMs: number): void {
  state.nextLookAt = nowMs + inMs;
  state.lookMs = nextMs;
}

/** The open checkpoint of the highest id that every subtask has acknowledged goes to the store, one at a time. */
function completeNext(state: Coordination, actions: CoordinatorAction[]): void {
  let ready: PendingCheckpoint | undefined;
  for (const pending of state.pending.values()) {
    if (pending.storing) return;
    if (pending.acknowledgements.length === state.subtasks) ready = pending;
  }
  if (ready === undefined) return;
  ready.storing = true;
  const { id, acknowledgements, savepoint } = ready;
  if (savepoint === undefined) actions.push({ kind: "complete", id, acknowledgements });
  else actions.push({ kind: "export", id, ticket: savepoint.ticket, acknowledgements });
}

function triggerNext(state: Coordination, nowMs: number, actions: CoordinatorAction[]): void {
  if (state.last !== undefined) return;
  const reason = due(state, nowMs);
  if (reason === undefined) return;
  const { policy } = state;
  const id = state.nextId++;
  if (reason === "request") state.requested = false;
  const savepoint = reason === "savepoint" ? state.savepoints.shift() : undefined;
  if (policy.intervalMs !== undefined) state.nextTriggerAt = nowMs + policy.intervalMs;
  state.pending.set(id, { id, reason, savepoint, triggeredAt: nowMs, acknowledgements: [], storing: false });
  const mode = savepoint === undefined ? (reason === "stop" ? state.stopMode : undefined) : savepoint.mode;
  actions.push({ kind: "trigger", id, reason, ...(mode === undefined ? {} : { mode }) });
}

function due(state: Coordination, nowMs: number): CheckpointReason | undefined {
  if (state.pending.size >= openAtOnce(state)) {
    // An unaligned one is asked for because things are stuck: it does not wait for what is stuck.
    const urgent = state.savepoints[0]?.mode === "unaligned" && !state.stopping && !isOpen(state, "savepoint");
    return urgent ? "savepoint" : undefined;
  }
  if (state.finished.size === state.subtasks) return isOpen(state, "end of input") ? undefined : "end of input";
  if (state.stopping) return isOpen(state, "stop") ? undefined : "stop";
  if (state.savepoints.length > 0) return "savepoint";
  if (state.requested) return "request";
  const paused = nowMs < pauseEnds(state);
  if (state.pending.size === 0 && nowMs >= state.nextLookAt && !paused && someLoopEnds(state)) return "end of loop";
  return nowMs >= state.nextTriggerAt && !paused ? "interval" : undefined;
}

/** Whether a checkpoint is under way for that reason. */
function isOpen(state: Coordination, reason: CheckpointReason): boolean {
  for (const pending of state.pending.values()) if (pending.reason === reason) return true;
  return false;
}

/** How many may be open now. */
function openAtOnce(state: Coordination): number {
  return state.overtaken < maxOvertaken ? state.policy.maxConcurrent : 1;
}

function pauseEnds(state: Coordination): number {
  return state.lastEndedAt + state.policy.minPauseMs;
}

function abort(
  state: Coordination,
  id: CheckpointId,
  reason: string,
  cause: unknown,
  nowMs: number,
  actions: CoordinatorAction[],
): void {
  const pending = state.pending.get(id);
  if (pending === undefined || !state.pending.delete(id)) return;
  state.lastEndedAt = nowMs;
  look(state, nowMs, state.lookMs, state.lookMs);
  if (pending.reason === "request") state.requested = true; // somebody waits for it: try again
  if (pending.savepoint !== undefined) state.savepoints.unshift(pending.savepoint);
  actions.push({ kind: "abort", id, reason, cause });
}

function fail(state: Coordination, reason: string, cause: unknown, actions: CoordinatorAction[]): void {
  state.failures++;
  if (state.failures <= state.policy.tolerableFailures) return;
  state.over = true;
  actions.push({ kind: "fail", reason, cause });
}

function unreported(state: Coordination): boolean {
  for (const id of state.committed.values()) if (id < state.latest) return true;
  return false;
}

function endJob(state: Coordination, actions: CoordinatorAction[]): void {
  if (state.last === undefined || unreported(state)) return;
  state.over = true;
  actions.push({ kind: "done", id: state.last, stopped: state.stopped });
}
