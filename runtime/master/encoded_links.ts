import type { Clock, Timer } from "../../actors/clock.ts";
import { SluiceError } from "../../actors/error.ts";
import type { Subscription, Transport } from "../../actors/transport.ts";
import { type Channel, channelName } from "../graph/channel.ts";
import { decodeMessage, type FrameMessage } from "../graph/frame_codec.ts";
import type { Frame } from "../graph/frame.ts";
import type { MessageHeader } from "../graph/message_header.ts";
import { CreditPool, type CreditShare } from "../task/credit_pool.ts";
import { type Dropped, EncodedInput } from "../task/encoded_input.ts";
import { EncodedOutput, type LinkAddress, type WireHost } from "../task/encoded_output.ts";
import type { WireTimes } from "../task/wire_sender.ts";
import type { ChannelLinks } from "./channel_links.ts";

/** Messages that did not do what they say, by reason. */
export interface DroppedMessages {
  /** Came before: after a resend, or from the transport. */
  duplicate: number;
  /** Frames ahead of a missing one. */
  gap: number;
  /** Bytes that are no message, or a frame whose body is damaged. */
  damaged: number;
  /** Of another attempt. */
  foreign: number;
  /** For a channel that is not here, or saying what cannot be true. */
  refused: number;
}

/** What {@link EncodedLinks} are made from. */
export interface EncodedLinksOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly job: string;
  readonly attempt: number;
  readonly times: WireTimes;
  /** What the window of a channel that runs dry may grow to. @default 0: windows follow the drain rate alone */
  readonly windowBytes?: number;
  /** What may be under way to this connection. @default a pool of its own, of 16 MB */
  readonly pool?: CreditPool;
}

/**
 * Links over a transport that loses, repeats and damages messages: frames are encoded, and what arrives is not trusted.
 *
 * Each subtask has one subject: the frames for its inputs and the grants for its outputs come on it, so the transport keeps
 * their order. A channel is a short number from the deployment.
 */
export class EncodedLinks implements ChannelLinks {
  readonly #options: EncodedLinksOptions;
  readonly #pool: CreditPool;
  readonly #prefix: string;
  readonly #inputs = new Map<number, EncodedInput>();
  readonly #outputs = new Map<number, EncodedOutput>();
  readonly #shares: CreditShare[] = [];
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #ticking = new Set<EncodedOutput>();
  #timer: Timer | undefined;
  readonly dropped: DroppedMessages = { duplicate: 0, gap: 0, damaged: 0, foreign: 0, refused: 0 };

  constructor(options: EncodedLinksOptions) {
    this.#options = options;
    this.#pool = options.pool ?? new CreditPool();
    this.#prefix = framesPrefix(options.job, options.attempt);
  }

