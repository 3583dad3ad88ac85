import type { Clock } from "./clock.ts";
import { SluiceError } from "./error.ts";
import { RightOfWay } from "./right_of_way.ts";
import { Ring } from "./ring.ts";

/** How the turns of a system's actors are laid out in time. */
export interface SchedulerOptions {
  /**
   * How long turns may go on before I/O gets its turn, in milliseconds.
   * @default 1
   */
  readonly sliceMs?: number;
  /**
   * How long one data turn should take, in milliseconds. How many steps that are is learned for each actor.
   * @default 0.25
   */
  readonly turnMs?: number;
  /**
   * After how many turns I/O gets its turn at the latest. With 1 every promise job of a turn runs before the next turn, as
   * simulation needs it.
   * @default no limit; 64 while the clock stands still, as a virtual one does
   */
  readonly sliceTurns?: number;
  /** For simulation: which of the runnable actors is next, from 0 to `runnable` - 1. */
  readonly pick?: (runnable: number) => number;
  /** For simulation: how many steps the next data turn may take, at least 1. */
  readonly steps?: () => number;
}

/** What the scheduler runs: one actor. The fields are the scheduler's own notes about it. */
export interface Runnable {
  inControl: boolean;
  inData: boolean;
  /** How many steps a data turn may take. */
  budget: number;
  controlTurn(): void;
  /** Returns the steps taken, and queues the actor again if more can be done. Never throws. */
  dataTurn(maxSteps: number): number;
}

export const firstBudget = 32;
const maxBudget = 1024;
/** How many short turns may pass between two looks at the clock. */
const maxStride = 16;
/** A turn of so many steps is worth a look at the clock of its own. */
const longTurn = 32;
/** How many turns make a slice on a clock that stands still meanwhile. */
const virtualTurns = 64;

/**
 * One run queue for all actors of a system.
 *
 * - **Control first:** an actor with control is served before every data turn, but for its control only: its data turn keeps
 *   its place. A data turn learns from `interrupted` that control waits and ends at its next step.
 * - **I/O of control first:** while work that control waits for is pending, data waits, too, within the bounds of
 *   {@link RightOfWay}.
 * - **Fair:** each data turn is a bounded number of steps; then the actor queues up again behind the others.
 * - **I/O:** after `sliceMs` in all the loop yields. The clock is read after a turn at most, never for a step: a budget
 *   grows while full turns are shorter than `turnMs` and shrinks at once when one was longer; it is small enough that the
 *   first turn after the steps became slow cannot block the loop for long.
 */
export class Scheduler {
  private readonly control = new Ring<Runnable>();
  private readonly data = new Ring<Runnable>();
  private readonly clock: Clock;
  private readonly sliceMs: number;
  private readonly turnMs: number;
  private readonly sliceTurns: number;
  private readonly pick: ((runnable: number) => number) | undefined;
  private readonly steps: (() => number) | undefined;
  private readonly rightOfWay: RightOfWay;
  /** Whether the loop runs, or will after a yield. */
  private awake = false;
  private stride = 1;

  constructor(clock: Clock, options: SchedulerOptions = {}) {
    this.clock = clock;
    this.sliceMs = positive("sliceMs", options.sliceMs ?? 1);
    this.turnMs = positive("turnMs", options.turnMs ?? 0.25);
    this.sliceTurns = positive("sliceTurns", options.sliceTurns ?? Infinity);
    this.pick = options.pick;
    this.steps = options.steps;
    this.rightOfWay = new RightOfWay(clock, () => {
      if (!this.awake && this.data.length > 0) this.wake();
    });
  }

  /** Whether data has to make way. */
  get interrupted(): boolean {
    return this.control.length > 0 || this.rightOfWay.held;
  }

  /** How many turns wait. */
  get waiting(): number {
    return this.control.length + this.data.length;
  }

  queueControl(actor: Runnable): void {
    if (actor.inControl) return;
    actor.inControl = true;
    this.control.push(actor);
    if (!this.awake) this.wake();
  }

  queueData(actor: Runnable): void {
    if (actor.inData) return;
    actor.inData = true;
    this.data.push(actor);
    if (!this.awake && !this.rightOfWay.held) this.wake();
  }

  /** Lets I/O that control waits for go ahead of data until it settles. */
  expedite<Work extends PromiseLike<unknown>>(work: Work): Work {
    this.rightOfWay.give(work);
    return work;
  }

  private wake(): void {
    this.awake = true;
    this.clock.yield(this.slice);
  }

  private readonly slice = (): void => {
    const begin = this.clock.monotonic();
    let seen = begin;
    let unseenTurns = 0;
    let turns = 0;
    for (;;) {
      let measured: Runnable | undefined;
      let steps = 0;
      if (this.control.length > 0) {
        const actor = this.take(this.control);
        actor.inControl = false;
        actor.controlTurn();
      } else if (this.data.length > 0 && !this.rightOfWay.held) {
        const actor = this.take(this.data);
        actor.inData = false;
        const budget = this.steps === undefined ? actor.budget : this.steps();
        steps = actor.dataTurn(budget);
        if (steps >= Math.min(budget, longTurn) || this.stride === 1) measured = actor;
      } else {
        this.awake = false;
        return;
      }
      turns++;
      unseenTurns++;
      if (measured === undefined && unseenTurns < this.stride && turns < this.sliceTurns) continue;
      const now = this.clock.monotonic();
      this.learn(measured, steps, now - seen);
      if (now - begin >= this.sliceMs || turns >= this.sliceTurns || (now === begin && turns >= virtualTurns)) {
        this.rightOfWay.hold();
        // Nothing to come back for: a system that has shut down leaves no event behind.
        this.awake = this.control.length > 0 || (this.data.length > 0 && !this.rightOfWay.held);
        if (this.awake) this.clock.yield(this.slice);
        return;
      }
      seen = now;
      unseenTurns = 0;
    }
  };

  private take(queue: Ring<Runnable>): Runnable {
    return (this.pick === undefined ? queue.shift() : queue.takeAt(this.pick(queue.length)))!;
  }

  /** What the clock says about the turns since the last look: `measured` is the actor of the last one, if it counts for it. */
  private learn(measured: Runnable | undefined, steps: number, elapsedMs: number): void {
    if (elapsedMs > this.turnMs) {
      this.stride = 1;
      if (measured === undefined) return;
      measured.budget = Math.max(1, Math.min(measured.budget, Math.floor(steps * this.turnMs / elapsedMs)));
    } else {
      if (this.stride < maxStride) this.stride *= 2;
      if (measured === undefined || elapsedMs === 0 || steps < measured.budget) return;
      measured.budget = Math.min(maxBudget, measured.budget * 2);
    }
  }
}

function positive(name: string, value: number): number {
  if (value > 0) return value;
  throw new SluiceError("OPTION_OUT_OF_RANGE", `Scheduler: ${name} must be more than 0, not ${value}`);
}
