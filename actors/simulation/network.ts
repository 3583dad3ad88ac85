import type { Clock } from "../clock.ts";
import { SluiceError } from "../error.ts";
import type { Random } from "../random.ts";
import { checkSubject, payloadTooLarge, request, transportClosed } from "../request.ts";
import type { Delivery, Subscription, Transport } from "../transport.ts";

/** How a simulated network behaves. Rates are probabilities per message and receiver. */
export interface NetworkFaults {
  /**
   * The shortest time under way, in milliseconds.
   * @default 0.1
   */
  readonly minDelayMs: number;
  /**
   * The mean of what comes on top, exponentially distributed, in milliseconds.
   * @default 0.4
   */
  readonly meanDelayMs: number;
  /**
   * How often a burst of loss begins on a link, as when a connection breaks: everything on that link is lost while it lasts.
   * @default 0
   */
  readonly lossRate: number;
  /**
   * The mean length of a burst, in milliseconds.
   * @default 50
   */
  readonly burstMs: number;
  /**
   * How often a message arrives twice, one right after the other.
   * @default 0
   */
  readonly duplicateRate: number;
  /**
   * How often one bit of a message is flipped.
   * @default 0
   */
  readonly corruptRate: number;
}

/** What has happened on a network so far. */
export interface NetworkCounts {
  readonly delivered: number;
  readonly lost: number;
  /** Of those that were lost: in a burst, on a link that was cut, and because a connection was broken. */
  readonly inBursts: number;
  readonly cut: number;
  readonly unconnected: number;
  readonly duplicated: number;
  readonly corrupted: number;
}

const calm: NetworkFaults = {
  minDelayMs: 0.1,
  meanDelayMs: 0.4,
  lossRate: 0,
  burstMs: 50,
  duplicateRate: 0,
  corruptRate: 0,
};

/** One direction between two connections. */
interface Link {
  readonly random: Random;
  readonly blocked: Set<symbol>;
  lostUntilMs: number;
  /** When the last message of each subject arrives: the next one may not come before it. */
  readonly arrivalMs: Map<string, number>;
}

interface Listener {
  readonly transport: SimulatedTransport;
  readonly handler: (delivery: Delivery) => void;
  sinceMs: number;
}

/** What a {@link SimulatedNetwork} can be told. */
export interface SimulatedNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly faults?: Partial<NetworkFaults>;
  /** @default 1,048,576 */
  readonly maxPayloadBytes?: number;
  /** Called with every delivery and loss, for a trace. */
  readonly onEvent?: (event: string) => void;
}

/**
 * A network made of chance: messages take time, get lost in bursts, arrive twice or damaged, and links can be cut.
 *
 * - **Order:** per publisher, subject and receiver, as {@link Transport} promises; across subjects there is none.
 * - **Subscriptions** take effect after a delay, as with a server: `flush` waits for them.
 * - **Bytes** are copied when published and overwritten after the handlers have returned, so that whoever keeps them without
 *   copying is found out.
 * - **Draws** of one link do not disturb another's.
 */
export class SimulatedNetwork {
  readonly clock: Clock;
  readonly maxPayloadBytes: number;
  readonly #random: Random;
  readonly #onEvent: (event: string) => void;
  readonly #links = new Map<string, Link>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #connections = new Map<string, SimulatedTransport>();
  #faults: NetworkFaults;
  #counts = { delivered: 0, lost: 0, inBursts: 0, cut: 0, unconnected: 0, duplicated: 0, corrupted: 0 };

  constructor(options: SimulatedNetworkOptions) {
    this.clock = options.clock;
    this.maxPayloadBytes = options.maxPayloadBytes ?? 1_048_576;
    this.#random = options.random;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#faults = calm;
    this.setFaults(options.faults ?? {});
  }