  input(channel: Channel): EncodedInput {
    this.#listen(channel.edge.to, channel.receiver);
    const share = this.#pool.join();
    this.#shares.push(share);
    const input = new EncodedInput(
      this.#address(channel),
      { ...this.#host(channel.edge.from, channel.sender), dropped: (why: Dropped) => this.dropped[why]++ },
      share,
      this.#options.windowBytes ?? 0,
    );
    this.#inputs.set(channel.number, input);
    return input;
  }

  output(channel: Channel): EncodedOutput {
    this.#listen(channel.edge.from, channel.sender);
    const { transport } = this.#options;
    const output = new EncodedOutput({ ...this.#address(channel), uid: channel.edge.fromOperator }, {
      ...this.#host(channel.edge.to, channel.receiver),
      get maxPayloadBytes() {
        return transport.maxPayloadBytes;
      },
      wantsTicks: (output, wants) => this.#wantsTicks(output, wants),
      refused: () => this.dropped.refused++,
    });
    this.#outputs.set(channel.number, output);
    return output;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#ticking.clear();
    for (const share of this.#shares) share.leave();
    this.#shares.length = 0;
    for (const subscription of this.#subscriptions.values()) subscription.unsubscribe();
    this.#subscriptions.clear();
    this.#inputs.clear();
    this.#outputs.clear();
  }

  #address(channel: Channel): LinkAddress {
    const name = channelName(channel.edge.id, channel.sender, channel.receiver);
    return { attempt: this.#options.attempt, channel: channel.number, name };
  }

  /** The way to a subtask. */
  #host(task: number, subtask: number): WireHost {
    const { transport, clock, times } = this.#options;
    const subject = this.#subject(task, subtask);
    return {
      times,
      maxPayloadBytes: transport.maxPayloadBytes,
      now: () => clock.monotonic(),
      publish: (bytes) => transport.publish(subject, bytes),
    };
  }

  #subject(task: number, subtask: number): string {
    return `${this.#prefix}.${task}.${subtask}`;
  }

  #listen(task: number, subtask: number): void {
    const subject = this.#subject(task, subtask);
    if (this.#subscriptions.has(subject)) return;
    const { transport } = this.#options;
    this.#subscriptions.set(subject, transport.subscribe(subject, (delivery) => this.#receive(delivery.bytes)));
  }

  /** One timer for all channels, and none while nothing is unsettled. */
  #wantsTicks(output: EncodedOutput, wants: boolean): void {
    if (!wants) {
      this.#ticking.delete(output);
    } else if (!this.#ticking.has(output)) {
      this.#ticking.add(output);
      this.#armTimer();
    }
  }

  #armTimer(): void {
    const { clock, times } = this.#options;
    this.#timer ??= clock.setTimer(times.probeMs / 2, () => {
      this.#timer = undefined;
      const { connected } = this.#options.transport;
      for (const output of [...this.#ticking]) output.tick(connected);
      if (this.#ticking.size > 0) this.#armTimer();
    });
  }

  #receive(bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes, { maxBytes: this.#options.transport.maxPayloadBytes });
    if (decoded.kind === "corrupt" && !decoded.headerValid) {
      this.dropped.damaged++;
      return;
    }
    const header = decoded.kind === "message" ? decoded.message : decoded.header;
    let frame = decoded.kind === "message" && decoded.message.kind === "frame" ? decoded.message.frame : undefined;
    // Costs are bytes here: what claims more would block its channel.
    if (frame !== undefined && !(frame.cost <= bytes.length)) frame = undefined;
    if (header.attempt !== this.#options.attempt) this.dropped.foreign++;
    else if (!this.#dispatch(header, frame)) this.dropped.refused++;
  }

  /** False when the channel is not here. */
  #dispatch(header: MessageHeader | FrameMessage, frame: Frame | undefined): boolean {
    if (header.kind === "grant") {
      const output = this.#outputs.get(header.channel);
      output?.grantArrived(header);
      return output !== undefined;
    }
    const input = this.#inputs.get(header.channel);
    if (header.kind === "frame") input?.frameArrived(header.seq, header.barriers, frame);
    else if (header.kind === "heartbeat") input?.heartbeatArrived(header.sent, header.barriers);
    else input?.helloArrived(header.sent);
    return input !== undefined;
  }
}

/** What the subjects of an attempt's frames begin with. */
export function framesPrefix(job: string, attempt: number): string {
  return `sluice.${subjectToken(job)}.${attempt}`;
}

/**
 * A name as one token of a subject: letters, digits and `-` stay, every other byte of its UTF-8 becomes `_` and two digits,
 * so that two names never become one.
 *
 * @throws {SluiceError} `BAD_NAME` when it is empty.
 */
export function subjectToken(name: string): string {
  if (name.length === 0) throw new SluiceError("BAD_NAME", "a job needs a name");
  let token = "";
  for (const byte of new TextEncoder().encode(name)) {
    const character = String.fromCharCode(byte);
    token += /[A-Za-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, "0")}`;
  }
  return token;
}
