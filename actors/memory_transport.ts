import type { Clock } from "./clock.ts";
import { checkSubject, payloadTooLarge, request, transportClosed } from "./request.ts";
import { Ring } from "./ring.ts";
import { systemClock } from "./system_clock.ts";
import type { Delivery, Subscription, Transport } from "./transport.ts";

/** What a {@link MemoryBroker} can be told. */
export interface MemoryBrokerOptions {
  /** @default the machine's clock */
  readonly clock?: Clock;
  /**
   * The largest message in bytes.
   * @default 1,048,576
   */
  readonly maxPayloadBytes?: number;
}

interface Listener {
  readonly handler: (delivery: Delivery) => void;
}

/**
 * Joins transports within one process: what one publishes arrives at all, itself included, at the next yield of the clock, in
 * the order in which it was published. Nothing is lost and no bytes are copied.
 */
export class MemoryBroker {
  readonly clock: Clock;
  readonly maxPayloadBytes: number;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #queue = new Ring<Delivery | (() => void)>();
  #awake = false;
  #connections = 0;

  constructor(options: MemoryBrokerOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.maxPayloadBytes = options.maxPayloadBytes ?? 1_048_576;
  }

  connect(): Transport {
    return new MemoryTransport(this, this.#connections++);
  }

  /** Queues a message, or something to do once all that was queued before has arrived. */
  enqueue(item: Delivery | (() => void)): void {
    this.#queue.push(item);
    if (this.#awake) return;
    this.#awake = true;
    this.clock.yield(() => this.#deliver());
  }

  listen(subject: string, listener: Listener): void {
    const listeners = this.#listeners.get(subject);
    if (listeners === undefined) this.#listeners.set(subject, new Set([listener]));
    else listeners.add(listener);
  }

  unlisten(subject: string, listener: Listener): void {
    const listeners = this.#listeners.get(subject);
    if (listeners?.delete(listener) && listeners.size === 0) this.#listeners.delete(subject);
  }

  /** What is published meanwhile waits for the next round, so that I/O gets its turn. */
  #deliver(): void {
    let left = this.#queue.length;
    try {
      for (; left > 0; left--) {
        const item = this.#queue.shift()!;
        if (typeof item === "function") item();
        else for (const listener of [...this.#listeners.get(item.subject) ?? []]) listener.handler(item);
      }
    } finally {
      this.#awake = this.#queue.length > 0;
      if (this.#awake) this.clock.yield(() => this.#deliver());
    }
  }
}

class MemoryTransport implements Transport {
  readonly #broker: MemoryBroker;
  readonly #connection: number;
  readonly #subscriptions = new Set<Subscription>();
  #requests = 0;
  #closed = false;

  constructor(broker: MemoryBroker, connection: number) {
    this.#broker = broker;
    this.#connection = connection;
  }

  get maxPayloadBytes(): number {
    return this.#broker.maxPayloadBytes;
  }

  get connected(): boolean {
    return !this.#closed;
  }

  publish(subject: string, bytes: Uint8Array, replyTo?: string): void {
    if (this.#closed) throw transportClosed(subject);
    checkSubject(subject);
    if (bytes.length > this.maxPayloadBytes) throw payloadTooLarge(subject, bytes.length, this.maxPayloadBytes);
    this.#broker.enqueue({ subject, bytes, replyTo });
  }

  subscribe(subject: string, handler: (delivery: Delivery) => void): Subscription {
    if (this.#closed) throw transportClosed(subject);
    checkSubject(subject);
    let open = true;
    const listener: Listener = { handler: (delivery) => open ? handler(delivery) : undefined };
    this.#broker.listen(subject, listener);
    const subscription: Subscription = {
      unsubscribe: () => {
        open = false;
        this.#broker.unlisten(subject, listener);
        this.#subscriptions.delete(subscription);
      },
    };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  flush(): Promise<void> {
    return new Promise((resolve) => this.#broker.enqueue(resolve));
  }

  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const replyTo = `_INBOX.m${this.#connection}.${this.#requests++}`;
    return request(this, this.#broker.clock, replyTo, subject, bytes, timeoutMs);
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const subscription of [...this.#subscriptions]) subscription.unsubscribe();
    return Promise.resolve();
  }
}
