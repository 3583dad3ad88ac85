/** Loading a subtask: from its assignment to operators, channels and a participant that are ready to run. */
import { decodeValue, estimateBytes } from "../../actors/codec.ts";
import { messageOf, SluiceError } from "../../actors/error.ts";
import { newAlignment } from "../checkpoint/aligner.ts";
import { type BarrierMode, type CheckpointId, NO_WATERMARK } from "../graph/frame.ts";
import { rangeOf } from "../graph/key.ts";
import type { LogicalOperator } from "../graph/logical.ts";
import type { ByteReader, Cursor, OperatorContext, RestoredPart, SnapshotPart, StoredPart } from "../graph/operator.ts";
import type { PlannedEdge, PlannedTask } from "../graph/plan.ts";
import type { Sink } from "../graph/sink.ts";
import type { Source, SourceContext } from "../graph/source.ts";
import type { SubtaskAssignment } from "./assignment.ts";
import { Brake } from "./brake.ts";
import { attributed, Chain, type ChainLink, FanOut, MainOutput, type Next, nowhere } from "./chain.ts";
import { CreditWindow, firstWindow } from "./credit_window.ts";
import { Entrance, type EntranceOwner } from "./entrance.ts";
import { EventTime, eventTimePart, type EventTimeState } from "./event_time.ts";
import { Feedback } from "./feedback.ts";
import { failedRecord } from "./failed_record.ts";
import { InputGate } from "./gate.ts";
import { type Guard, GuardedEntry, GuardedLink } from "./guarded_link.ts";
import { linkOfKind } from "./link_of_kind.ts";
import { InputChannel, type InputIdentity, type InputOwner, type InputPlace } from "./input_channel.ts";
import { OutputChannel, type OutputOwner } from "./output_channel.ts";
import { CheckpointParticipant, type OperatorCut } from "./participant.ts";
import { type EdgeOutput, edgeOutput } from "./partition.ts";
import { SinkOperator } from "./sink_operator.ts";
import { SourceHead, type SourcePlace } from "./source_head.ts";
import { Suspensions } from "./suspensions.ts";

/** What the parts of a subtask tell it. */
export interface SubtaskWiring extends InputOwner, EntranceOwner {
  wake(): void;
  suspend(pending: Promise<unknown>): void;
  timersChanged(): void;
  fail(error: unknown): void;
  barrierLeft(): void;
  timeoutDue(id: CheckpointId): void;
  finished(): boolean;
  quiet(): boolean;
  /** Some more of its state has been loaded. */
  loading(): void;
}

/** A subtask that is ready to run. */
export interface LoadedSubtask {
  readonly brake: Brake;
  readonly cursor: Cursor;
  readonly suspensions: Suspensions;
  readonly entrance: Entrance;
  readonly chain: Chain;
  readonly source: SourceHead | undefined;
  readonly sinks: readonly SinkOperator[];
  readonly gate: InputGate;
  readonly outputs: readonly OutputChannel[];
  readonly eventTime: EventTime;
  readonly participant: CheckpointParticipant;
  /** Ends everything, whatever fails; gives back what went wrong. */
  close(): Promise<unknown[]>;
}

