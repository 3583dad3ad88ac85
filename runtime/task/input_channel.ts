import { SluiceError } from "../../actors/error.ts";
import { elementCount, type Frame, NO_WATERMARK } from "../graph/frame.ts";
import type { CheckpointId } from "../graph/frame.ts";
import type { Processed } from "../checkpoint/manifest.ts";
import { CreditWindow } from "./credit_window.ts";
import type { Entrance } from "./entrance.ts";
import type { Feedback } from "./feedback.ts";
import type { BarrierOnChannel, FrameTarget, InputLink } from "./link.ts";
import type { CapturedFrame } from "./output_channel.ts";
import type { Spill, SpillCut } from "./spill.ts";

/** Which channel an input channel is the receiving end of. */
export interface InputIdentity {
  readonly edge: string;
  readonly sender: number;
  readonly receiver: number;
  /** 0: a regular channel; else the attempt whose restore made it a recovered one. */
  readonly recovered: number;
}

/** Where an input channel starts. */
export interface InputStart {
  /** The last frame that its sender sent before; the next one expected is one higher. */
  readonly received: number;
  readonly processed: Processed;
  readonly watermark: number;
  readonly idle: boolean;
  readonly ended: boolean;
}

/** Where an input channel stands in its task. */
export interface InputPlace {
  readonly identity: InputIdentity;
  /** Its place among the task's inputs: regular ones first. */
  readonly index: number;
  /** Which of the task's input edges it belongs to. */
  readonly edge: number;
  /** Given for a channel that goes back, to the head of a loop. */
  readonly feedback?: Feedback | undefined;
  /** Which input of the operator it belongs to: see `Cursor.port`. @default 0 */
  readonly port?: number;
  /** Whether event time waits for it. @default true */
  readonly eventTime?: boolean;
  /** The way past the channel, for a sender in the same thread. @default none */
  readonly entrance?: Entrance | undefined;
}

/** Where an input stands, for a snapshot. */
export interface Standing {
  readonly processed: Processed;
  readonly watermark: number;
  readonly idle: boolean;
  readonly ended: boolean;
}

/** A capture under way: the frames `(processed, afterSeq]` of one checkpoint. */
interface Capture {
  readonly id: CheckpointId;
  readonly frames: CapturedFrame[];
  /** What was on scratch space when it began; it comes behind so many of the frames. */
  readonly spilled: SpillCut | undefined;
  readonly before: number;
  afterSeq: number | undefined;
}

/** What a capture has come to: the frames before what was on scratch space, that, and those behind it. */
export interface TakenCapture {
  readonly frames: readonly CapturedFrame[];
  readonly spilled: SpillCut | undefined;
  readonly before: number;
}

const nothingTaken: TakenCapture = { frames: [], spilled: undefined, before: 0 };

/** Told what arrives, in the order it does. */
export interface InputOwner {
  barrierArrived(input: InputChannel, barrier: BarrierOnChannel): void;
  frameArrived(input: InputChannel): void;
  /** A frame came whose predecessors are missing. */
  gap(input: InputChannel, frame: Frame): void;
  /** What arrived could not be spilled. */
  fail(error: unknown): void;
}

/**
 * The receiving end of a channel: its frames in order, how far they are processed, and the captures that are open on it.
 *
 * - Frames are taken in sequence, each once: duplicates are dropped, a gap is reported.
 * - A capture is a range of sequence numbers per checkpoint id, so several can be open at once.
 */
export class InputChannel implements FrameTarget {
  readonly identity: InputIdentity;
  readonly index: number;
  readonly edge: number;
  readonly feedback: Feedback | undefined;
  readonly port: number;
  readonly eventTime: boolean;
  readonly #owner: InputOwner;
  readonly #link: InputLink | undefined;
  readonly #window: CreditWindow;
  readonly #now: () => number;
  /** What waits behind the frames in memory. They are never all gone while it holds something. */
  readonly #spill: Spill | undefined;
  #frames: Frame[] = [];
  #head = 0;
  #received: number;
  /** Frames up to here are processed. */
  processedSeq: number;
  /** Elements of the first waiting frame that are processed. */
  elements: number;
  /** Frames with a greater number wait for a snapshot. */
  hold = Infinity;
  /** In the gate's queue of channels to be read. */
  queued = false;
  watermark: number;
  idle: boolean;
  ended: boolean;
  /** The way past this channel: see {@link entrance}. */
  readonly #entrance: Entrance | undefined;
  #consumedCost = 0;
  /** Few are open at a time, and mostly none. */
  readonly #captures: Capture[] = [];
  #standing: Standing | undefined;

