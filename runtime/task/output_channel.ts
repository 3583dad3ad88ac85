import { SluiceError } from "../../actors/error.ts";
import type { Channel } from "../graph/channel.ts";
import type { Cursor } from "../graph/operator.ts";
import { type BarrierMode, type CheckpointId, type Frame, type Mark, NO_WATERMARK } from "../graph/frame.ts";
import type { Brake } from "./brake.ts";
import { type Next, nowhere } from "./chain.ts";
import type { BarrierOnChannel, GrantTarget, OutputLink } from "./link.ts";

/** How an output channel batches and what it may hold. */
export interface OutputLimits {
  /** A frame is sealed at this many records at the latest. */
  readonly frameRecords: number;
  /** A frame is sealed at about this many bytes at the latest. */
  readonly frameBytes: number;
  /** What one call may emit beyond credit, in bytes, before the task fails. */
  readonly overdraftBytes: number;
  /** Records are handed over in turns that may take at least so many steps. */
  readonly handOverSteps: number;
}

/** A frame that was overtaken by a barrier, or waits before one: `skip` of its elements are already processed. */
export interface CapturedFrame {
  readonly frame: Frame;
  readonly skip: number;
}

/** Where an output stood at a barrier, and what the barrier overtook in its outbox: the frames `(wire, sent]`. */
export interface OutputCut {
  readonly sent: number;
  readonly wire: number;
  readonly captured: readonly CapturedFrame[];
}

/** Nothing was overtaken. */
const nothing: readonly CapturedFrame[] = [];

interface Unconsumed {
  readonly seq: number;
  /** The cost of all frames up to this one. */
  readonly costSoFar: number;
}

interface InBandBarrier {
  readonly id: CheckpointId;
  readonly seq: number;
}

/** What the owner of an output channel has to know. */
export interface OutputOwner {
  readonly brake: Brake;
  /** The estimated bytes of a record of this edge. */
  recordBytes(sample: unknown): number;
  /** Milliseconds since checkpoint `id` was triggered. */
  elapsedMs(id: CheckpointId): number;
  /** How its barriers travel, where that is not as the job's mode says. */
  barrierMode?(id: CheckpointId): BarrierMode | undefined;
  /** An aligned barrier was handed to the transport. */
  barrierLeft(): void;
  /** An aligned barrier overtook its queue after all: its cut is another one now. */
  barrierPromoted(output: OutputChannel, id: CheckpointId, cut: OutputCut): void;
  /** The channel has something to do in the next turn of its task. */
  wake(): void;
  /** The receiver cannot be reached any more. */
  fail(error: Error): void;
}

/** The limit of a channel that has no grant yet: not even control may go. */
export const noGrant = -1;

/** How much of what a message takes a batch is made for: records differ in size. */
const shareOfMessage = 0.75;

/** Every how many records, from one frame to the next, the size of a record is estimated again. */
const sampleEvery = 1_024;

/**
 * The sending end of a channel: the open batch, the outbox of sealed frames that wait for credit, and the barriers among them.
 *
 * - A frame gets its number when it is sealed; a barrier always seals the open batch first (protocol 2.2).
 * - `wire` is the last frame handed to the link. A barrier that overtakes names it, and captures what lies behind it.
 * - A promoted barrier leaves no copy in its frame (protocol 2.7).
 */
