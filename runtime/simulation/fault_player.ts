import type { SimulatedProcess } from "../../actors/simulation/process.ts";
import { endOf, type FaultEvent, type FaultKind } from "./fault.ts";
import type { Scene } from "./scene.ts";

/** What faults are done to. */
export interface FaultTarget {
  readonly scene: Scene;
  /** Its processes, running or not. */
  readonly processes: readonly string[];
  /** A process that runs. */
  process(name: string): SimulatedProcess | undefined;
  /** The names of a process's connections. */
  connections(name: string): readonly string[];
  /** Ends a process that runs, and starts it again after a while. */
  crash(name: string, downMs: number): void;
  /** The same to everything, with the disk as a power failure leaves it. */
  powerFails(downMs: number): void;
  /** Lets the job go on with another parallelism; `done` is called when it does. */
  rescale(parallelism: number, done: () => void): void;
}

type Of<K extends FaultKind> = Extract<FaultEvent, { kind: K }>;

/** Does the events of a schedule to a run, at their times, and counts those that had an effect. */
export class FaultPlayer {
  readonly #target: FaultTarget;
  readonly #active = new Set<FaultEvent>();
  readonly #fired = new Map<FaultKind, number>();
  /** Windows that are open, with what tells whether they had an effect. */
  readonly #open = new Map<FaultEvent, () => boolean>();

  constructor(target: FaultTarget, schedule: readonly FaultEvent[]) {
    this.#target = target;
    const { world, exceptions, safeMs } = target.scene;
    for (const event of schedule) world.clock.setTimer(event.at, () => this.#begin(event));
    world.clock.setTimer(safeMs, () => exceptions.disarm());
  }

  /** How many events of each kind had an effect so far. */
  get fired(): ReadonlyMap<FaultKind, number> {
    for (const event of [...this.#open.keys()]) this.#settle(event);
    return this.#fired;
  }

  /** Gives every process's disk the faults that are active. */
  damage(): void {
    const rate = (kind: "disk-error" | "torn-write") => Math.max(0, ...this.#all(kind).map((event) => event.rate));
    const rates = { full: this.#all("disk-full").length > 0 ? 1 : 0, io: rate("disk-error"), torn: rate("torn-write") };
    const slowMs = Math.max(0, ...this.#all("slow-disk").map(({ byMs }) => byMs));
    for (const disk of this.#target.scene.handles) Object.assign(disk, { rates, slowMs });
  }

  #begin(event: FaultEvent): void {
    const { world: { trace, network }, exceptions, disk: { counts } } = this.#target.scene;
    trace.note(`fault ${event.kind}`);
    switch (event.kind) {
      case "crash": {
        if (this.#target.process(event.of) === undefined) return;
        this.#note(event.kind);
        return this.#target.crash(event.of, event.forMs);
      }
      case "power-failure": {
        const before = counts.lost;
        this.#target.powerFails(event.forMs);
        // One that loses nothing is a crash like others.
        return this.#note(counts.lost > before ? event.kind : "crash");
      }
      case "pause":
        return this.#pause(event);
      case "clock-jump": {
        const member = this.#target.process(event.of);
        if (member === undefined) return;
        member.jump(event.byMs);
        return this.#note(event.kind);
      }
      case "exception": {
        const before = exceptions.thrown;
        exceptions.arm(event.uid, event.where);
        this.#open.set(event, () => exceptions.thrown > before);
        return;
      }
      case "rescale":
        return this.#target.rescale(event.parallelism, () => this.#note(event.kind));
      case "partition":
        return this.#window(event, this.#cut(event), () => network.counts.cut);
      case "disconnect": {
        const names = event.of === undefined ? undefined : this.#target.connections(event.of);
        return this.#window(event, network.disconnect(names), () => network.counts.unconnected);
      }
      case "delay":
        return this.#weather(event, () => network.counts.delivered);
      case "loss":
        return this.#weather(event, () => network.counts.inBursts);
      case "duplicate":
        return this.#weather(event, () => network.counts.duplicated);
      case "corrupt":
        return this.#weather(event, () => network.counts.corrupted);
      case "disk-full":
        return this.#storage(event, () => counts.full);
      case "disk-error":
        return this.#storage(event, () => counts.io);
      case "torn-write":
        return this.#storage(event, () => counts.torn);
      case "slow-disk":
        return this.#storage(event, () => counts.slow);
      default:
        event satisfies never;
    }
  }

  #pause(event: Of<"pause">): void {
    const member = this.#target.process(event.of);
    if (member === undefined || member.paused) return;
    member.pause();
    this.#note("pause");
    this.#target.scene.world.clock.setTimer(event.forMs, () => member.resume());
  }

  #cut({ from, oneWay }: Of<"partition">): () => void {
    const { scene: { world: { network } }, processes } = this.#target;
    const names = (of: readonly string[]) => of.flatMap((name) => this.#target.connections(name));
    const others = processes.filter((name) => !from.includes(name));
    // A process alone is cut off from itself: from the broker that its messages go through.
    return network.cut(names(from), names(others.length === 0 ? from : others), { oneWay });
  }

  #weather(event: FaultEvent, count: () => number): void {
    this.#active.add(event);
    this.#setWeather();
    this.#window(event, () => {
      this.#active.delete(event);
      this.#setWeather();
    }, count);
  }

  #setWeather(): void {
    const { world: { network }, calm } = this.#target.scene;
    const rate = (kind: "loss" | "duplicate" | "corrupt") => Math.max(0, ...this.#all(kind).map((event) => event.rate));
    const losses = this.#all("loss");
    const meanDelayMs = Math.max(calm.meanDelayMs ?? 0.4, ...this.#all("delay").map(({ meanMs }) => meanMs));
    const burstMs = Math.max(1, ...losses.map((event) => event.burstMs));
    network.setFaults({
      meanDelayMs,
      burstMs,
      lossRate: rate("loss"),
      duplicateRate: rate("duplicate"),
      corruptRate: rate("corrupt"),
    });
  }

  #storage(event: FaultEvent, count: () => number): void {
    this.#active.add(event);
    this.damage();
    this.#window(event, () => {
      this.#active.delete(event);
      this.damage();
    }, count);
  }

  /** Something that lasts: it had an effect if what is counted has grown. */
  #window(event: FaultEvent, end: () => void, count: () => number): void {
    const before = count();
    this.#open.set(event, () => count() > before);
    this.#target.scene.world.clock.setTimer(endOf(event) - event.at, () => {
      end();
      this.#settle(event);
      this.#open.delete(event);
    });
  }

  #settle(event: FaultEvent): void {
    if (this.#open.get(event)?.() !== true) return;
    this.#open.delete(event);
    this.#note(event.kind);
  }

  #all<K extends FaultKind>(kind: K): Of<K>[] {
    return [...this.#active].filter((event): event is Of<K> => event.kind === kind);
  }

  #note(kind: FaultKind): void {
    this.#fired.set(kind, (this.#fired.get(kind) ?? 0) + 1);
  }
}