  constructor(
    place: InputPlace,
    owner: InputOwner,
    link: InputLink | undefined,
    credit: { readonly window: CreditWindow; readonly now: () => number },
    start: InputStart,
  ) {
    this.identity = place.identity;
    this.index = place.index;
    this.edge = place.edge;
    this.feedback = place.feedback;
    this.#spill = place.identity.recovered === 0 ? place.feedback?.spill(place.index) : undefined;
    this.port = place.port ?? 0;
    this.#entrance = place.entrance;
    this.eventTime = place.eventTime ?? true;
    this.#owner = owner;
    this.#link = link;
    this.#window = credit.window;
    this.#now = credit.now;
    this.#received = start.received;
    this.processedSeq = start.processed.seq;
    this.elements = start.processed.elements;
    this.watermark = start.watermark;
    this.idle = start.idle;
    this.ended = start.ended;
  }

  /** A channel that holds frames of a snapshot and gets no others. */
  static recovered(
    place: InputPlace,
    owner: InputOwner,
    frames: readonly CapturedFrame[],
    start: { readonly watermark: number; readonly idle: boolean },
  ): InputChannel {
    const first = frames[0];
    const last = frames.at(-1);
    if (first === undefined || last === undefined) throw new RangeError("a recovered channel without frames");
    const channel = new InputChannel(place, owner, undefined, noCredit, {
      ...start,
      received: last.frame.seq,
      processed: { seq: first.frame.seq - 1, elements: first.skip },
      ended: false,
    });
    channel.#frames = frames.map((captured) => captured.frame);
    return channel;
  }

  get received(): number {
    return this.#received;
  }

  /** An idle channel becomes active by a frame. */
  get entrance(): Entrance | undefined {
    return this.idle ? undefined : this.#entrance;
  }

  /** The frame to be processed next. */
  get first(): Frame | undefined {
    return this.#frames[this.#head];
  }

  /** Whether it is a recovered channel that has been read to its end. */
  get drained(): boolean {
    return this.identity.recovered !== 0 && this.first === undefined;
  }

  /** How many frames wait. */
  get waitingFrames(): number {
    return this.#frames.length - this.#head;
  }

  onBarrier(barrier: BarrierOnChannel): void {
    this.#owner.barrierArrived(this, barrier);
  }

