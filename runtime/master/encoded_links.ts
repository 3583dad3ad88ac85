import { SluiceError } from "../../actors/error.ts";
import type { Subscription, Transport } from "../../actors/transport.ts";
import type { Channel } from "../graph/channel.ts";
import { decodeMessage } from "../graph/frame_codec.ts";
import { EncodedInput, EncodedOutput } from "../task/encoded_link.ts";
import type { ChannelLinks } from "./channel_links.ts";

/**
 * Links over a transport: frames are encoded, and what arrives is not trusted.
 *
 * Each subtask has one subject: the frames for its inputs and the grants for its outputs come on it, so the transport keeps
 * their order. A channel is a short number from the deployment.
 */
export class EncodedLinks implements ChannelLinks {
  readonly #transport: Transport;
  readonly #prefix: string;
  readonly #attempt: number;
  readonly #inputs = new Map<number, EncodedInput>();
  readonly #outputs = new Map<number, EncodedOutput>();
  readonly #subscriptions = new Map<string, Subscription>();
  /** Messages that were dropped: damaged, of another attempt, or for a channel that is not here. */
  dropped = 0;

  constructor(transport: Transport, job: string, attempt: number) {
    this.#transport = transport;
    this.#prefix = `sluice.${token(job)}.${attempt}`;
    this.#attempt = attempt;
  }

  input(channel: Channel): EncodedInput {
    this.#listen(channel.edge.to, channel.receiver);
    const input = new EncodedInput(
      { attempt: this.#attempt, channel: channel.number },
      (bytes) => this.#transport.publish(this.#subject(channel.edge.from, channel.sender), bytes),
    );
    this.#inputs.set(channel.number, input);
    return input;
  }

  output(channel: Channel): EncodedOutput {
    this.#listen(channel.edge.from, channel.sender);
    const subject = this.#subject(channel.edge.to, channel.receiver);
    const output = new EncodedOutput(
      { attempt: this.#attempt, channel: channel.number, uid: channel.edge.fromOperator },
      (bytes) => this.#transport.publish(subject, bytes),
      this.#transport.maxPayloadBytes,
    );
    this.#outputs.set(channel.number, output);
    return output;
  }

  close(): void {
    for (const subscription of this.#subscriptions.values()) subscription.unsubscribe();
    this.#subscriptions.clear();
    this.#inputs.clear();
    this.#outputs.clear();
  }

  #subject(task: number, subtask: number): string {
    return `${this.#prefix}.${task}.${subtask}`;
  }

  #listen(task: number, subtask: number): void {
    const subject = this.#subject(task, subtask);
    if (this.#subscriptions.has(subject)) return;
    this.#subscriptions.set(subject, this.#transport.subscribe(subject, (delivery) => this.#receive(delivery.bytes)));
  }

  #receive(bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes, { maxBytes: this.#transport.maxPayloadBytes });
    if (decoded.kind === "corrupt") {
      this.dropped++;
      // The header of a message whose checksum holds counts even when its body is lost: a barrier cannot get lost.
      if (decoded.headerValid && decoded.header.attempt === this.#attempt && "barriers" in decoded.header) {
        this.#inputs.get(decoded.header.channel)?.headerArrived(decoded.header.barriers);
      }
      return;
    }
    const { message } = decoded;
    if (message.attempt !== this.#attempt) {
      this.dropped++;
    } else if (message.kind === "frame" || message.kind === "heartbeat") {
      this.#inputs.get(message.channel)?.messageArrived(message);
    } else if (message.kind === "grant") {
      this.#outputs.get(message.channel)?.grantArrived(message);
    }
  }
}

/** A name as one token of a subject. */
function token(name: string): string {
  if (name.length === 0) throw new SluiceError("BAD_NAME", "a job needs a name");
  return name.replace(/[^A-Za-z0-9_-]/g, "_");
}