export async function loadSubtask(
  assignment: SubtaskAssignment,
  wiring: SubtaskWiring,
  signal: AbortSignal,
): Promise<LoadedSubtask> {
  const { task, subtask, plan, clock } = assignment;
  const cursor: Cursor = { timestamp: NaN, keyGroup: -1, watermark: NO_WATERMARK, split: "", port: 0 };
  const entrance = new Entrance(cursor, wiring);
  const brake = new Brake(entrance);
  /** The participant is made last, and its outputs before it. */
  const late: { participant?: CheckpointParticipant } = {};

  const inputs = makeInputs(assignment, wiring, entrance);
  const owner: OutputOwner = {
    brake,
    recordBytes: (sample) => estimateBytes(sample),
    elapsedMs: (id) => late.participant?.elapsedMs(id) ?? 0,
    barrierMode: (id) => late.participant?.modeOf(id),
    barrierLeft: () => wiring.barrierLeft(),
    barrierPromoted: (output, id, cut) => late.participant?.promoted(output, id, cut),
    wake: () => wiring.wake(),
    fail: (error) => wiring.fail(error),
  };
  const outputs = assignment.outputs.map(({ channel, link, limits, start }) => {
    const output = new OutputChannel(channel, owner, link, limits, start);
    link.connectSender(output, start.sent);
    return output;
  });
  const edges = task.outputs.map((edge) => {
    const channels = outputs.filter((output) => output.channel.edge === edge);
    return edgeOutput(edge, channels, cursor, plan.keyGroups, subtask);
  });

  const isSource = task.operators[0]?.role.kind === "source";
  let source: SourceHead | undefined;
  const context = (operator: LogicalOperator, side: OperatorContext["side"]): OperatorContext => ({
    uid: operator.id,
    subtask,
    parallelism: task.parallelism,
    attempt: assignment.attempt,
    keyGroups: rangeOf(subtask, task.parallelism, plan.keyGroups),
    keyGroupCount: plan.keyGroups,
    cursor,
    get openSplits() {
      return isSource ? source?.openSplits ?? [] : undefined;
    },
    get halted() {
      return brake.on;
    },
    state: assignment.state,
    side,
    now: () => clock.now(),
    suspend: (pending, record) => {
      const { timestamp } = cursor;
      wiring.suspend(pending.catch((error: unknown) => {
        const { keyOf } = chain.links.find(({ uid }) => uid === operator.id)?.operator ?? {};
        const of = { uid: operator.id, keyOf };
        const failed = record === undefined ? undefined : () => failedRecord(of, { value: record, timestamp }, error);
        throw attributed(error, `${operator.kind} ${operator.id} (subtask ${subtask}) failed in what it waits for`, failed);
      }));
    },
    timersChanged: () => wiring.timersChanged(),
    count: (name, by) => count(assignment, name, by),
    signal,
    log: assignment.log,
  });
  const chain = await makeChain(assignment, edges, cursor, context, signal);
  entrance.entry = chain.entry;
  const sinks = chain.links.flatMap(({ operator }) => (operator instanceof SinkOperator ? [operator] : []));

  const first = task.operators[0] as LogicalOperator;
  if (first.role.kind === "source") {
    const guard = guardOf(assignment, first.id);
    const place = { uid: first.id, subtask, cursor };
    const entry = guard === undefined ? chain.entry : new GuardedEntry(chain.entry, place, guard);
    source = await openSource(
      assignment,
      first,
      first.role.source,
      { cursor, brake, entry, counters: assignment.counters },
      wiring,
      signal,
    );
  }
  const eventTime = new EventTime(cursor, source === undefined ? chain.links[0]?.operator : undefined, chain.entry);
  await restoreOperators(assignment, chain, eventTime, () => wiring.loading());

  const policiesIn = (mode: BarrierMode | undefined) =>
    assignment.inputs.map(({ channel }) => assignment.rules.align(channel.edge, mode));
  const participant = new CheckpointParticipant(
    {
      task: task.index,
      subtask,
      clock,
      inputs,
      outputs: outputs.map((channel) => ({ channel, policyIn: (mode) => assignment.rules.forward(channel.channel.edge, mode) })),
      captures: assignment.rules.exactlyOnce,
      timeoutMs: assignment.rules.timeoutMs,
      hold: (input, afterSeq) => gate.setHold(input, afterSeq),
      cutOperators: (id) => {
        gate.feedback?.expectNoMore(id, true);
        return cutOperators(id, task.id, chain, source, sinks, eventTime, (error) => wiring.fail(error));
      },
      finished: () => wiring.finished(),
      quiet: () => wiring.quiet(),
      flushed: () => gate.feedback?.flushed ?? false,
      contribute: (contribution) => assignment.reports.contribute(contribution),
      decline: (id, reason, cause) => assignment.reports.decline(id, reason, cause),
      timeoutDue: (id) => wiring.timeoutDue(id),
      wake: () => wiring.barrierLeft(),
    },
    newAlignment(
      policiesIn(undefined),
      assignment.restoredCheckpoint,
      assignment.rules.exactlyOnce,
      { aligned: policiesIn("aligned"), unaligned: policiesIn("unaligned") },
    ),
  );
  late.participant = participant;
  const gate = new InputGate(inputs);
  const close = async (): Promise<unknown[]> => {
    participant.close();
    const errors = chain.close();
    for (const end of [...sinks.map((sink) => () => sink.closeWriter()), () => source?.close(), () => gate.feedback?.close()]) {
      try {
        await end();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  };
  return {
    brake,
    suspensions: new Suspensions(brake),
    entrance,
    cursor,
    chain,
    source,
    sinks,
    gate,
    outputs,
    eventTime,
    participant,
    close,
  };
}

function makeInputs(assignment: SubtaskAssignment, wiring: SubtaskWiring, entrance: Entrance): InputChannel[] {
  const { task, subtask } = assignment;
  const edgeIndex = new Map(task.inputs.map((edge, index) => [edge.id, index]));
  const role = task.operators[0]?.role;
  const { feedbackBytes: memoryBytes, feedbackSpillBytes: spillBytes } = role?.kind === "transform" ? role : {};
  // Opened at once, whether anything is ever spilled or not: what an attempt before left goes with that.
  const spills = spillBytes !== 0 && task.inputs.some(({ feedback }) => feedback);
  const scratch = spills ? assignment.state.stores?.open(assignment.attempt, `feedback of ${task.id}-${subtask}`) : undefined;
  const back = new Feedback(task.id, { subtask, heads: task.parallelism }, { memoryBytes, spillBytes, scratch });
  // A stream without event time says nothing of it: beside others it must not hold them back.
  const timed = task.inputs.some((edge) => edge.timed);
  // What comes to the head of a loop is counted by frames; where there are several ports, frames say which.
  const byFrames = task.inputs.some((edge) => edge.feedback || edge.port !== 0);
  const place = (identity: InputIdentity): InputPlace => {
    const edge = edgeIndex.get(identity.edge) as number;
    const { port, feedback, timed: own } = task.inputs[edge] as PlannedEdge;
    const eventTime = own || !timed;
    const way = byFrames ? undefined : entrance;
    return { identity, index: inputs.length, edge, port, eventTime, feedback: feedback ? back : undefined, entrance: way };
  };
  const inputs: InputChannel[] = [];
  for (const { channel, link, window, start } of assignment.inputs) {
    const identity = { edge: channel.edge.id, sender: channel.sender, receiver: channel.receiver, recovered: 0 };
    const credit = { window: new CreditWindow(window), now: () => assignment.clock.monotonic() };
    const input = new InputChannel(place(identity), wiring, link, credit, start);
    const windowBytes = channel.edge.feedback ? Infinity : firstWindow(window);
    link.connectReceiver(input, { received: start.received, windowBytes });
    inputs.push(input);
  }
  for (const { identity, frames, watermark, idle } of assignment.recovered) {
    inputs.push(InputChannel.recovered(place(identity), wiring, frames, { watermark, idle }));
  }
  return inputs;
}

/** Builds the operators from the last to the first, each with what follows it. */
async function makeChain(
  assignment: SubtaskAssignment,
  edges: readonly EdgeOutput[],
  cursor: Cursor,
  context: (operator: LogicalOperator, side: OperatorContext["side"]) => OperatorContext,
  signal: AbortSignal,
): Promise<Chain> {
  const { task, subtask } = assignment;
  const links = new Map<string, ChainLink>();
  const next = (id: string, side: string | undefined): Next => {
    const targets: Next[] = [
      ...task.links.filter((link) => link.from === id && link.side === side).map((link) => links.get(link.to) as ChainLink),
      ...edges.filter(({ edge }) => edge.fromOperator === id && edge.side === side),
    ];
    if (targets.length === 0) return nowhere;
    return targets.length === 1 ? targets[0] as Next : new FanOut(targets, cursor);
  };
  for (const operator of [...task.operators].reverse()) {
    if (operator.role.kind === "source") continue;
    const sides = sidesOf(task, operator.id).map((name): [string, Next] => [name, next(operator.id, name)]);
    const own = context(operator, (name) => sides.find(([of]) => of === name)?.[1] ?? nowhere);
    const main = next(operator.id, undefined);
    const out = sides.length === 0 ? main : new MainOutput(main, sides.map(([, of]) => of));
    const made = operator.role.kind === "transform"
      ? operator.role.create(own, out as never)
      : new SinkOperator(await openSink(assignment, operator, operator.role.sink as Sink<unknown>, signal), own);
    const place = { uid: operator.id, kind: operator.kind, subtask, cursor };
    const guard = guardOf(assignment, operator.id);
    const link = guard === undefined ? linkOfKind(place, made, out) : new GuardedLink(place, made, out, guard);
    links.set(operator.id, link);
  }
  const head = task.operators[0] as LogicalOperator;
  const ordered = task.operators.flatMap((operator) => links.get(operator.id) ?? []);
  return new Chain(head.role.kind === "source" ? next(head.id, undefined) : links.get(head.id) as ChainLink, ordered);
}

/** The side outputs of an operator that something takes up. */
function sidesOf(task: PlannedTask, id: string): readonly string[] {
  const fused = task.links.filter((link) => link.from === id).map((link) => link.side);
  const edges = task.outputs.filter((edge) => edge.fromOperator === id).map((edge) => edge.side);
  return [...new Set([...fused, ...edges])].filter((side) => side !== undefined);
}

async function openSink(assignment: SubtaskAssignment, operator: LogicalOperator, sink: Sink<unknown>, signal: AbortSignal) {
  const { job, life, subtask, task, attempt, clock, disk, log, restoredCheckpoint } = assignment;
  const context = { job, life, uid: operator.id, subtask, parallelism: task.parallelism, attempt, clock, disk, log, signal };
  try {
    const writer = await sink.open({ ...context, restoredFrom: restoredCheckpoint });
    if (typeof writer?.write !== "function" || typeof writer.close !== "function") {
      throw new Error(`open() of the sink ${sink.kind} gave no writer; give an object with write(value) and close()`);
    }
    return writer;
  } catch (error) {
    throw named(error, "SINK_FAILED", `sink ${operator.id} (subtask ${subtask}) could not be opened`);
  }
}

async function openSource(
  assignment: SubtaskAssignment,
  operator: LogicalOperator,
  source: Source<unknown>,
  place: SourcePlace,
  wiring: SubtaskWiring,
  signal: AbortSignal,
): Promise<SourceHead> {
  const { subtask, task, clock, random, disk, log } = assignment;
  let head: SourceHead | undefined;
  const context: SourceContext = {
    uid: operator.id,
    subtask,
    parallelism: task.parallelism,
    clock,
    random: random.fork(`source ${operator.id}/${subtask}`),
    disk,
    log,
    signal,
    wake() {
      head?.wake();
      wiring.wake();
    },
    fail: (error) => wiring.fail(named(error, "SOURCE_FAILED", `source ${operator.id} (subtask ${subtask}) failed`)),
    count: (name, by) => count(assignment, name, by),
  };
  try {
    const stored = (assignment.restored.get(operator.id) ?? []).filter((part) => part.scope === "split");
    const states = await Promise.all(stored.map(readWhole));
    head = await SourceHead.open(source, context, place, assignment.splits, states);
    return head;
  } catch (error) {
    throw named(error, "SOURCE_FAILED", `source ${operator.id} (subtask ${subtask}) could not be opened`);
  }
}

/** The error with its place before it; a code of its own is kept. */
function named(error: unknown, code: string, place: string): SluiceError {
  const said = messageOf(error);
  return new SluiceError(error instanceof SluiceError ? error.code : code, `${place}: ${said}`, { cause: error });
}

async function restoreOperators(
  assignment: SubtaskAssignment,
  chain: Chain,
  eventTime: EventTime,
  loading: () => void,
): Promise<void> {
  const { task, restored } = assignment;
  const before = await Promise.all((restored.get(task.id) ?? []).filter(({ name }) => name === eventTimePart).map(readWhole));
  if (before.length > 0) eventTime.restore(before.map((part) => readEventTime(task.id, part)));
  for (const link of chain.links) {
    const { operator } = link;
    const stored = (restored.get(link.uid) ?? []).filter(({ name }) => name !== eventTimePart);
    const piecewise = ({ scope }: StoredPart) => scope === "keyed" && operator.load !== undefined;
    const parts = await Promise.all(stored.filter((part) => !piecewise(part)).map(readWhole));
    if (parts.length > 0) link.guard("restore its state", () => operator.restore?.(parts));
    const large = stored.filter(piecewise).map((part) => noticed(part, loading));
    if (large.length === 0) continue;
    await operator.load?.(large).catch((error: unknown) => {
      throw link.attribute(error, "restore its state");
    });
  }
}

/** A part of any size: each piece that is read shows that loading gets on, however long all of it takes. */
function noticed({ layers, ...part }: StoredPart, loading: () => void): StoredPart {
  const noticing = (layer: ByteReader): ByteReader => ({
    length: layer.length,
    async read(offset, length) {
      const bytes = await layer.read(offset, length);
      loading();
      return bytes;
    },
  });
  return { ...part, layers: layers.map(noticing) };
}

/** A part that is known to be small. */
async function readWhole({ layers, ...part }: StoredPart): Promise<RestoredPart> {
  const [bytes, ...below] = await Promise.all(layers.toReversed().map((layer) => layer.read(0, layer.length)));
  return { ...part, bytes: bytes as Uint8Array, below: below.reverse() };
}

function readEventTime(task: string, part: RestoredPart): EventTimeState {
  const decoded = decodeValue(part.bytes);
  const state = decoded.kind === "value" ? (decoded.value as Partial<EventTimeState> | null) : null;
  if (typeof state?.watermark !== "number" || typeof state.target !== "number") {
    throw new SluiceError("CHECKPOINT_DAMAGED", `how far event time had come in ${task} cannot be read`);
  }
  return { watermark: state.watermark, target: state.target };
}

function cutOperators(
  id: CheckpointId,
  taskId: string,
  chain: Chain,
  source: SourceHead | undefined,
  sinks: readonly SinkOperator[],
  eventTime: EventTime,
  fail: (error: unknown) => void,
): OperatorCut {
  chain.resume(true);
  const parts = [{ uid: taskId, part: eventTime.snapshot() }];
  if (source !== undefined) parts.push(...source.snapshot());
  parts.push(...chain.snapshot(id));
  const later: Promise<{ uid: string; part: SnapshotPart }[]>[] = [];
  for (const sink of sinks) {
    const name = (prepared: readonly SnapshotPart[]) => prepared.map((part) => ({ uid: sink.uid, part }));
    try {
      const prepared = sink.prepare(id);
      if (prepared instanceof Promise) {
        later.push(prepared.then(name).catch((error: unknown) => failPrepare(sink.uid, id, error, fail)));
      } else parts.push(...name(prepared));
    } catch (error) {
      failPrepare(sink.uid, id, error, fail);
    }
  }
  return { parts, prepared: later.length === 0 ? undefined : Promise.all(later).then((all) => all.flat()) };
}

/** What a sink was preparing may be lost to it: only a restore brings it back, so an abort is not enough. */
function failPrepare(uid: string, id: CheckpointId, error: unknown, fail: (error: unknown) => void): never {
  const failure = named(error, "PREPARE_FAILED", `sink ${uid} could not prepare checkpoint ${id}`);
  fail(failure);
  throw failure;
}

/** Which records an operator or what follows a source is not to get; undefined where nothing of it has failed. */
function guardOf(assignment: SubtaskAssignment, uid: string): Guard | undefined {
  const skip = assignment.guards.get(uid);
  if (skip === undefined) return undefined;
  return {
    skip,
    skipped: (record) => {
      count(assignment, "poisonRecords", 1);
      assignment.reports.skipped(record);
    },
  };
}

function count(assignment: SubtaskAssignment, name: string, by: number): void {
  const { counts } = assignment.counters;
  counts.set(name, (counts.get(name) ?? 0) + by);
}
