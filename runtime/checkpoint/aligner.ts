/**
 * The aligner: when a subtask snapshots, which input frames wait for it, and which checkpoints it gives up.
 *
 * One formulation covers every mode (protocol 2.1, 2.6-2.9). A barrier is known on an input from the moment it *arrives*; it
 * is *reached* when everything up to and including it has been processed.
 *
 * - **Start:** a subtask starts checkpoint n at the first instant when some input knows barrier n and every input that must
 *   align has reached it. Inputs of policy `aligned` must; those of policy `timed` must until the timeout; others need not.
 * - **Hold:** until then, no frame behind barrier n is processed, on any input. The cut is decided by sequence numbers alone.
 * - **Kill:** n+1 on an input that does not know n kills n, as it will never come there; so does starting n+1 before n.
 *   Several checkpoints may be open otherwise. Who kills an id declines it.
 * - **At-least-once** holds nothing, and starts when every input has reached the barrier.
 *
 * | state of id | barrier on an input     | reached            | timeout             | abort / completed above |
 * |-------------|-------------------------|--------------------|---------------------|-------------------------|
 * | unknown     | open: hold, maybe start | -                  | -                   | dead                    |
 * | open        | hold, maybe start       | maybe start        | unaligned from here | dead: release           |
 * | started     | its capture may close   | -                  | promote outputs     | dead: drop captures     |
 * | dead        | remembered, not held    | -                  | -                   | -                       |
 *
 * The state is plain data and changes in place, because a task may have thousands of inputs; nothing in here does I/O or
 * reads a clock. Barriers are after Carbone et al., "Lightweight Asynchronous Snapshots" (2015), and Chandy and Lamport (1985).
 */
import type { BarrierMode, CheckpointId } from "../graph/frame.ts";

/** What an input's edge asks of its barrier. */
export type AlignPolicy = "aligned" | "timed" | "unaligned";

/** Something that happened. `input` is an index into the inputs the alignment was made with. */
export type AlignEvent =
  /** A checkpoint was triggered here (sources). */
  | { readonly kind: "trigger"; readonly id: CheckpointId }
  /** Barrier `id` is known on an input. `overtook`: it came as a control message, past frames that are captured. */
  | {
    readonly kind: "barrier";
    readonly input: number;
    readonly id: CheckpointId;
    readonly afterSeq: number;
    readonly overtook: boolean;
    /** Of the checkpoint, where that is not the job's. */
    readonly mode?: BarrierMode | undefined;
  }
  /** Everything up to and including barrier `id` of an input has been processed. */
  | { readonly kind: "reached"; readonly input: number; readonly id: CheckpointId }
  /** The aligned timeout of `id` is over. */
  | { readonly kind: "timeout"; readonly id: CheckpointId }
  | { readonly kind: "abort"; readonly id: CheckpointId }
  | { readonly kind: "completed"; readonly id: CheckpointId };

/** Why a subtask gave a checkpoint up. */
export type KillReason = "overtaken on an input" | "a newer checkpoint started first";

/** What is to be done, in order. */
export type AlignAction =
  /** Snapshot now, between two records. `overtake`: barriers go past what waits on timed outputs. */
  | { readonly kind: "start"; readonly id: CheckpointId; readonly overtake: boolean }
  /** Frames of the input with a greater number wait. `Infinity`: none does. */
  | { readonly kind: "hold"; readonly input: number; readonly afterSeq: number }
  /** Ask for a `timeout` event. */
  | { readonly kind: "arm-timeout"; readonly id: CheckpointId }
  /** The aligned barrier of a started checkpoint, where it still waits in an outbox, overtakes what is before it. */
  | { readonly kind: "promote"; readonly id: CheckpointId }
  /** Drop what was recorded for it and tell the coordinator. */
  | { readonly kind: "decline"; readonly id: CheckpointId; readonly reason: KillReason }
  /** Drop what was recorded for it. */
  | { readonly kind: "drop"; readonly id: CheckpointId };

/** What the inputs ask of a barrier. */
interface Policies {
  readonly byInput: readonly AlignPolicy[];
  readonly aligned: number;
  readonly timed: number;
}

