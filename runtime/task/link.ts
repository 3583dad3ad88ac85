import type { BarrierMode, CheckpointId, Frame } from "../graph/frame.ts";
import type { Entrance } from "./entrance.ts";

/** A barrier as a channel shows it: fixed when it leaves its sender. */
export interface BarrierOnChannel {
  readonly id: CheckpointId;
  /** The cut: frames of the channel up to here are before the barrier. */
  readonly afterSeq: number;
  /** It came past frames that are captured, not in its own frame. */
  readonly overtook: boolean;
  /** Milliseconds since the trigger, as of hand-over. */
  readonly elapsedMs: number;
  /** Of its checkpoint, where that is not the job's. */
  readonly mode?: BarrierMode;
}

/** The way from an output channel to its input channel. */
export interface OutputLink {
  /** Frames leave as bytes, and nothing may be sent before the first grant; else a first window is open from the start. */
  readonly encoded: boolean;
  /** Says who takes the grants, and the frame after which the channel goes on. */
  connectSender(sender: GrantTarget, sent: number): void;
  /**
   * What a frame about to be queued costs; undefined when it is too large for one message and must be divided. A link
   * without this takes estimates.
   *
   * @throws {SluiceError} When its records cannot be sent at all, naming the operator.
   */
  weigh?(frame: Frame): number | undefined;
  /** What a message takes, in bytes, as things are now; without it there is no limit. */
  readonly mostBytes?: number;
  /** Hands a frame over. `barrier` is the aligned barrier that it carries at its end. */
  send(frame: Frame, barrier: BarrierOnChannel | undefined): void;
  /** Hands an unaligned barrier over. */
  overtake(barrier: BarrierOnChannel): void;
  /** The way past the channel, where both ends are in one thread; undefined as long as records must come in frames. */
  readonly entrance?: Entrance | undefined;
}

/** The receiving end of the way, and the way back: what an input channel tells its output channel. */
export interface InputLink {
  /** Frames came as bytes. */
  readonly encoded: boolean;
  /** Says who takes the frames, the frame after which the channel goes on, and how much may come at once. */
  connectReceiver(receiver: FrameTarget, start: { readonly received: number; readonly windowBytes: number }): void;
  /** Frames up to `consumedSeq`, of that cost, are processed; so much more would be taken. Cumulative. */
  grant(consumedSeq: number, consumedCost: number, windowBytes: number): void;
}

/** What an output channel offers its link. */
export interface GrantTarget {
  onGrant(consumedSeq: number, limit: number): void;
  /** The receiver cannot be reached. */
  onLost(error: Error): void;
}

/** What an input channel offers its link. */
export interface FrameTarget {
  readonly entrance?: Entrance | undefined;
  onBarrier(barrier: BarrierOnChannel): void;
  onFrame(frame: Frame): void;
}

/** Both directions of a channel whose ends are in one process: frames go by reference, a grant is an assignment. */
export class LocalLink implements OutputLink, InputLink {
  readonly encoded = false;
  #receiver: FrameTarget | undefined;
  #sender: GrantTarget | undefined;

  connectReceiver(receiver: FrameTarget): void {
    this.#receiver = receiver;
  }

  connectSender(sender: GrantTarget): void {
    this.#sender = sender;
  }

  get entrance(): Entrance | undefined {
    return this.#receiver?.entrance;
  }

  send(frame: Frame, barrier: BarrierOnChannel | undefined): void {
    if (barrier !== undefined) this.#receiver?.onBarrier(barrier);
    this.#receiver?.onFrame(frame);
  }

  overtake(barrier: BarrierOnChannel): void {
    this.#receiver?.onBarrier(barrier);
  }

  grant(consumedSeq: number, consumedCost: number, windowBytes: number): void {
    this.#sender?.onGrant(consumedSeq, consumedCost + windowBytes);
  }
}
