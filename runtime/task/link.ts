import type { CheckpointId, Frame } from "../graph/frame.ts";

/** A barrier as a channel shows it: fixed when it leaves its sender. */
export interface BarrierOnChannel {
  readonly id: CheckpointId;
  /** The cut: frames of the channel up to here are before the barrier. */
  readonly afterSeq: number;
  /** It came past frames that are captured, not in its own frame. */
  readonly overtook: boolean;
  /** Milliseconds since the trigger, as of hand-over. */
  readonly elapsedMs: number;
}

/** The way from an output channel to its input channel. */
export interface OutputLink {
  /** Says who takes the grants. */
  connectSender(sender: GrantTarget): void;
  /** Hands a frame over. `barrier` is the aligned barrier that it carries at its end. */
  send(frame: Frame, barrier: BarrierOnChannel | undefined): void;
  /** Hands an unaligned barrier over. */
  overtake(barrier: BarrierOnChannel): void;
}

/** The receiving end of the way, and the way back: what an input channel tells its output channel. */
export interface InputLink {
  /** Says who takes the frames. */
  connectReceiver(receiver: FrameTarget): void;
  /** Frames up to `consumedSeq` are processed; the sender may send until `limit` of cost. Cumulative. */
  grant(consumedSeq: number, limit: number): void;
}

/** What an output channel offers its link. */
export interface GrantTarget {
  onGrant(consumedSeq: number, limit: number): void;
}

/** What an input channel offers its link. */
export interface FrameTarget {
  onBarrier(barrier: BarrierOnChannel): void;
  onFrame(frame: Frame): void;
}

/** Both directions of a channel whose ends are in one process: frames go by reference, a grant is an assignment. */
export class LocalLink implements OutputLink, InputLink {
  #receiver: FrameTarget | undefined;
  #sender: GrantTarget | undefined;

  connectReceiver(receiver: FrameTarget): void {
    this.#receiver = receiver;
  }

  connectSender(sender: GrantTarget): void {
    this.#sender = sender;
  }

  send(frame: Frame, barrier: BarrierOnChannel | undefined): void {
    if (barrier !== undefined) this.#receiver?.onBarrier(barrier);
    this.#receiver?.onFrame(frame);
  }

  overtake(barrier: BarrierOnChannel): void {
    this.#receiver?.onBarrier(barrier);
  }

  grant(consumedSeq: number, limit: number): void {
    this.#sender?.onGrant(consumedSeq, limit);
  }
}