interface OpenCheckpoint {
  readonly id: CheckpointId;
  readonly policies: Policies;
  /** afterSeq by input. */
  readonly arrived: Map<number, number>;
  readonly reached: Set<number>;
  reachedAligned: number;
  reachedTimed: number;
  timedOut: boolean;
  started: boolean;
}

/** The state of one subtask's alignment. Make it with {@link newAlignment}, change it with {@link align} only. */
export interface Alignment {
  readonly policies: Policies;
  /** Of checkpoints with a mode of their own. */
  readonly ofMode: Readonly<Record<BarrierMode, Policies>>;
  readonly holds: boolean;
  readonly open: Map<CheckpointId, OpenCheckpoint>;
  /** Ids above `completed` that are over here. */
  readonly dead: Set<CheckpointId>;
  /** The newest barrier known, by input. */
  readonly newest: CheckpointId[];
  started: CheckpointId;
  completed: CheckpointId;
}

/**
 * A fresh alignment.
 *
 * @param policies by input; empty for a source
 * @param restored the checkpoint the attempt was restored from, 0 without one: older barriers do not exist for it
 * @param holds false for at-least-once: nothing waits for the snapshot
 * @param ofMode the policies by input of checkpoints with a mode of their own
 */
export function newAlignment(
  policies: readonly AlignPolicy[],
  restored: CheckpointId,
  holds: boolean,
  ofMode: Readonly<Record<BarrierMode, readonly AlignPolicy[]>> = { aligned: policies, unaligned: policies },
): Alignment {
  return {
    policies: counted(policies),
    ofMode: { aligned: counted(ofMode.aligned), unaligned: counted(ofMode.unaligned) },
    holds,
    open: new Map(),
    dead: new Set(),
    newest: policies.map(() => restored),
    started: restored,
    completed: restored,
  };
}

function counted(byInput: readonly AlignPolicy[]): Policies {
  const count = (wanted: AlignPolicy) => byInput.filter((policy) => policy === wanted).length;
  return { byInput, aligned: count("aligned"), timed: count("timed") };
}

/** Takes one event and says what is to be done. */
export function align(state: Alignment, event: AlignEvent): readonly AlignAction[] {
  const actions: AlignAction[] = [];
  switch (event.kind) {
    case "trigger":
      if (!isDead(state, event.id) && event.id > state.started) {
        open(state, event.id, undefined);
        tryStart(state, event.id, actions);
      }
      break;
    case "barrier":
      onBarrier(state, event, actions);
      break;
    case "reached":
      onReached(state, event.input, event.id, actions);
      break;
    case "timeout":
      onTimeout(state, event.id, actions);
      break;
    case "abort":
      if (event.id > state.completed && !state.dead.has(event.id)) {
        state.dead.add(event.id);
        if (drop(state, event.id, actions)) actions.push({ kind: "drop", id: event.id });
      }
      break;
    case "completed":
      onCompleted(state, event.id, actions);
      break;
    default:
      event satisfies never;
  }
  return actions;
}

function onBarrier(
  state: Alignment,
  { input, id, afterSeq, overtook, mode }: Extract<AlignEvent, { kind: "barrier" }>,
  actions: AlignAction[],
): void {
  if (id <= (state.newest[input] ?? 0)) return; // a duplicate, or a barrier of before the restore
  state.newest[input] = id;
  for (const older of [...state.open.values()]) {
    if (older.id < id && !older.arrived.has(input)) kill(state, older.id, "overtaken on an input", actions);
  }
  if (isDead(state, id)) return;
  if (id < state.started || (id === state.started && !state.open.has(id))) {
    kill(state, id, "a newer checkpoint started first", actions);
    return;
  }
  const checkpoint = open(state, id, mode);
  const { policies } = checkpoint;
  const first = checkpoint.arrived.size === 0;
  checkpoint.arrived.set(input, afterSeq);
  if (overtook && policies.byInput[input] === "timed") checkpoint.timedOut = true;
  if (!checkpoint.started) hold(state, input, actions);
  if (first && policies.timed > 0 && !checkpoint.timedOut) actions.push({ kind: "arm-timeout", id });
  tryStart(state, id, actions);
}

