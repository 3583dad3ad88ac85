import { messageOf, SluiceError } from "../error.ts";
import type { LogEntry } from "../logger.ts";
import type { Random } from "../random.ts";
import { SeededRandom } from "../seeded_random.ts";
import { type ActorSystem, createSystem, type SystemOptions } from "../system.ts";
import { settled, VirtualClock, type VirtualClockOptions } from "./clock.ts";
import { type NetworkFaults, SimulatedNetwork } from "./network.ts";
import { Trace } from "./trace.ts";

/** What a {@link World} can be told besides its seed. */
export interface WorldOptions extends VirtualClockOptions {
  /** @default a network that only delays */
  readonly network?: Partial<NetworkFaults>;
  /**
   * Whether the trace keeps every line, to find where two runs part.
   * @default false: the latest only
   */
  readonly keepTrace?: boolean;
}

/** When {@link World.run} gives up. */
export interface RunLimits {
  /**
   * How many events may happen.
   * @default 1,000,000
   */
  readonly maxEvents?: number;
  /**
   * How much virtual time may pass, in milliseconds.
   * @default Infinity
   */
  readonly maxMs?: number;
}

/**
 * A simulated world: time, chance, network and the order of turns all follow from one seed, so that a run is repeated exactly
 * by giving the seed again.
 *
 * Events (timers, arrivals, turns of actors) happen one by one, each at its virtual time; between two of them all promise
 * jobs run. So
 * the length of a promise chain never changes the order between actors. What happens is kept as a trace whose hash two runs
 * can compare.
 */
export class World {
  readonly seed: string;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly trace: Trace;
  readonly #systems: ActorSystem[] = [];

  constructor(seed: string | number, options: WorldOptions = {}) {
    this.seed = String(seed);
    this.clock = new VirtualClock(options);
    this.random = new SeededRandom(this.seed);
    this.trace = new Trace(this.clock, { keepAll: options.keepTrace ?? false });
    this.network = new SimulatedNetwork({
      clock: this.clock,
      random: this.random.fork("network"),
      faults: options.network ?? {},
      onEvent: (event) => this.trace.note(event),
    });
  }

  /**
   * An actor system of this world. Which actor is next and how many steps it may take are drawn from the seed; how long turns
   * may be at most is drawn once for each system, so that some runs switch at every step and some hardly ever.
   */
  system(name: string, options: SystemOptions = {}): ActorSystem {
    const chance = this.random.fork(`system/${this.#systems.length}/${name}`);
    const order = chance.fork("order");
    const maxSteps = chance.fork("turns").pick([1, 3, 16, 200]);
    const system = createSystem({
      name,
      clock: this.clock,
      random: chance,
      scheduler: {
        sliceTurns: 1,
        pick: (runnable) => {
          const picked = order.int(runnable);
          this.trace.count(picked);
          return picked;
        },
        steps: () => {
          const steps = 1 + order.int(maxSteps);
          this.trace.count(steps);
          return steps;
        },
      },
      ...options,
      logger: (entry) => {
        this.trace.note(printEntry(name, entry));
        options.logger?.(entry);
      },
    });
    this.#systems.push(system);
    return system;
  }

  /**
   * Lets events happen until the goal is met: a predicate that turns true, looked at after every event, or a promise that
   * settles. Returns what the promise gave, rejects with what it rejected with.
   *
   * @throws {SluiceError} `SIMULATION_STUCK` when nothing is left to happen and the goal is not met, with the list of actors;
   * `SIMULATION_LIMIT` when a limit is reached first
   */
  async run<T>(until: Promise<T> | (() => boolean | Promise<T>), limits: RunLimits = {}): Promise<T | undefined> {
    const maxEvents = limits.maxEvents ?? 1_000_000;
    const endMs = this.clock.monotonic() + (limits.maxMs ?? Infinity);
    const goal = typeof until === "function" ? until() : until;
    const promised = typeof goal === "boolean" ? undefined : outcomeOf(goal);
    await settled();
    for (let events = 0;; events++) {
      if (promised === undefined) {
        if ((until as () => boolean)()) return undefined;
      } else if (promised.kind === "given") {
        return promised.value;
      } else if (promised.kind === "failed") {
        throw promised.cause;
      }
      const nextMs = this.clock.nextMs;
      if (nextMs === undefined) throw this.#failure("SIMULATION_STUCK", "nothing is left to happen and the goal is not met");
      if (events >= maxEvents) throw this.#failure("SIMULATION_LIMIT", `the goal is not met after ${maxEvents} events`);
      if (nextMs > endMs) throw this.#failure("SIMULATION_LIMIT", `the goal is not met after ${limits.maxMs} ms`);
      this.clock.runNext();
      await settled();
    }
  }

  /** Lets `byMs` milliseconds of virtual time pass. */
  async pass(byMs: number): Promise<void> {
    await this.clock.advance(byMs);
  }

  #failure(code: string, message: string): SluiceError {
    const actors = this.#systems.flatMap((system) => system.actors()).map((actor) => {
      const notes = [actor.phase, ...(actor.pending ? ["pending"] : []), ...(actor.ready ? ["ready"] : [])];
      return `  ${actor.path}: ${notes.join(", ")}${actor.control > 0 ? `, ${actor.control} control` : ""}`;
    });
    const lines = [
      `world ${this.seed} at ${this.clock.monotonic().toFixed(3)} ms: ${message}`,
      ...(actors.length > 0 ? ["actors:", ...actors] : []),
      "latest:",
      ...this.trace.latest().map((line) => `  ${line}`),
    ];
    return new SluiceError(code, lines.join("\n"));
  }
}

/** A promise's outcome as something to look at. */
interface Outcome<T> {
  kind: "open" | "given" | "failed";
  value: T | undefined;
  cause: unknown;
}

function outcomeOf<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = { kind: "open", value: undefined, cause: undefined };
  promise.then((value) => Object.assign(outcome, { kind: "given", value }), (cause: unknown) => {
    Object.assign(outcome, { kind: "failed", cause });
  });
  return outcome;
}

function printEntry(name: string, { level, from, message, cause }: LogEntry): string {
  const why = cause === undefined ? "" : `: ${messageOf(cause)}`;
  return `${name} ${level} ${from} ${message}${why}`;
}
