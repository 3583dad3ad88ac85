import { SluiceError } from "../../actors/error.ts";
import { type ChannelMessage, encodeMessage, type FrameMessage } from "../graph/frame_codec.ts";
import type { CheckpointId, Frame } from "../graph/frame.ts";
import { type BarrierHeader, type Grant, type Heartbeat, maxBarriers } from "../graph/message_header.ts";
import type { BarrierOnChannel, FrameTarget, GrantTarget, InputLink, OutputLink } from "./link.ts";

/** Which channel of which attempt a link belongs to. */
export interface LinkAddress {
  readonly attempt: number;
  readonly channel: number;
}

/**
 * The sending end of an encoded channel. Every message carries the last barriers of the channel, as they were when they left,
 * so the first message that shows a barrier is the barrier (protocol 1.3).
 *
 * Frames that a broken connection loses are not sent again yet: the receiver finds the gap and fails the attempt. The window
 * of unacknowledged frames belongs here.
 */
export class EncodedOutput implements OutputLink {
  readonly #address: LinkAddress & { readonly uid: string };
  readonly #publish: (bytes: Uint8Array) => void;
  readonly #maxBytes: number;
  #barriers: readonly BarrierHeader[] = [];
  #sender: GrantTarget | undefined;
  #sent = 0;

  constructor(address: LinkAddress & { readonly uid: string }, publish: (bytes: Uint8Array) => void, maxBytes: number) {
    this.#address = address;
    this.#publish = publish;
    this.#maxBytes = maxBytes;
  }

  connectSender(sender: GrantTarget): void {
    this.#sender = sender;
  }

  send(frame: Frame, barrier: BarrierOnChannel | undefined): void {
    if (barrier !== undefined) this.#show(barrier);
    this.#sent = frame.seq;
    const { attempt, channel } = this.#address;
    this.#send({ kind: "frame", attempt, channel, seq: frame.seq, barriers: this.#barriers, skip: 0, frame });
  }

  overtake(barrier: BarrierOnChannel): void {
    this.#show(barrier);
    const { attempt, channel } = this.#address;
    this.#send({ kind: "heartbeat", attempt, channel, sent: Math.max(this.#sent, barrier.afterSeq), barriers: this.#barriers });
  }

  grantArrived(grant: Grant): void {
    this.#sender?.onGrant(grant.consumed, grant.limit);
  }

  #show({ id, overtook, afterSeq, elapsedMs }: BarrierOnChannel): void {
    const shown: BarrierHeader = { id, kind: overtook ? "unaligned" : "aligned", afterSeq, elapsedMs };
    this.#barriers = [...this.#barriers, shown].slice(-maxBarriers);
  }

  #send(message: ChannelMessage): void {
    const { uid } = this.#address;
    let bytes: Uint8Array;
    try {
      bytes = encodeMessage(message);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      const code = error instanceof SluiceError ? error.code : "UNENCODABLE_VALUE";
      throw new SluiceError(code, `a record that ${uid} emitted cannot be sent: ${said}`, { cause: error });
    }
    if (bytes.byteLength > this.#maxBytes) {
      throw new SluiceError(
        "RECORD_TOO_LARGE",
        `a frame that ${uid} emitted has ${bytes.byteLength} bytes, the transport takes ${this.#maxBytes}: ` +
          `emit smaller records, ` +
          `or lower channels.frameBytes or channels.frameRecords`,
      );
    }
    this.#publish(bytes);
  }
}

/** The receiving end of an encoded channel. */
export class EncodedInput implements InputLink {
  readonly #address: LinkAddress;
  readonly #publish: (bytes: Uint8Array) => void;
  #receiver: FrameTarget | undefined;
  #newestBarrier: CheckpointId = 0;
  #received = 0;

  constructor(address: LinkAddress, publish: (bytes: Uint8Array) => void) {
    this.#address = address;
    this.#publish = publish;
  }

  connectReceiver(receiver: FrameTarget): void {
    this.#receiver = receiver;
  }

  grant(consumed: number, limit: number): void {
    this.#received = Math.max(this.#received, consumed);
    this.#publish(encodeMessage({ kind: "grant", ...this.#address, received: this.#received, consumed, limit }));
  }

  messageArrived(message: Heartbeat | FrameMessage): void {
    this.headerArrived(message.barriers);
    if (message.kind !== "frame") return;
    this.#received = Math.max(this.#received, message.seq);
    this.#receiver?.onFrame(message.frame);
  }

  /** The barriers of a header whose checksum holds count even when the body is lost. */
  headerArrived(barriers: readonly BarrierHeader[]): void {
    for (const { id, kind, afterSeq, elapsedMs } of barriers) {
      if (id <= this.#newestBarrier) continue;
      this.#newestBarrier = id;
      this.#receiver?.onBarrier({ id, afterSeq, overtook: kind === "unaligned", elapsedMs });
    }
  }
}
