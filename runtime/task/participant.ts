/**
 * A subtask's part in checkpoints: runs the aligner, takes the cut, records what is in flight, and contributes the result.
 *
 * The snapshot turn (protocol 2.2) is one synchronous turn between two records: what operators hold back is drained, the
 * state is fixed, every output is cut and its barrier forwarded, and what waits at the inputs is captured. From then on
 * processing goes on, while late arrivals are added to the captures they belong to.
 */
import { messageOf } from "../../actors/error.ts";
import type { Clock, Timer } from "../../actors/clock.ts";
import { align, type AlignAction, type AlignEvent, type Alignment } from "../checkpoint/aligner.ts";
import {
  type CapturedBytes,
  type Contribution,
  type FrameRange,
  type InputReport,
  noBytes,
  onlySlice,
  type OutputReport,
} from "../checkpoint/contribution.ts";
import { encodeFrames } from "../graph/frame_codec.ts";
import type { BarrierMode, CheckpointId, Frame } from "../graph/frame.ts";
import type { SnapshotPart } from "../graph/operator.ts";
import type { InputChannel, Standing, TakenCapture } from "./input_channel.ts";
import type { BarrierOnChannel } from "./link.ts";
import type { CapturedFrame, OutputChannel, OutputCut } from "./output_channel.ts";

/** How the barriers of an output edge travel. */
export type ForwardPolicy = "in-band" | "timed" | "overtake";

/** What a snapshot fixed at once, and what its sinks still have to prepare. */
export interface OperatorCut {
  readonly parts: readonly { readonly uid: string; readonly part: SnapshotPart }[];
  /** Further parts that come later, such as what a sink has to commit; undefined when there are none. */
  readonly prepared: Promise<readonly { readonly uid: string; readonly part: SnapshotPart }[]> | undefined;
}

/** What the participant needs of its subtask. */
export interface ParticipantHost {
  readonly task: number;
  readonly subtask: number;
  readonly clock: Clock;
  /** Regular channels first: their index is the aligner's. */
  readonly inputs: readonly InputChannel[];
  readonly outputs: readonly { readonly channel: OutputChannel; policyIn(mode: BarrierMode | undefined): ForwardPolicy }[];
  /** False for at-least-once, which captures feedback only: nothing waits for it, so nothing else would bring it back. */
  readonly captures: boolean;
  readonly timeoutMs: number | undefined;
  hold(input: InputChannel, afterSeq: number): void;
  /** Drains what operators hold back, and fixes their state. */
  cutOperators(id: CheckpointId): OperatorCut;
  /** Whether all input is taken; for a source also: nothing more will be emitted. */
  finished(): boolean;
  /** Whether it emits nothing by itself: no timer is due or waits for the wall clock, and no operator holds anything. */
  quiet(): boolean;
  /** Whether it is the head of a loop and has emitted the last watermark. */
  flushed(): boolean;
  contribute(contribution: Contribution): void;
  decline(id: CheckpointId, reason: string, cause?: unknown): void;
  /** Ask for `timeout(id)` on the control lane. */
  timeoutDue(id: CheckpointId): void;
  /** Something has to be checked in the next turn. */
  wake(): void;
}

interface StartedCheckpoint {
  readonly id: CheckpointId;
  readonly startedAt: number;
  readonly delayedRecords: number;
  readonly syncMs: number;
  readonly finished: boolean;
  readonly quiet: boolean;
  readonly flushed: boolean;
  /** Where each input stood at the snapshot, and each output. */
  readonly standing: readonly Standing[];
  readonly cuts: OutputCut[];
  parts: readonly { readonly uid: string; readonly part: SnapshotPart }[];
  /** Every output is cut and every capture open: before that nothing is judged. */
  cut: boolean;
  prepared: boolean;
  /** So many inputs are known to be whole, and so many outputs to have let the barrier go: neither changes again. */
  whole: number;
  left: number;
}

interface SeenCheckpoint {
  /** When it was triggered, on the local monotonic clock. */
  readonly triggeredAt: number;
  /** When this subtask first heard of it. */
  readonly seenAt: number;
  readonly mode: BarrierMode | undefined;
  timer: Timer | undefined;
}

export class CheckpointParticipant {
  readonly #host: ParticipantHost;
  readonly #alignment: Alignment;
  readonly #seen = new Map<CheckpointId, SeenCheckpoint>();
  readonly #started = new Map<CheckpointId, StartedCheckpoint>();
  /** What was contributed last: where nothing has happened since, it is contributed again as it is. */
  #inputReports: readonly InputReport<CapturedBytes | typeof noBytes>[] = [];
  #outputReports: readonly OutputReport<CapturedBytes | typeof noBytes>[] = [];