  get counts(): NetworkCounts {
    return { ...this.#counts };
  }

  /** Changes how the network behaves from now on; what is not named stays. */
  setFaults(faults: Partial<NetworkFaults>): void {
    const next = { ...this.#faults, ...faults };
    for (const name of ["lossRate", "duplicateRate", "corruptRate"] as const) {
      if (!(next[name] >= 0 && next[name] <= 1)) throw outOfRange(name, next[name]);
    }
    for (const name of ["minDelayMs", "meanDelayMs", "burstMs"] as const) {
      if (!(next[name] >= 0 && next[name] < Infinity)) throw outOfRange(name, next[name]);
    }
    this.#faults = next;
  }

  /** A connection under a name that no other open one has. */
  connect(name: string): Transport {
    checkSubject(name);
    if (this.#connections.has(name)) throw new SluiceError("NAME_TAKEN", `the network has a connection ${name} already`);
    const transport = new SimulatedTransport(this, name, () => this.#connections.delete(name));
    this.#connections.set(name, transport);
    return transport;
  }

  /**
   * Cuts the links from each of `from` to each of `to`, and back unless `oneWay`; what is under way on them is lost.
   * Returns what heals this cut.
   */
  cut(from: readonly string[], to: readonly string[], options: { readonly oneWay?: boolean } = {}): () => void {
    const id = Symbol("cut");
    const links: Link[] = [];
    for (const a of from) {
      for (const b of to) {
        links.push(this.#link(a, b));
        if (options.oneWay !== true) links.push(this.#link(b, a));
      }
    }
    for (const link of links) link.blocked.add(id);
    return () => {
      for (const link of links) link.blocked.delete(id);
    };
  }

  /** Cuts one connection off from all others that are open now. Returns what heals it. */
  isolate(name: string): () => void {
    return this.cut([name], [...this.#connections.keys()].filter((other) => other !== name));
  }

  /**
   * Breaks connections, all of them unless some are named, as when the broker stops: what is under way from and to them is
   * lost, what they publish is lost without an error, and their subscriptions are gone. Returns what connects them again;
   * then their subscriptions are made anew, which takes a moment.
   */
  disconnect(names: readonly string[] = [...this.#connections.keys()]): () => void {
    const broken = names.flatMap((name) => this.#connections.get(name) ?? []);
    for (const transport of broken) {
      transport.breaks++;
      transport.down++;
    }
    this.#onEvent(`disconnected: ${names.join(", ")}`);
    return () => {
      this.#onEvent(`connected again: ${names.join(", ")}`);
      for (const transport of broken) {
        if (--transport.down > 0) continue; // broken for another reason, too
        const sinceMs = this.#subscribed(transport);
        for (const listeners of this.#listeners.values()) {
          for (const listener of listeners) if (listener.transport === transport) listener.sinceMs = sinceMs;
        }
      }
    };
  }

  listen(subject: string, transport: SimulatedTransport, handler: (delivery: Delivery) => void): () => void {
    const listener: Listener = { transport, handler, sinceMs: this.#subscribed(transport) };
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(subject) === listeners) this.#listeners.delete(subject);
    };
  }

  /** When what a connection subscribes to now is in effect. */
  #subscribed(transport: SimulatedTransport): number {
    const sinceMs = this.clock.monotonic() + this.#delay(this.#link(transport.name, "").random);
    transport.listeningMs = Math.max(transport.listeningMs, sinceMs);
    transport.settledMs = Math.max(transport.settledMs, sinceMs);
    return sinceMs;
  }

  send(from: SimulatedTransport, delivery: Delivery): void {
    const receivers = new Set<SimulatedTransport>();
    for (const { transport } of this.#listeners.get(delivery.subject) ?? []) receivers.add(transport);
    for (const receiver of receivers) this.#sendTo(receiver, from, delivery);
  }

  #sendTo(to: SimulatedTransport, from: SimulatedTransport, { subject, bytes, replyTo }: Delivery): void {
    const faults = this.#faults;
    const link = this.#link(from.name, to.name);
    const { random } = link;
    const now = this.clock.monotonic();
    const delayMs = this.#delay(random);
    const bursts = random.chance(faults.lossRate);
    const duplicated = random.chance(faults.duplicateRate);
    const corrupted = random.chance(faults.corruptRate);
    const bit = random.int(Math.max(1, bytes.length * 8));
    if (bursts) link.lostUntilMs = now + exponential(faults.burstMs, random);
    const down = !from.connected || !to.connected;
    if (down || link.blocked.size > 0 || now < link.lostUntilMs) return this.#lose(from, to, subject, down, link);

    const copy = bytes.slice();
    if (corrupted && copy.length > 0) {
      copy[bit >> 3]! ^= 1 << (bit & 7);
      this.#counts.corrupted++;
    }
    if (duplicated) this.#counts.duplicated++;
    // A connection is one stream: what it publishes cannot overtake what it subscribed to before, such as its answer subject.
    const arrivalMs = Math.max(now + delayMs, link.arrivalMs.get(subject) ?? 0, from.listeningMs);
    link.arrivalMs.set(subject, arrivalMs);
    from.settledMs = Math.max(from.settledMs, arrivalMs);
    const breaks = from.breaks + to.breaks;
    this.clock.setTimer(arrivalMs - now, () => {
      if (link.arrivalMs.get(subject) === arrivalMs) link.arrivalMs.delete(subject);
      const broken = from.breaks + to.breaks !== breaks;
      if (broken || link.blocked.size > 0 || this.clock.monotonic() < link.lostUntilMs) {
        return this.#lose(from, to, subject, broken, link);
      }
      for (let times = duplicated ? 2 : 1; times > 0; times--) {
        this.#counts.delivered++;
        this.#onEvent(`${from.name} -> ${to.name} ${subject} ${copy.length}`);
        this.#arrive(to, { subject, bytes: times > 1 ? copy.slice() : copy, replyTo });
      }
    });
  }

  #arrive(to: SimulatedTransport, delivery: Delivery): void {
    const now = this.clock.monotonic();
    try {
      for (const listener of [...this.#listeners.get(delivery.subject) ?? []]) {
        if (listener.transport === to && now >= listener.sinceMs) listener.handler(delivery);
      }
    } finally {
      delivery.bytes.fill(0xaa);
    }
  }

  #lose(from: SimulatedTransport, to: SimulatedTransport, subject: string, broken: boolean, link: Link): void {
    this.#counts.lost++;
    this.#counts[broken ? "unconnected" : link.blocked.size > 0 ? "cut" : "inBursts"]++;
    this.#onEvent(`${from.name} -x ${to.name} ${subject}`);
  }

  #delay(random: Random): number {
    return this.#faults.minDelayMs + exponential(this.#faults.meanDelayMs, random);
  }

  #link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { random: this.#random.fork(key), blocked: new Set(), lostUntilMs: -Infinity, arrivalMs: new Map() };
      this.#links.set(key, link);
    }
    return link;
  }
}

class SimulatedTransport implements Transport {
  readonly name: string;
  /** When everything published and subscribed so far has reached the other side, as far as it is not lost. */
  settledMs = 0;
  /** When every subscription so far is in effect. */
  listeningMs = 0;
  /** How often the connection broke, and for how many reasons it is down now. */
  breaks = 0;
  down = 0;
  readonly #network: SimulatedNetwork;
  readonly #closing: () => void;
  readonly #subscriptions = new Set<Subscription>();
  #requests = 0;
  #closed = false;

  constructor(network: SimulatedNetwork, name: string, closing: () => void) {
    this.#network = network;
    this.name = name;
    this.#closing = closing;
  }

  get maxPayloadBytes(): number {
    return this.#network.maxPayloadBytes;
  }

  get connected(): boolean {
    return this.down === 0 && !this.#closed;
  }

  publish(subject: string, bytes: Uint8Array, replyTo?: string): void {
    if (this.#closed) throw transportClosed(subject);
    checkSubject(subject);
    if (bytes.length > this.maxPayloadBytes) throw payloadTooLarge(subject, bytes.length, this.maxPayloadBytes);
    this.#network.send(this, { subject, bytes, replyTo });
  }

  subscribe(subject: string, handler: (delivery: Delivery) => void): Subscription {
    if (this.#closed) throw transportClosed(subject);
    checkSubject(subject);
    const unlisten = this.#network.listen(subject, this, handler);
    const subscription: Subscription = {
      unsubscribe: () => {
        unlisten();
        this.#subscriptions.delete(subscription);
      },
    };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  flush(): Promise<void> {
    const { clock } = this.#network;
    return new Promise((resolve) => void clock.setTimer(this.settledMs - clock.monotonic(), resolve));
  }

  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const replyTo = `_INBOX.${this.name}.${this.#requests++}`;
    return request(this, this.#network.clock, replyTo, subject, bytes, timeoutMs);
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const subscription of [...this.#subscriptions]) subscription.unsubscribe();
    this.#closing();
    return Promise.resolve();
  }
}

/** Rounded to 1/1024, because runtimes may differ in the last bit of a logarithm. */
function exponential(mean: number, random: Random): number {
  return Math.round(-mean * Math.log(1 - random.next()) * 1024) / 1024;
}

function outOfRange(name: string, value: number): SluiceError {
  return new SluiceError("OPTION_OUT_OF_RANGE", `SimulatedNetwork: ${name} is out of range: ${value}`);
}