function onReached(state: Alignment, input: number, id: CheckpointId, actions: AlignAction[]): void {
  const checkpoint = state.open.get(id);
  if (checkpoint === undefined || checkpoint.reached.has(input)) return;
  checkpoint.reached.add(input);
  const policy = checkpoint.policies.byInput[input];
  if (policy === "aligned") checkpoint.reachedAligned++;
  if (policy === "timed") checkpoint.reachedTimed++;
  tryStart(state, id, actions);
}

function onTimeout(state: Alignment, id: CheckpointId, actions: AlignAction[]): void {
  const checkpoint = state.open.get(id);
  if (checkpoint === undefined) return;
  checkpoint.timedOut = true;
  if (checkpoint.started) actions.push({ kind: "promote", id });
  else tryStart(state, id, actions);
}

function onCompleted(state: Alignment, id: CheckpointId, actions: AlignAction[]): void {
  if (id <= state.completed) return;
  state.completed = id;
  for (const open of [...state.open.values()]) {
    if (open.id > id) continue;
    const dropped = open.id < id;
    drop(state, open.id, actions);
    if (dropped) actions.push({ kind: "drop", id: open.id });
  }
  for (const dead of state.dead) if (dead <= id) state.dead.delete(dead);
  state.started = Math.max(state.started, id);
}

function isDead(state: Alignment, id: CheckpointId): boolean {
  return id <= state.completed || state.dead.has(id);
}

function open(state: Alignment, id: CheckpointId, mode: BarrierMode | undefined): OpenCheckpoint {
  let checkpoint = state.open.get(id);
  if (checkpoint === undefined) {
    checkpoint = {
      id,
      policies: mode === undefined ? state.policies : state.ofMode[mode],
      arrived: new Map(),
      reached: new Set(),
      reachedAligned: 0,
      reachedTimed: 0,
      timedOut: false,
      started: false,
    };
    state.open.set(id, checkpoint);
  }
  return checkpoint;
}

function tryStart(state: Alignment, id: CheckpointId, actions: AlignAction[]): void {
  const checkpoint = state.open.get(id);
  if (checkpoint === undefined || checkpoint.started) return;
  const { policies } = checkpoint;
  const isSource = policies.byInput.length === 0;
  if (!isSource && checkpoint.arrived.size === 0) return;
  if (checkpoint.reachedAligned < policies.aligned) return;
  if (!checkpoint.timedOut && checkpoint.reachedTimed < policies.timed) return;
  for (const older of [...state.open.values()]) {
    if (older.id < id && !older.started) kill(state, older.id, "a newer checkpoint started first", actions);
  }
  checkpoint.started = true;
  state.started = id;
  actions.push({ kind: "start", id, overtake: checkpoint.timedOut });
  for (const input of checkpoint.arrived.keys()) hold(state, input, actions);
}

function kill(state: Alignment, id: CheckpointId, reason: KillReason, actions: AlignAction[]): void {
  state.dead.add(id);
  drop(state, id, actions);
  actions.push({ kind: "decline", id, reason });
}

function drop(state: Alignment, id: CheckpointId, actions: AlignAction[]): boolean {
  const checkpoint = state.open.get(id);
  if (checkpoint === undefined) return false;
  state.open.delete(id);
  if (!checkpoint.started) { for (const input of checkpoint.arrived.keys()) hold(state, input, actions); }
  return true;
}

/** An input waits at the nearest barrier of a checkpoint that is open and has not started. */
function hold(state: Alignment, input: number, actions: AlignAction[]): void {
  if (!state.holds) return;
  let afterSeq = Infinity;
  for (const checkpoint of state.open.values()) {
    const at = checkpoint.arrived.get(input);
    if (at !== undefined && !checkpoint.started && at < afterSeq) afterSeq = at;
  }
  actions.push({ kind: "hold", input, afterSeq });
}