  constructor(host: ParticipantHost, alignment: Alignment) {
    this.#host = host;
    this.#alignment = alignment;
  }

  /** Whether some snapshot waits for its captures, its sinks or its barriers. */
  get busy(): boolean {
    return this.#started.size > 0;
  }

  trigger(id: CheckpointId, elapsedMs: number, mode?: BarrierMode): void {
    this.#hear(id, elapsedMs, mode);
    this.#step({ kind: "trigger", id });
  }

  barrier(input: InputChannel, barrier: BarrierOnChannel): void {
    const { id, afterSeq, overtook, mode } = barrier;
    this.#hear(id, barrier.elapsedMs, mode);
    this.#step({ kind: "barrier", input: input.index, id, afterSeq, overtook, mode });
    if (this.#started.has(id)) input.trimCapture(id, afterSeq);
    this.#check(id);
  }

  /** Whether to read a frame changes nothing: its barrier went ahead, or its checkpoint has begun here, or is over. */
  isSpent({ values, mark }: Frame): boolean {
    if (values.length > 0 || mark === undefined) return values.length === 0;
    if (mark.kind !== "barrier") return false;
    const open = this.#alignment.open.get(mark.id);
    return open === undefined ? mark.id <= this.#alignment.started : open.started;
  }

  /** A barrier was processed in data order. */
  reached(input: InputChannel, id: CheckpointId): void {
    this.#step({ kind: "reached", input: input.index, id });
  }

  timeout(id: CheckpointId): void {
    this.#step({ kind: "timeout", id });
    this.#check(id);
  }

  abort(id: CheckpointId): void {
    this.#step({ kind: "abort", id });
  }

  completed(id: CheckpointId): void {
    this.#step({ kind: "completed", id });
    for (const seen of [...this.#seen.keys()]) if (seen <= id) this.#forget(seen);
  }

  /** A frame arrived, or a barrier left: some capture may be whole now. */
  progress(): void {
    for (const id of [...this.#started.keys()]) this.#check(id);
  }

  /** An aligned barrier overtook the outbox after all. */
  promoted(output: OutputChannel, id: CheckpointId, cut: OutputCut): void {
    const cuts = this.#started.get(id)?.cuts;
    const place = this.#host.outputs.findIndex(({ channel }) => channel === output);
    if (cuts !== undefined) cuts[place] = cut;
  }

  elapsedMs(id: CheckpointId): number {
    const seen = this.#seen.get(id);
    return seen === undefined ? 0 : this.#host.clock.monotonic() - seen.triggeredAt;
  }

  /** The mode of a checkpoint, where that is not the job's. */
  modeOf(id: CheckpointId): BarrierMode | undefined {
    return this.#seen.get(id)?.mode;
  }

  /** The attempt ends: no timer is left. */
  close(): void {
    for (const id of [...this.#seen.keys()]) this.#forget(id);
    for (const id of [...this.#started.keys()]) this.#drop(id);
  }

  #hear(id: CheckpointId, elapsedMs: number, mode: BarrierMode | undefined): void {
    if (this.#seen.has(id) || id <= this.#alignment.completed) return;
    const now = this.#host.clock.monotonic();
    this.#seen.set(id, { triggeredAt: now - elapsedMs, seenAt: now, mode, timer: undefined });
  }

  #step(event: AlignEvent): void {
    for (const action of align(this.#alignment, event)) this.#act(action);
  }

  #act(action: AlignAction): void {
    switch (action.kind) {
      case "start":
        return this.#start(action.id, action.overtake);
      case "hold":
        return this.#host.hold(this.#host.inputs[action.input] as InputChannel, action.afterSeq);
      case "arm-timeout":
        return this.#armTimeout(action.id);
      case "promote":
        for (const { channel, policyIn } of this.#host.outputs) {
          if (policyIn(this.modeOf(action.id)) === "timed") channel.promote(action.id);
        }
        return;
      case "decline":
        this.#drop(action.id);
        return this.#host.decline(action.id, action.reason);
      case "drop":
        return this.#drop(action.id);
      default:
        action satisfies never;
    }
  }

  #armTimeout(id: CheckpointId): void {
    const seen = this.#seen.get(id);
    const { timeoutMs, clock } = this.#host;
    if (seen === undefined || seen.timer !== undefined || timeoutMs === undefined) return;
    const delayMs = seen.triggeredAt + timeoutMs - clock.monotonic();
    seen.timer = clock.setTimer(Math.max(0, delayMs), () => this.#host.timeoutDue(id));
  }

  #start(id: CheckpointId, overtake: boolean): void {
    const host = this.#host;
    const startedAt = host.clock.monotonic();
    let cut: OperatorCut | undefined;
    let failure: unknown;
    try {
      cut = host.cutOperators(id);
    } catch (error) {
      failure = error;
    }
    const standing = new Array<Standing>(host.inputs.length);
    let delayedRecords = 0;
    for (const input of host.inputs) {
      delayedRecords += input.heldRecords;
      standing[input.index] = input.standing();
    }
    const cuts = new Array<OutputCut>(host.outputs.length);
    const checkpoint: StartedCheckpoint = {
      id,
      startedAt,
      delayedRecords,
      syncMs: host.clock.monotonic() - startedAt,
      finished: host.finished(),
      quiet: host.quiet(),
      flushed: host.flushed(),
      standing,
      cuts,
      parts: cut?.parts ?? [],
      cut: false,
      prepared: cut?.prepared === undefined,
      whole: 0,
      left: 0,
    };
    this.#started.set(id, checkpoint); // before the cuts: a barrier may leave at once
    let waiting = false;
    const mode = this.modeOf(id);
    for (let place = 0; place < host.outputs.length; place++) {
      const { channel, policyIn } = host.outputs[place]!;
      const policy = policyIn(mode);
      const overtakes = policy === "overtake" || (policy === "timed" && overtake);
      cuts[place] = overtakes ? channel.barrierOvertaking(id) : channel.barrierInBand(id);
      waiting ||= policy === "timed" && !channel.hasLeft(id);
    }
    for (const input of host.inputs) {
      if (!this.#captures(input)) continue;
      const recovered = input.identity.recovered !== 0;
      input.openCapture(id, recovered ? input.received : this.#alignment.open.get(id)?.arrived.get(input.index));
    }
    checkpoint.cut = true;
    if (waiting) this.#armTimeout(id);
    if (failure !== undefined) {
      // The barrier is forwarded all the same, so that nobody downstream waits for it.
      this.#step({ kind: "abort", id });
      this.#drop(id);
      host.decline(id, `the snapshot failed: ${messageOf(failure)}`, failure);
      return;
    }
    cut?.prepared?.then(
      (parts) => {
        checkpoint.parts = [...checkpoint.parts, ...parts];
        checkpoint.prepared = true;
        this.#host.wake();
      },
      (error: unknown) => {
        if (this.#started.get(id) !== checkpoint) return;
        this.abort(id);
        host.decline(id, `a sink could not prepare: ${messageOf(error)}`, error);
      },
    );
    this.#check(id);
  }

  /** Contributes checkpoint `id` once every capture is whole, every barrier has left and every sink has prepared. */
  #check(id: CheckpointId): void {
    const checkpoint = this.#started.get(id);
    if (checkpoint === undefined || !checkpoint.cut || !checkpoint.prepared) return;
    const { inputs, outputs } = this.#host;
    const arrived = this.#alignment.open.get(id)?.arrived;
    for (; checkpoint.whole < inputs.length; checkpoint.whole++) {
      const input = inputs[checkpoint.whole]!;
      if (this.#captures(input) ? !input.captureWhole(id) : !arrived?.has(input.index)) return;
    }
    for (; checkpoint.left < outputs.length; checkpoint.left++) {
      if (!outputs[checkpoint.left]!.channel.hasLeft(id)) return;
    }
    let contribution: Contribution;
    try {
      contribution = this.#contribution(checkpoint);
    } catch (error) {
      this.abort(id);
      this.#drop(id);
      this.#host.decline(id, `in-flight data could not be encoded: ${messageOf(error)}`, error);
      return;
    }
    this.#started.delete(id);
    this.#host.contribute(contribution);
  }

  #contribution(checkpoint: StartedCheckpoint): Contribution {
    const { id } = checkpoint;
    const inputs: InputReport<CapturedBytes | typeof noBytes>[] = [];
    try {
      for (const input of this.#host.inputs) inputs.push(this.#reportInput(input, checkpoint));
    } catch (error) {
      for (const { bytes } of inputs) if ("release" in bytes) bytes.release?.();
      throw error;
    }
    const outputs = this.#host.outputs.map(({ channel }, place) => this.#reportOutput(channel, place, checkpoint));
    if (!areSame(inputs, this.#inputReports)) this.#inputReports = inputs;
    if (!areSame(outputs, this.#outputReports)) this.#outputReports = outputs;
    const seen = this.#seen.get(id);
    const triggeredAt = seen?.triggeredAt ?? checkpoint.startedAt;
    const seenAt = seen?.seenAt ?? checkpoint.startedAt;
    return {
      checkpoint: id,
      task: this.#host.task,
      subtask: this.#host.subtask,
      finished: checkpoint.finished,
      quiet: checkpoint.quiet,
      flushed: checkpoint.flushed,
      parts: checkpoint.parts,
      inputs: this.#inputReports,
      outputs: this.#outputReports,
      timing: {
        startDelayMs: seenAt - triggeredAt,
        alignmentMs: checkpoint.startedAt - seenAt,
        delayedRecords: checkpoint.delayedRecords,
        syncMs: checkpoint.syncMs,
      },
      triggeredAt,
      startedAt: checkpoint.startedAt,
    };
  }

  #captures(input: InputChannel): boolean {
    return this.#host.captures || input.feedback !== undefined || input.identity.recovered !== 0;
  }

  #reportInput(input: InputChannel, checkpoint: StartedCheckpoint): InputReport<CapturedBytes | typeof noBytes> {
    // Field by field: once for every channel of the job, where spreading would be most of the cost.
    const { edge, sender, receiver, recovered } = input.identity;
    const { processed, watermark, idle, ended } = checkpoint.standing[input.index] as Standing;
    const { captured, records, watermarks, bytes } = encodeCaptured(input.takeCapture(checkpoint.id));
    const sent = recovered === 0 ? undefined : input.received;
    const last = this.#inputReports[input.index];
    if (bytes === noBytes && last?.bytes === noBytes && last.processed === processed && last.sent === sent) return last;
    return { edge, sender, receiver, recovered, sent, processed, watermark, idle, ended, captured, records, watermarks, bytes };
  }

  #reportOutput(
    channel: OutputChannel,
    place: number,
    checkpoint: StartedCheckpoint,
  ): OutputReport<CapturedBytes | typeof noBytes> {
    const cut = checkpoint.cuts[place] as OutputCut;
    const { edge, sender, receiver } = channel.channel;
    const { wire, sent } = cut;
    const { captured, records, watermarks, bytes } = encodeCaptured({ frames: cut.captured, spilled: undefined, before: 0 });
    const last = this.#outputReports[place];
    if (bytes === noBytes && last?.bytes === noBytes && last.wire === wire && last.sent === sent) return last;
    return { edge: edge.id, sender, receiver, wire, sent, captured, records, watermarks, bytes };
  }

  #drop(id: CheckpointId): void {
    for (const { part } of this.#started.get(id)?.parts ?? []) part.release?.();
    this.#started.delete(id);
    for (const input of this.#host.inputs) input.dropCapture(id);
  }

  #forget(id: CheckpointId): void {
    this.#seen.get(id)?.timer?.cancel();
    this.#seen.delete(id);
  }
}

/** Whether two arrays hold the same objects. */
function areSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}

/** What a channel held at a cut. */
interface Encoded {
  readonly captured: FrameRange | undefined;
  readonly records: number;
  readonly watermarks: number;
  readonly bytes: CapturedBytes | typeof noBytes;
}

const nothing: Encoded = { captured: undefined, records: 0, watermarks: 0, bytes: noBytes };

function encodeCaptured({ frames, spilled, before }: TakenCapture): Encoded {
  const first = frames[0];
  if (first === undefined) {
    spilled?.release();
    return nothing;
  }
  let records = spilled?.records ?? 0;
  let watermarks = spilled?.watermarks ?? 0;
  for (const { frame, skip } of frames) {
    records += Math.max(0, frame.values.length - skip);
    if (frame.mark?.kind === "watermark") watermarks++;
  }
  const last = Math.max((frames.at(-1) as CapturedFrame).frame.seq, spilled?.last ?? 0);
  const captured = { from: first.frame.seq, skip: first.skip, to: last };
  if (spilled === undefined) return { captured, records, watermarks, bytes: onlySlice(encodeFrames(frames)) };
  try {
    const [ahead, behind] = [frames.slice(0, before), frames.slice(before)].map((part) =>
      part.length === 0 ? [] : [encodeFrames(part)]
    );
    const bytes: CapturedBytes = {
      *slices() {
        yield* ahead ?? [];
        yield* spilled.slices();
        yield* behind ?? [];
      },
      release: () => spilled.release(),
    };
    return { captured, records, watermarks, bytes };
  } catch (error) {
    spilled.release();
    throw error;
  }
}
