import { encodeMessage } from "../graph/frame_codec.ts";
import type { Frame } from "../graph/frame.ts";
import type { BarrierHeader } from "../graph/message_header.ts";
import type { CreditShare } from "./credit_pool.ts";
import { DryChannel } from "./dry_channel.ts";
import type { LinkAddress, WireHost } from "./encoded_output.ts";
import type { FrameTarget, InputLink } from "./link.ts";
import {
  answer,
  newReceiver,
  type ReceiverAction,
  type ReceiverEvent,
  type ReceiverState,
  stepReceiver,
} from "./wire_receiver.ts";

/** Why a message did not do what it says. */
export type Dropped = "duplicate" | "gap" | "damaged" | "refused";

/** What a receiving end needs besides. */
export interface ReceiverHost extends WireHost {
  dropped(why: Dropped): void;
}

/** The receiving end of an encoded channel: the shell of `wire_receiver.ts`. What comes before it is connected is lost. */
export class EncodedInput implements InputLink {
  readonly encoded = true;
  readonly #address: LinkAddress;
  readonly #host: ReceiverHost;
  readonly #share: CreditShare;
  readonly #dry: DryChannel;
  #state: ReceiverState | undefined;
  #target: FrameTarget | undefined;

  /** @param mostBytes What its window may grow to when it runs dry. */
  constructor(address: LinkAddress, host: ReceiverHost, share: CreditShare, mostBytes: number) {
    this.#address = address;
    this.#host = host;
    this.#share = share;
    this.#dry = new DryChannel(mostBytes);
  }

  /**
   * Says hello by itself: with a sender that waits already, the channel is open at once. An infinite window (feedback lies
   * outside credit) stays infinite.
   */
  connectReceiver(receiver: FrameTarget, start: { readonly received: number; readonly windowBytes: number }): void {
    this.#target = receiver;
    const { received, windowBytes } = start;
    this.#state = newReceiver(received, windowBytes === Infinity ? Infinity : this.#share.limit(0, windowBytes));
    this.#act([answer(this.#state)], undefined);
  }

  grant(consumedSeq: number, consumedCost: number, windowBytes: number): void {
    const state = this.#state;
    if (state === undefined) return;
    const wanted = this.#dry.window(consumedCost, windowBytes, consumedSeq === state.received, state.toldLimit);
    const limit = state.limit === Infinity ? Infinity : this.#share.limit(consumedCost, wanted);
    this.#step({ kind: "consumed", consumed: consumedSeq, consumedCost, limit });
  }

  /** `frame` is undefined when its body is damaged; the barriers of a header whose checksum holds count all the same. */
  frameArrived(seq: number, barriers: readonly BarrierHeader[], frame: Frame | undefined): void {
    this.#step({ kind: "frame", seq, barriers, whole: frame !== undefined }, frame);
  }

  heartbeatArrived(sent: number, barriers: readonly BarrierHeader[]): void {
    this.#step({ kind: "heartbeat", sent, barriers });
  }

  helloArrived(sent: number): void {
    this.#step({ kind: "hello", sent });
  }

  #step(event: ReceiverEvent, frame?: Frame): void {
    if (this.#state !== undefined) this.#act(stepReceiver(this.#state, event), frame);
  }

  #act(actions: readonly ReceiverAction[], frame: Frame | undefined): void {
    const { attempt, channel } = this.#address;
    for (const action of actions) {
      switch (action.kind) {
        case "barrier":
          this.#target?.onBarrier(action.barrier);
          break;
        case "take":
          this.#target?.onFrame(frame as Frame);
          break;
        case "grant":
          this.#host.publish(encodeMessage({ kind: "grant", attempt, channel, ...action.grant }));
          break;
        case "drop":
          this.#host.dropped(action.reason);
          break;
        case "refuse":
          this.#host.dropped("refused");
          break;
        default:
          action satisfies never;
      }
    }
  }
}
