import { Events, type NatsConnection, type Subscription as NatsSubscription } from "nats";
import type { Clock } from "../../actors/clock.ts";
import type { Random } from "../../actors/random.ts";
import { checkSubject, payloadTooLarge, request, transportClosed } from "../../actors/request.ts";
import { systemClock } from "../../actors/system_clock.ts";
import { systemRandom } from "../../actors/system_random.ts";
import type { Delivery, Subscription, Transport } from "../../actors/transport.ts";
import { inboxPrefixOf } from "./inbox.ts";

/** What a {@link NatsTransport} can be told. */
export interface NatsTransportOptions {
  /** The largest message in bytes, if that is to be less than the server takes. @default what the server takes */
  readonly maxPayloadBytes?: number;
  /** Measures the time of requests. @default the machine's clock */
  readonly clock?: Clock;
  /** Names the subjects of answers. @default the machine's chance */
  readonly random?: Random;
  /** The first token of the subjects on which answers come. @default that of the connection */
  readonly inboxPrefix?: string;
  /** Whether `close` closes the connection, too. @default false */
  readonly ownsConnection?: boolean;
}

/**
 * Messages over a NATS connection, which several transports may share.
 *
 * - **Order** is kept from one publisher to one subscriber.
 * - **Loss:** what is published while the connection is down, and what was under way when it broke, is gone without an error.
 *   `breaks` grows by one with each, and `connected` says how things are now: silence of others means something only while
 *   it is true.
 * - **Size:** the server's limit is read again after each reconnect, since another server may have another.
 */
export class NatsTransport implements Transport {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #maxPayloadBytes: number;
  readonly #ownsConnection: boolean;
  readonly #inbox: string;
  readonly #subscriptions = new Set<NatsSubscription>();
  readonly #watchers = new Set<(connected: boolean) => void>();
  #connected = true;
  #breaks = 0;
  #requests = 0;
  #closed = false;

  constructor(connection: NatsConnection, options: NatsTransportOptions = {}) {
    this.#connection = connection;
    this.#clock = options.clock ?? systemClock;
    this.#maxPayloadBytes = options.maxPayloadBytes ?? Infinity;
    this.#ownsConnection = options.ownsConnection ?? false;
    const id = (options.random ?? systemRandom()).id().replace(/[^A-Za-z0-9_-]/g, "");
    this.#inbox = `${options.inboxPrefix ?? inboxPrefixOf(connection)}.${id}`;
    void this.#follow();
  }

  get maxPayloadBytes(): number {
    return Math.min(this.#maxPayloadBytes, this.#connection.info?.max_payload ?? Infinity);
  }

  /** Whether the connection stands. */
  get connected(): boolean {
    return this.#connected && !this.#closed;
  }

  /** How often the connection has broken: each time messages under way may have been lost. */
  get breaks(): number {
    return this.#breaks;
  }

  /** Calls `watcher` whenever the connection breaks (`false`) or stands again (`true`), until the transport is closed. */
  onConnection(watcher: (connected: boolean) => void): Subscription {
    this.#watchers.add(watcher);
    return { unsubscribe: () => void this.#watchers.delete(watcher) };
  }

  publish(subject: string, bytes: Uint8Array, replyTo?: string): void {
    if (this.#closed) throw transportClosed(subject);
    checkSubject(subject);
    if (bytes.length > this.maxPayloadBytes) throw payloadTooLarge(subject, bytes.length, this.maxPayloadBytes);
    this.#connection.publish(subject, bytes, replyTo === undefined ? {} : { reply: replyTo });
  }

  subscribe(subject: string, handler: (delivery: Delivery) => void): Subscription {
    if (this.#closed) throw transportClosed(subject);
    checkSubject(subject);
    let open = true;
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        // Status 503 is the server's word that nobody listens: no message, and no answer.
        if (!open || error !== null || message.headers?.code === 503) return;
        const { reply } = message; // the client says "" where there is none
        handler({ subject: message.subject, bytes: message.data, replyTo: reply === "" ? undefined : reply });
      },
    });
    this.#subscriptions.add(subscription);
    return {
      unsubscribe: () => {
        if (!open) return;
        open = false;
        this.#subscriptions.delete(subscription);
        subscription.unsubscribe();
      },
    };
  }

  flush(): Promise<void> {
    return this.#connection.flush();
  }

  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return request(this, this.#clock, `${this.#inbox}.${this.#requests++}`, subject, bytes, timeoutMs);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watchers.clear();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions.clear();
    if (this.#ownsConnection) await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (this.#closed) return;
      if (type === Events.Disconnect) this.#turned(false);
      else if (type === Events.Reconnect) this.#turned(true);
    }
    this.#connected = false;
  }

  #turned(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (!connected) this.#breaks++;
    for (const watcher of [...this.#watchers]) watcher(connected);
  }
}