export class OutputChannel implements GrantTarget {
  readonly channel: Channel;
  readonly #owner: OutputOwner;
  readonly #link: OutputLink;
  readonly #limits: OutputLimits;
  readonly #timed: boolean;
  readonly #grouped: boolean;
  /** Whether its edge hands records over where it can: one that deals them out to several receivers does not. */
  handsOver = false;
  /** Where records are handed over while there is room. Public for the partitioner's loop only, as what follows. */
  entry: Next = nowhere;
  cursor: Cursor = nobodys;
  room = 0;
  /** The open batch, in arrays of its final size. */
  count = 0;
  values: unknown[] = new Array<unknown>(1);
  keyGroups: number[] = new Array<number>(1);
  timestamps: number[] = new Array<number>(1);
  /** The open batch is sealed at this many records. Its arrays have room for them: one store past an end makes all slow. */
  batchRecords = 1;
  /** How many the next batch takes; the first takes one, which shows the size of a record. */
  #nextRecords = 1;
  /** How many records it was allowed to hand over, and how many it has handed over besides those. */
  #admitted = 0;
  #handedOver = 0;
  /** Records in the frames that it has sealed, and those that it has handed over in turns that are over. */
  recordsOut = 0;
  #meanBytes = 0;
  #recordsToSample = 0;
  #sealed: number;
  #wire: number;
  #outbox: Frame[] = [];
  #outboxCost = 0;
  #blocked = false;
  #sentCost = 0;
  /** Frames with records that are under way. */
  #unconsumed: Unconsumed[] = [];
  #consumedCost = 0;
  #limit: number;
  #consumedSeq: number;
  #inBand: InBandBarrier[] = [];
  /** A cut at which nothing has happened since the last one is the same. */
  #lastCut: OutputCut = { sent: -1, wire: -1, captured: nothing };

  constructor(
    channel: Channel,
    owner: OutputOwner,
    link: OutputLink,
    limits: OutputLimits,
    start: { readonly sent: number; readonly limit: number },
  ) {
    this.channel = channel;
    this.#owner = owner;
    this.#link = link;
    this.#limits = limits;
    this.#timed = channel.edge.timed;
    this.#grouped = channel.edge.grouped;
    this.#sealed = start.sent;
    this.#wire = start.sent;
    this.#consumedSeq = start.sent;
    this.#limit = start.limit;
  }

  /** Whether the open batch should go out at the end of a turn: nothing else of the channel is under way. */
  get flushable(): boolean {
    return this.count > 0 && this.#consumedSeq === this.#sealed;
  }

  /** Whether frames wait and there is credit for the first of them. */
  get sendable(): boolean {
    const first = this.#outbox[0];
    return first !== undefined && this.#mayGo(first);
  }

  /** Records in the open batch and in the outbox. */
  get waitingRecords(): number {
    return this.#outbox.reduce((sum, frame) => sum + frame.values.length, this.count);
  }

