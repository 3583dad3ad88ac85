import type { Clock } from "../../actors/clock.ts";
import type { Random } from "../../actors/random.ts";
import { type NetworkFaults, SimulatedNetwork } from "../../actors/simulation/network.ts";
import type { VirtualClock } from "../../actors/simulation/clock.ts";
import type { Transport } from "../../actors/transport.ts";
import type { Channel } from "../../runtime/graph/channel.ts";
import type { ChannelLinks } from "../../runtime/master/channel_links.ts";
import { EncodedLinks } from "../../runtime/master/encoded_links.ts";
import { PlacedLinks, type Placement } from "../../runtime/master/placed_links.ts";
import type { LinksOf } from "../../runtime/master/start.ts";
import type { Faults } from "./faults.ts";

/** A time during which messages between the workers, or everything, is lost. */
interface Outage {
  readonly kind: "cut" | "one-way cut" | "broker restart" | "disconnect";
  readonly atMs: number;
  readonly forMs: number;
}

/** What happens on a wire, as it was drawn. */
export interface WirePlan {
  readonly faults: Partial<NetworkFaults>;
  readonly outages: readonly Outage[];
}

export const wireProbeMs = 20;
export const wireSilenceMs = 300;

const workers = ["w0", "w1"] as const;

/** Draws the faults of a wire: each kind is absent, rare or frequent for the whole run. */
export function drawWire(random: Random): WirePlan {
  const rate = (rare: number, frequent: number) => random.pick([0, 0, rare, frequent]);
  // A burst may begin with every message, so they must be rare: a busy link would be lost for good, and given up rightly.
  const [lossRate, burstMs] = random.pick([[0, 1], [0, 1], [0.001, 10], [0.005, 1]] as const);
  const faults = {
    meanDelayMs: random.pick([0.2, 1, 4]),
    lossRate,
    burstMs,
    duplicateRate: rate(0.02, 0.3),
    corruptRate: rate(0.005, 0.05),
  };
  const outages = Array.from({ length: random.pick([0, 0, 1, 2]) }, (): Outage => {
    const kind = random.pick(["cut", "one-way cut", "broker restart", "disconnect"] as const);
    // While everybody's connection is down, nobody's silence counts; all else must heal before it is taken for a dead peer.
    const forMs = random.chance(0.15) ? 400 + random.next() * 300 : 5 + random.next() * (kind === "broker restart" ? 900 : 120);
    return { kind, atMs: random.next() * 50, forMs };
  });
  return { faults, outages };
}

/** Two workers with a connection each, joined by a network with faults, in one process. */
export class SimulatedWire {
  readonly #network: SimulatedNetwork;
  readonly #clock: VirtualClock;
  readonly #placement: Placement;
  readonly #plan: WirePlan;
  #transports: readonly Transport[] = [];
  #lives = 0;
  /** Whether something lasts so long that a channel may be given up. */
  readonly mayFail: boolean;

  constructor(clock: VirtualClock, random: Random, plan: WirePlan) {
    this.#clock = clock;
    this.#plan = plan;
    this.#network = new SimulatedNetwork({ clock, random: random.fork("network"), faults: plan.faults });
    const places = random.fork("placement");
    const placed = new Map<string, string>();
    this.#placement = (task, subtask) => {
      const key = `${task}/${subtask}`;
      const worker = placed.get(key) ?? places.pick(workers);
      placed.set(key, worker);
      return worker;
    };
    this.mayFail = plan.outages.some(isLong);
  }

  /** Begins the outages. */
  schedule(faults: Faults): void {
    for (const outage of this.#plan.outages) {
      const { kind, atMs, forMs } = outage;
      this.#clock.setTimer(atMs, () => {
        const end = this.#begin(kind);
        faults.note(`${isLong(outage) ? "long " : ""}${kind}`);
        this.#clock.setTimer(forMs, end);
      });
    }
  }

  /** A process with new connections. Its clock ends with it. */
  connect(clock: Clock, job: string): LinksOf {
    for (const transport of this.#transports) void transport.close();
    const life = this.#lives++;
    const transports = workers.map((worker) => this.#network.connect(`${worker}-${life}`));
    this.#transports = transports;
    const placement = this.#placement;
    return (attempt, { wire: times, channels: { encoded: { windowBytes } } }) =>
      new JoinedWorkers(
        placement,
        workers.map((worker, index) =>
          new PlacedLinks(
            worker,
            placement,
            new EncodedLinks({ transport: transports[index] as Transport, clock, job, attempt, times, windowBytes }),
          )
        ),
      );
  }

  /** Counts what the network did as faults. */
  note(faults: Faults): void {
    const { lost, duplicated, corrupted } = this.#network.counts;
    for (const [fault, times] of Object.entries({ lost, duplicated, corrupted })) {
      if (times > 0) faults.fired.set(fault, times);
    }
  }

  #begin(kind: Outage["kind"]): () => void {
    const names = workers.map((worker) => `${worker}-${this.#lives - 1}`);
    const [first, second] = names as [string, string];
    switch (kind) {
      case "cut":
        return this.#network.cut([first], [second]);
      case "one-way cut":
        return this.#network.cut([first], [second], { oneWay: true });
      case "disconnect":
        return this.#network.disconnect([first]);
      case "broker restart":
        return this.#network.disconnect();
    }
  }
}

function isLong({ kind, forMs }: Outage): boolean {
  return kind !== "broker restart" && forMs > wireSilenceMs;
}

/** Every end of a channel is at the worker that its subtask is placed on. */
class JoinedWorkers implements ChannelLinks {
  readonly #placement: Placement;
  readonly #links: readonly ChannelLinks[];

  constructor(placement: Placement, links: readonly ChannelLinks[]) {
    this.#placement = placement;
    this.#links = links;
  }

  input(channel: Channel) {
    return this.#of(channel.edge.to, channel.receiver).input(channel);
  }

  output(channel: Channel) {
    return this.#of(channel.edge.from, channel.sender).output(channel);
  }

  close(): void {
    for (const links of this.#links) links.close();
  }

  #of(task: number, subtask: number): ChannelLinks {
    return this.#links[workers.indexOf(this.#placement(task, subtask) as typeof workers[number])] as ChannelLinks;
  }
}