  onFrame(frame: Frame): void {
    if (frame.seq !== this.#received + 1) {
      if (frame.seq > this.#received) this.#owner.gap(this, frame);
      return;
    }
    this.#received = frame.seq;
    if (this.#frames.length === 0) this.#window.begin(this.#now());
    this.feedback?.arrived(frame);
    if (this.#spill !== undefined && this.#mustSpill()) this.#spillFrame(this.#spill, frame);
    else this.#frames.push(frame);
    for (const capture of this.#captures) {
      if (capture.afterSeq === undefined || frame.seq <= capture.afterSeq) capture.frames.push({ frame, skip: 0 });
    }
    this.#owner.frameArrived(this);
  }

  /** The first frame has been processed whole: forget it and grant its sender more. */
  consume(): void {
    const frame = this.#frames[this.#head];
    if (frame === undefined) throw new RangeError(`nothing to consume on ${this.identity.edge}`);
    this.#frames[this.#head] = undefined as unknown as Frame;
    if (++this.#head === this.#frames.length) {
      this.#frames = this.#unspilled();
      this.#head = 0;
    } else if (this.#head >= 64) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
    this.processedSeq = frame.seq;
    this.elements = 0;
    this.#consumedCost += frame.cost;
    if (this.identity.recovered === 0) this.feedback?.consumed(frame);
    this.#link?.grant(frame.seq, this.#consumedCost, this.#window.consumed(frame.cost, this.#now()));
  }

  /** Records here that wait behind the hold. */
  get heldRecords(): number {
    let held = 0;
    for (let at = this.#frames.length - 1; at >= this.#head; at--) {
      const { seq, values } = this.#frames[at] as Frame;
      if (seq <= this.hold) break;
      held += values.length;
    }
    return held;
  }

  /** Opens the capture of checkpoint `id`: what is here and unprocessed, and what arrives until the barrier. */
  openCapture(id: CheckpointId, afterSeq: number | undefined): void {
    const frames: CapturedFrame[] = [];
    for (let i = this.#head; i < this.#frames.length; i++) {
      const frame = this.#frames[i] as Frame;
      if (afterSeq !== undefined && frame.seq > afterSeq) break;
      frames.push({ frame, skip: i === this.#head ? this.elements : 0 });
    }
    const before = frames.length;
    const behind = this.#spill?.empty === false && frames.length === this.waitingFrames ? this.#spill.cut() : undefined;
    for (const frame of behind?.young ?? []) frames.push({ frame, skip: 0 });
    this.#captures.push({ id, frames, spilled: behind?.written, before, afterSeq });
    if (afterSeq !== undefined && behind !== undefined) this.trimCapture(id, afterSeq);
  }

  /** The barrier's place became known: later frames are not part of the capture. */
  trimCapture(id: CheckpointId, afterSeq: number): void {
    const capture = this.#captureOf(id);
    if (capture === undefined) return;
    capture.afterSeq = afterSeq;
    capture.spilled?.trim(afterSeq);
    while (capture.frames.length > 0 && (capture.frames.at(-1) as CapturedFrame).frame.seq > afterSeq) capture.frames.pop();
  }

  /** Whether everything that the capture of `id` must hold is here. */
  captureWhole(id: CheckpointId): boolean {
    const capture = this.#captureOf(id);
    return capture !== undefined && capture.afterSeq !== undefined && this.#received >= capture.afterSeq;
  }

  /** Ends the capture of `id` and gives what it holds. */
  takeCapture(id: CheckpointId): TakenCapture {
    const capture = this.#captureOf(id);
    if (capture === undefined) return nothingTaken;
    this.#captures.splice(this.#captures.indexOf(capture), 1);
    return capture;
  }

  #captureOf(id: CheckpointId): Capture | undefined {
    for (const capture of this.#captures) if (capture.id === id) return capture;
    return undefined;
  }

  /** Ends the capture of `id`, which nobody wants any more. */
  dropCapture(id: CheckpointId): void {
    this.takeCapture(id).spilled?.release();
  }

  /** The first frames of the channel never are: there must be one to be read. */
  #mustSpill(): boolean {
    return this.#frames.length > 0 && (this.#spill?.empty === false || this.feedback?.full === true);
  }

  #spillFrame(spill: Spill, frame: Frame): void {
    this.feedback?.spilled(frame.cost);
    try {
      spill.add(frame);
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  #unspilled(): Frame[] {
    if (this.#spill === undefined || this.#spill.empty) return [];
    const { frames, cost } = this.#spill.take();
    this.feedback?.spilled(-cost);
    return frames;
  }

  /** The error for frames that are missing before this one. */
  lostBefore(frame: Frame): SluiceError {
    const { edge, sender, receiver } = this.identity;
    const missing = `frames ${this.#received + 1} to ${frame.seq - 1} of channel ${edge}:${sender}>${receiver}`;
    return new SluiceError("FRAMES_LOST", `${missing} are missing`);
  }

  /** Where the channel stands: the same object as long as it stands there. */
  standing(): Standing {
    const { processedSeq, elements, watermark, idle, ended } = this;
    const last = this.#standing;
    if (last !== undefined && last.processed.seq === processedSeq && last.processed.elements === elements) {
      if (last.watermark === watermark && last.idle === idle && last.ended === ended) return last;
    }
    return this.#standing = { processed: { seq: processedSeq, elements }, watermark, idle, ended };
  }

  /** The first frame's elements that are left. */
  get elementsLeft(): number {
    const frame = this.first;
    return frame === undefined ? 0 : elementCount(frame) - this.elements;
  }
}

/** Recovered data lies outside credit. */
const noCredit = { window: new CreditWindow({ maxBytes: 1, targetMs: 1 }), now: () => 0 };

/** Where a channel of a job without a snapshot starts. */
export const freshInput: InputStart = {
  received: 0,
  processed: { seq: 0, elements: 0 },
  watermark: NO_WATERMARK,
  idle: false,
  ended: false,
};