  /** A turn of the task begins, of so many steps: records can be handed over if nothing of the channel is under way. */
  beginTurn(maxSteps: number): void {
    if (!this.handsOver || maxSteps < this.#limits.handOverSteps || this.count > 0 || this.#consumedSeq !== this.#sealed) return;
    const { entrance } = this.#link;
    if (entrance === undefined) return;
    this.entry = entrance.entry;
    this.cursor = entrance.cursor;
    entrance.admit(this, maxSteps);
    this.#admitted = this.room;
  }

  /** No more records are handed over. */
  close(): void {
    this.#handedOver += this.#admitted - this.room;
    this.#admitted = this.room = 0;
  }

  /** The turn is over. */
  endTurn(): void {
    if (this.#admitted === 0 && this.#handedOver === 0) return;
    this.close();
    this.#link.entrance?.left(this, this.#handedOver);
    this.recordsOut += this.#handedOver;
    this.#handedOver = 0;
  }

  /** Processing a record that was handed over has failed. */
  failed(error: unknown): void {
    this.#link.entrance?.fail(error);
  }

  /** Gives the open batch a number and queues it; with a mark, also when the batch is empty. */
  seal(mark: Mark | undefined): void {
    const { count } = this;
    if (count === 0 && mark === undefined) return;
    this.recordsOut += count;
    const frame = count === 0 ? this.#markFrame(mark) : this.#takeBatch(count, mark);
    if (this.#link.weigh === undefined) this.#queue(frame);
    else this.#queueWeighed(frame);
    this.drain();
    if (this.#blocked && this.#outboxCost > this.#limits.overdraftBytes) this.#overdrawn();
  }

  #queue(frame: Frame): void {
    this.#sealed = frame.seq;
    this.close();
    if (frame.mark?.kind === "barrier") this.#inBand.push({ id: frame.mark.id, seq: frame.seq });
    this.#outbox.push(frame);
    this.#outboxCost += frame.cost;
  }

  /** Queues a frame at its true cost, in halves where it does not fit in a message. Its mark stays at the end. */
  #queueWeighed(frame: Frame): void {
    const cost = this.#link.weigh?.(frame);
    if (cost !== undefined) {
      this.#queue({ ...frame, cost });
      if (cost > 0) this.#meanBytes = mean(this.#meanBytes, cost / frame.values.length);
      return this.#fitBatch(this.#limit - this.#consumedCost);
    }
    const middle = frame.values.length >> 1;
    const part = (from: number, to: number, mark: Mark | undefined): Frame => ({
      seq: this.#sealed + 1,
      values: frame.values.slice(from, to),
      keyGroups: frame.keyGroups?.slice(from, to),
      timestamps: frame.timestamps?.slice(from, to),
      mark,
      cost: 0,
    });
    this.#queueWeighed(part(0, middle, undefined));
    this.#queueWeighed(part(middle, frame.values.length, frame.mark));
  }

  /** Hands over what there is credit for. */
  drain(): void {
    let sent = 0;
    let left = false;
    for (; sent < this.#outbox.length; sent++) {
      const frame = this.#outbox[sent] as Frame;
      if (!this.#mayGo(frame)) break;
      this.#wire = frame.seq;
      this.#sentCost += frame.cost;
      if (frame.cost > 0) this.#unconsumed.push({ seq: frame.seq, costSoFar: this.#sentCost });
      this.#outboxCost -= frame.cost;
      const barrier = frame.mark?.kind === "barrier" ? frame.mark.id : undefined;
      if (barrier === undefined) {
        this.#link.send(frame, undefined);
      } else {
        this.#inBand = this.#inBand.filter((waiting) => waiting.id !== barrier);
        left = true;
        this.#link.send(frame, this.#shown(barrier, frame.seq, false));
      }
    }
    if (sent > 0) this.#outbox.splice(0, sent);
    const blocked = this.#outbox.length > 0;
    if (blocked !== this.#blocked) {
      this.#blocked = blocked;
      if (blocked) this.#owner.brake.block();
      else this.#owner.brake.unblock();
    }
    if (left) this.#owner.barrierLeft();
  }

  onGrant(consumedSeq: number, limit: number): void {
    if (limit > this.#limit) this.#limit = limit;
    if (consumedSeq > this.#consumedSeq) this.#consumedSeq = consumedSeq;
    while (this.#unconsumed.length > 0 && (this.#unconsumed[0] as Unconsumed).seq <= consumedSeq) {
      this.#consumedCost = (this.#unconsumed.shift() as Unconsumed).costSoFar;
    }
    this.#fitBatch(limit - this.#consumedCost);
    if (this.#blocked || this.flushable) this.#owner.wake();
  }

  onLost(error: Error): void {
    this.#owner.fail(error);
  }

  /** Sends barrier `id` in data order. */
  barrierInBand(id: CheckpointId): OutputCut {
    this.seal({ kind: "barrier", id });
    return { sent: this.#sealed, wire: this.#sealed, captured: nothing };
  }

  /** Sends barrier `id` past what waits in the outbox, which it captures. */
  barrierOvertaking(id: CheckpointId): OutputCut {
    this.seal(undefined);
    this.promote(id);
    const captured = this.#outbox.length === 0 ? nothing : this.#outbox.map((frame) => ({ frame, skip: 0 }));
    this.#overtake(id);
    const { sent, wire } = this.#lastCut;
    if (captured === nothing && sent === this.#sealed && wire === this.#wire) return this.#lastCut;
    return this.#lastCut = { sent: this.#sealed, wire: this.#wire, captured };
  }

  /** Lets the in-band barriers up to `id` that have not left overtake what waits before them, oldest first. */
  promote(id: CheckpointId): void {
    if (this.#inBand.length === 0) return;
    for (const waiting of this.#inBand.filter((barrier) => barrier.id <= id)) {
      const captured = this.#outbox.filter((frame) => frame.seq <= waiting.seq).map((frame) => ({ frame, skip: 0 }));
      const own = this.#outbox.find((frame) => frame.seq === waiting.seq);
      if (own !== undefined) own.mark = undefined;
      this.#inBand = this.#inBand.filter((barrier) => barrier !== waiting);
      this.#overtake(waiting.id);
      this.#owner.barrierPromoted(this, waiting.id, { sent: waiting.seq, wire: this.#wire, captured });
    }
  }

  /** Whether barrier `id` has been handed over. */
  hasLeft(id: CheckpointId): boolean {
    for (const barrier of this.#inBand) if (barrier.id === id) return false;
    return true;
  }

  #takeBatch(count: number, mark: Mark | undefined): Frame {
    const { values } = this;
    const keyGroups = this.#grouped ? this.keyGroups : undefined;
    const timestamps = this.#timed ? this.timestamps : undefined;
    const cost = this.#link.weigh === undefined ? Math.ceil(count * this.#sampledBytes(count)) : 0;
    if (count < values.length) {
      values.length = count;
      if (keyGroups !== undefined) keyGroups.length = count;
      if (timestamps !== undefined) timestamps.length = count;
    }
    this.count = 0;
    const room = this.batchRecords = this.#nextRecords;
    this.values = new Array<unknown>(room);
    if (keyGroups !== undefined) this.keyGroups = new Array<number>(room);
    if (timestamps !== undefined) this.timestamps = new Array<number>(room);
    return { seq: this.#sealed + 1, values, keyGroups, timestamps, mark, cost };
  }

  /** A frame without records never shares the open batch's arrays: they go on being filled. */
  #markFrame(mark: Mark | undefined): Frame {
    const keyGroups = this.#grouped ? [] : undefined;
    const timestamps = this.#timed ? [] : undefined;
    return { seq: this.#sealed + 1, values: [], keyGroups, timestamps, mark, cost: 0 };
  }

  #overtake(id: CheckpointId): void {
    this.close();
    this.#link.overtake(this.#shown(id, this.#wire, true));
  }

  #shown(id: CheckpointId, afterSeq: number, overtook: boolean): BarrierOnChannel {
    const mode = this.#owner.barrierMode?.(id);
    const elapsedMs = this.#owner.elapsedMs(id);
    return mode === undefined ? { id, afterSeq, overtook, elapsedMs } : { id, afterSeq, overtook, elapsedMs, mode };
  }

  #mayGo(frame: Frame): boolean {
    return this.#sentCost < this.#limit || (frame.cost === 0 && this.#limit !== noGrant);
  }

  #sampledBytes(count: number): number {
    this.#recordsToSample -= count;
    if (this.#recordsToSample < 0) {
      this.#recordsToSample = sampleEvery;
      const sampled = Math.max(1, this.#owner.recordBytes(this.values[0]));
      this.#meanBytes = mean(this.#meanBytes, sampled);
      this.#fitBatch(this.#limit - this.#consumedCost);
    }
    return this.#meanBytes;
  }

  /**
   * A batch is at most half a window, so that small windows are not overrun by large frames; and less than a message takes, since
   * what is too large for one is encoded in vain.
   */
  #fitBatch(windowBytes: number): void {
    if (this.#meanBytes === 0) return;
    const bytes = Math.min(this.#limits.frameBytes, windowBytes / 2, (this.#link.mostBytes ?? Infinity) * shareOfMessage);
    this.#nextRecords = Math.max(1, Math.min(this.#limits.frameRecords, Math.floor(bytes / this.#meanBytes)));
    if (this.#nextRecords < this.batchRecords) this.batchRecords = this.#nextRecords;
  }

  #overdrawn(): never {
    const { edge, sender, receiver } = this.channel;
    throw new SluiceError(
      "OUTPUT_OVERDRAWN",
      `${edge.fromOperator} emitted ${this.#outboxCost} bytes beyond its credit on ${edge.id}:${sender}>${receiver} while ` +
        `processing one record; the limit is overdraftBytes = ${this.#limits.overdraftBytes}. Emit fewer or smaller records ` +
        `per input record (a flatMap that returns an iterable is pulled only under credit), or raise overdraftBytes.`,
    );
  }
}

/** Of a channel that hands nothing over. */
const nobodys: Cursor = { timestamp: NaN, keyGroup: -1, watermark: NO_WATERMARK, split: "", port: 0 };

function mean(before: number, newest: number): number {
  return before === 0 ? newest : (before * 3 + newest) / 4;
}
