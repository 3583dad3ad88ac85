import { messageOf, SluiceError } from "../../actors/error.ts";
import { completeFrame, costOf, encodeFrameBody, encodeMessage } from "../graph/frame_codec.ts";
import type { Frame, Mark } from "../graph/frame.ts";
import { type Grant, maxHeaderBytes } from "../graph/message_header.ts";
import type { BarrierOnChannel, GrantTarget, OutputLink } from "./link.ts";
import { newSender, type SenderEvent, type SenderState, stepSender, unsettled, type WireTimes } from "./wire_sender.ts";

/** Which channel of which attempt a link belongs to. */
export interface LinkAddress {
  readonly attempt: number;
  /** The channel's number in the deployment. */
  readonly channel: number;
  /** How messages name it. */
  readonly name: string;
}

/** What both ends of an encoded channel need of whoever holds the connection. */
export interface WireHost {
  readonly times: WireTimes;
  readonly maxPayloadBytes: number;
  now(): number;
  publish(bytes: Uint8Array): void;
}

/** What a sending end needs besides. */
export interface SenderHost extends WireHost {
  /** The sender needs ticks from now on, until it says otherwise. */
  wantsTicks(output: EncodedOutput, wants: boolean): void;
  /** A message was refused. */
  refused(): void;
}

/** A frame that is encoded and has not been handed over. */
interface Encoded {
  readonly mark: Mark | undefined;
  readonly body: Uint8Array;
}

/**
 * The sending end of an encoded channel: the shell of `wire_sender.ts`. It encodes frames when they are sealed, and keeps the
 * bytes of each until it is received.
 */
export class EncodedOutput implements OutputLink {
  readonly encoded = true;
  readonly #address: LinkAddress & { readonly uid: string };
  readonly #host: SenderHost;
  readonly #sealed = new Map<number, Encoded>();
  readonly #unreceived = new Map<number, Uint8Array>();
  #state: SenderState | undefined;
  #target: GrantTarget | undefined;

  constructor(address: LinkAddress & { readonly uid: string }, host: SenderHost) {
    this.#address = address;
    this.#host = host;
  }

  /** Bytes that are kept to be sent again. */
  get unreceivedBytes(): number {
    let sum = 0;
    for (const bytes of this.#unreceived.values()) sum += bytes.length;
    return sum;
  }

  get mostBytes(): number {
    return this.#host.maxPayloadBytes - maxHeaderBytes;
  }

  connectSender(sender: GrantTarget, sent: number): void {
    this.#target = sender;
    this.#state = newSender(sent, this.#host.now());
    this.#host.wantsTicks(this, true);
    this.tick(true);
  }

  /** @throws {SluiceError} `UNENCODABLE_VALUE`, or `RECORD_TOO_LARGE` when a single record does not fit in a message. */
  weigh(frame: Frame): number | undefined {
    const body = this.#encode(frame);
    const { maxPayloadBytes } = this.#host;
    if (body.length > maxPayloadBytes) {
      if (frame.values.length > 1) return undefined;
      const { uid, name } = this.#address;
      throw new SluiceError(
        "RECORD_TOO_LARGE",
        `a record that ${uid} emitted has ${body.length - maxHeaderBytes} bytes encoded, and channel ${name} takes ` +
          `${maxPayloadBytes - maxHeaderBytes}: emit smaller records, or raise the transport's limit`,
      );
    }
    this.#sealed.set(frame.seq, { mark: frame.mark, body });
    this.#step({ kind: "wanted" });
    return costOf(frame, body);
  }

  send(frame: Frame, barrier: BarrierOnChannel | undefined): void {
    const encoded = this.#sealed.get(frame.seq);
    this.#sealed.delete(frame.seq);
    // A promoted barrier has left its frame since it was encoded.
    const body = encoded !== undefined && encoded.mark === frame.mark ? encoded.body : this.#encode(frame);
    this.#step({ kind: "frame", seq: frame.seq, barrier }, { frame, body });
  }

  overtake(barrier: BarrierOnChannel): void {
    this.#step({ kind: "barrier", barrier });
  }

  grantArrived(grant: Grant): void {
    this.#step({ kind: "grant", grant });
  }

  tick(connected: boolean): void {
    this.#step({ kind: "tick", connected });
  }

  #step(event: SenderEvent, sealed?: { readonly frame: Frame; readonly body: Uint8Array }): void {
    const state = this.#state;
    if (state === undefined) return;
    const { attempt, channel } = this.#address;
    for (const action of stepSender(state, event, this.#host.now(), this.#host.times)) {
      switch (action.kind) {
        case "transmit": {
          const { frame, body } = sealed as { readonly frame: Frame; readonly body: Uint8Array };
          const { seq, barriers } = action;
          const bytes = completeFrame({ kind: "frame", attempt, channel, seq, barriers, skip: 0, frame }, body);
          this.#unreceived.set(seq, bytes);
          this.#publish(seq, bytes);
          break;
        }
        case "resend":
          for (let seq = action.from; seq <= action.to; seq++) this.#publish(seq, this.#unreceived.get(seq) as Uint8Array);
          break;
        case "release":
          for (const seq of this.#unreceived.keys()) {
            if (seq > action.upTo) break;
            this.#unreceived.delete(seq);
          }
          break;
        case "heartbeat":
          this.#host.publish(encodeMessage({ attempt, channel, ...action }));
          break;
        case "hello":
          this.#host.publish(encodeMessage({ attempt, channel, ...action }));
          break;
        case "credit":
          this.#target?.onGrant(action.consumed, action.limit);
          break;
        case "refuse":
          this.#host.refused();
          break;
        case "fail":
          this.#target?.onLost(this.#lost(action.reason, action.seq, action.forMs));
          break;
        default:
          action satisfies never;
      }
    }
    this.#host.wantsTicks(this, unsettled(state));
  }

  /** A frame that was sealed under a higher limit than there is now fails the attempt: only the next one can cut it up. */
  #publish(seq: number, bytes: Uint8Array): void {
    const { maxPayloadBytes } = this.#host;
    if (bytes.length <= maxPayloadBytes) return this.#host.publish(bytes);
    const { name } = this.#address;
    this.#target?.onLost(
      new SluiceError(
        "PAYLOAD_TOO_LARGE",
        `frame ${seq} of channel ${name} has ${bytes.length} bytes, and the transport takes ${maxPayloadBytes} now, fewer than ` +
          `when it was made: after a restart its records go in smaller frames; without one, start the job again`,
      ),
    );
  }

  #encode(frame: Frame): Uint8Array {
    try {
      return encodeFrameBody(frame);
    } catch (error) {
      const said = messageOf(error);
      const code = error instanceof SluiceError ? error.code : "UNENCODABLE_VALUE";
      throw new SluiceError(code, `a record that ${this.#address.uid} emitted cannot be sent: ${said}`, { cause: error });
    }
  }

  #lost(reason: "silent" | "resent in vain", seq: number, forMs: number): SluiceError {
    const { uid, name } = this.#address;
    if (reason === "silent") {
      return new SluiceError(
        "CHANNEL_SILENT",
        `the receiver of channel ${name} has not answered ${uid} for ${Math.round(forMs)} ms: its process is gone, blocked, ` +
          `or cut off`,
      );
    }
    return new SluiceError(
      "FRAMES_LOST",
      `frame ${seq} of channel ${name} was sent ${this.#host.times.maxResends + 1} times by ${uid} and never came, while ` +
        `other messages do`,
    );
  }
}
