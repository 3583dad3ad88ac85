import * as assert from "uvu/assert";
import { payloadTooLarge } from "../../actors/request.ts";
import { World } from "../../actors/simulation/world.ts";
import type { Delivery, Subscription, Transport } from "../../actors/transport.ts";
import { type CheckpointMode, generate, job, type JobEvent, memorySink, type Run, type, value } from "../../mod.ts";
import type { Channel } from "../../runtime/graph/channel.ts";
import { readHeader } from "../../runtime/graph/message_header.ts";
import type { MessageHeader } from "../../runtime/graph/message_header.ts";
import type { ChannelLinks } from "../../runtime/master/channel_links.ts";
import { EncodedLinks } from "../../runtime/master/encoded_links.ts";
import { type ChannelOptions } from "../../runtime/master/options.ts";
import { PlacedLinks } from "../../runtime/master/placed_links.ts";
import { startLinked } from "../../runtime/master/start.ts";

/** A message on its way from one worker to the other. */
export interface WireMessage {
  readonly from: "sender" | "receiver";
  readonly bytes: Uint8Array;
  readonly header: MessageHeader | undefined;
}

/** What becomes of a message: the messages that are sent instead. */
export type Tamper = (message: WireMessage) => readonly Uint8Array[];

export interface WiredOptions {
  readonly records: number;
  /** How long the receiver takes for every record, in virtual milliseconds. @default 0.2 */
  readonly workMs?: number;
  readonly mode?: CheckpointMode;
  readonly channels?: ChannelOptions;
  readonly tamper?: Tamper;
  /** What a record carries besides its number. */
  readonly payload?: (n: number) => unknown;
  readonly restarts?: number;
  /** What the broker takes at most in one message, now. @default what the network does */
  readonly limitBytes?: () => number;
}

interface Numbered {
  readonly n: number;
  readonly payload?: unknown;
}

const keys = 5;

/**
 * A job on two workers: a source on one, and a keyed count with its sink on the other, joined by one channel over a simulated
 * network, in virtual time.
 */
export class WiredJob {
  readonly world: World;
  readonly out = memorySink<string>();
  readonly events: JobEvent[] = [];
  /** Of the latest attempt. */
  links: { readonly sender: EncodedLinks; readonly receiver: EncodedLinks } | undefined;
  readonly #options: WiredOptions;
  run: Run | undefined;

  constructor(options: WiredOptions) {
    this.#options = options;
    this.world = new World("wired");
  }

  /** Settles when the job processes. */
  async start(): Promise<Run> {
    const { records, channels, mode, restarts } = this.#options;
    const workMs = this.#options.workMs ?? 0.2;
    const payload = this.#options.payload;
    const { world } = this;
    const made = job("wired", (flow) => {
      flow.from(
        "numbers",
        generate({ count: records, make: (n): Numbered => payload === undefined ? { n } : { n, payload: payload(n) } }),
      )
        .keyBy("key", (record) => record.n % keys)
        .process("count", {
          state: { total: value(type<number>(), 0) },
          emits: type<string>(),
          async onRecord({ n }, ctx) {
            await new Promise<void>((resolve) => void world.clock.setTimer(workMs, resolve));
            const total = (ctx.state.total.get() ?? 0) + 1;
            ctx.state.total.set(total);
            ctx.emit(`${n}:${total}`);
          },
        })
        .to("out", this.out);
    });
    const tamper: Tamper = this.#options.tamper ?? (({ bytes }) => [bytes]);
    const limit = this.#options.limitBytes ?? (() => Infinity);
    const sender = new TamperedTransport(world.network.connect("sender"), "sender", tamper, limit);
    const receiver = new TamperedTransport(world.network.connect("receiver"), "receiver", tamper, limit);
    const placement = (task: number) => task === 0 ? "sender" : "receiver";
    const run = await world.run(startLinked(made, {
      system: world.system("job"),
      clock: world.clock,
      random: world.random.fork("run"),
      checkpoints: { mode: mode ?? "unaligned" },
      restart: { kind: "fixed-delay", maxRestarts: restarts ?? 0, delayMs: 1 },
      ...(channels === undefined ? {} : { channels }),
    }, {
      links: (attempt, settings) => {
        const encoded = (transport: Transport) =>
          new EncodedLinks({ transport, clock: world.clock, job: "wired", attempt, times: settings.wire });
        this.links = { sender: encoded(sender), receiver: encoded(receiver) };
        return new TwoWorkers(
          new PlacedLinks("sender", placement, this.links.sender),
          new PlacedLinks("receiver", placement, this.links.receiver),
        );
      },
    }));
    this.run = run as Run;
    void this.#collect(this.run);
    return this.run;
  }

  /** Lets the job come to its end, which must be the one that a plain loop comes to. */
  async finish(): Promise<void> {
    await this.world.run((this.run as Run).finished, { maxMs: 120_000 });
    this.judge();
  }

  /** Every record is counted once, in the order of its key. */
  judge(): void {
    const want = Array.from({ length: this.#options.records }, (_, n) => `${n}:${Math.floor(n / keys) + 1}`);
    assert.equal([...this.out.values].sort(), want.sort());
  }

  count(kind: JobEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  async #collect(run: Run): Promise<void> {
    for await (const event of run.events) this.events.push(event);
  }
}

/** The ends of the one channel, each at its worker. */
class TwoWorkers implements ChannelLinks {
  readonly #sender: ChannelLinks;
  readonly #receiver: ChannelLinks;

  constructor(sender: ChannelLinks, receiver: ChannelLinks) {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  input(channel: Channel) {
    return this.#receiver.input(channel);
  }

  output(channel: Channel) {
    return this.#sender.output(channel);
  }

  close(): void {
    this.#sender.close();
    this.#receiver.close();
  }
}

/** A connection on whose way out somebody sits. */
class TamperedTransport implements Transport {
  readonly #inner: Transport;
  readonly #from: "sender" | "receiver";
  readonly #tamper: Tamper;
  readonly #limitBytes: () => number;

  constructor(inner: Transport, from: "sender" | "receiver", tamper: Tamper, limitBytes: () => number) {
    this.#inner = inner;
    this.#from = from;
    this.#tamper = tamper;
    this.#limitBytes = limitBytes;
  }

  get maxPayloadBytes(): number {
    return Math.min(this.#inner.maxPayloadBytes, this.#limitBytes());
  }

  get connected(): boolean {
    return this.#inner.connected;
  }

  publish(subject: string, bytes: Uint8Array): void {
    if (bytes.length > this.maxPayloadBytes) throw payloadTooLarge(subject, bytes.length, this.maxPayloadBytes);
    const read = readHeader(bytes);
    const header = read.kind === "header" ? read.header : undefined;
    for (const sent of this.#tamper({ from: this.#from, bytes, header })) this.#inner.publish(subject, sent);
  }

  subscribe(subject: string, handler: (delivery: Delivery) => void): Subscription {
    return this.#inner.subscribe(subject, handler);
  }

  flush(): Promise<void> {
    return this.#inner.flush();
  }

  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#inner.request(subject, bytes, timeoutMs);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
