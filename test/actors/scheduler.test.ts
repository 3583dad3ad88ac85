import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LaneBehavior, LaneHost } from "../../actors/behavior.ts";
import type { Clock } from "../../actors/clock.ts";
import { type Runnable, Scheduler } from "../../actors/scheduler.ts";
import { VirtualClock } from "../../actors/simulation/clock.ts";
import { createSystem } from "../../actors/system.ts";

const scheduler = suite("scheduler");

/** A clock that moves only when told, and runs yields on demand. */
class WorkClock implements Clock {
  time = 0;
  reads = 0;
  readonly yields: (() => void)[] = [];
  now = () => this.time;
  monotonic = () => {
    this.reads++;
    return this.time;
  };
  setTimer = () => ({ cancel: () => {} });
  yield = (resume: () => void) => void this.yields.push(resume);
  /** One slice of the loop; false when it is asleep. */
  slice(): boolean {
    const resume = this.yields.shift();
    resume?.();
    return resume !== undefined;
  }
}

/** An actor with `work` steps left, each of which costs `stepMs`. */
class Worker implements Runnable {
  inControl = false;
  inData = false;
  budget = 32;
  work: number;
  control = 0;
  readonly turns: number[] = [];
  readonly #queue: Scheduler;
  readonly #clock: WorkClock;
  readonly #log: string[];
  readonly #name: string;
  stepMs: number;

  constructor(queue: Scheduler, clock: WorkClock, name: string, work: number, stepMs: number, log: string[] = []) {
    this.#queue = queue;
    this.#clock = clock;
    this.#name = name;
    this.work = work;
    this.stepMs = stepMs;
    this.#log = log;
  }

  controlTurn(): void {
    this.#log.push(`${this.#name}!`);
    this.control = 0;
  }

  dataTurn(maxSteps: number): number {
    const steps = Math.min(maxSteps, this.work);
    this.work -= steps;
    this.#clock.time += steps * this.stepMs;
    this.turns.push(steps);
    this.#log.push(this.#name);
    if (this.work > 0) this.#queue.queueData(this);
    return steps;
  }
}

scheduler("data turns go round: nobody waits for more than one turn of each other", () => {
  const clock = new WorkClock();
  const queue = new Scheduler(clock);
  const log: string[] = [];
  const workers = ["a", "b", "c"].map((name) => new Worker(queue, clock, name, 500, 0.001, log));
  for (const worker of workers) queue.queueData(worker);
  while (clock.slice());
  assert.ok(workers.every((worker) => worker.work === 0));
  const together = log.slice(0, 9);
  assert.equal(together, ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
});

scheduler("control comes before every data turn, and the data turn keeps its place", () => {
  const clock = new WorkClock();
  const queue = new Scheduler(clock);
  const log: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => new Worker(queue, clock, name, 1, 0, log));
  for (const worker of [a!, b!, c!]) queue.queueData(worker);
  assert.is(queue.interrupted, false);
  queue.queueControl(c!);
  queue.queueControl(b!);
  queue.queueControl(b!);
  assert.is(queue.interrupted, true);
  while (clock.slice());
  assert.equal(log, ["c!", "b!", "a", "b", "c"]);
});

scheduler("budgets learn how many steps fit into a turn, and shrink at once when steps become slow", () => {
  const clock = new WorkClock();
  const queue = new Scheduler(clock, { turnMs: 0.25 });
  const fast = new Worker(queue, clock, "fast", 1_000_000, 0.0001);
  queue.queueData(fast);
  while (clock.slice());
  assert.is(Math.max(...fast.turns), 1024, "cheap steps fill the largest turn");

  const medium = new Worker(queue, clock, "medium", 20_000, 0.005);
  queue.queueData(medium);
  while (clock.slice());
  assert.ok(medium.turns.slice(-20, -1).every((steps) => steps * 0.005 <= 0.5), medium.turns.slice(-20).join(" "));

  fast.work = 200;
  fast.stepMs = 1;
  fast.turns.length = 0;
  queue.queueData(fast);
  while (clock.slice());
  assert.equal(fast.turns, [200]);
  fast.work = 10;
  fast.turns.length = 0;
  queue.queueData(fast);
  while (clock.slice());
  assert.equal(fast.turns, new Array(10).fill(1));
});

scheduler("the loop yields to I/O after a slice, and the clock is read at most once a turn", () => {
  const clock = new WorkClock();
  const queue = new Scheduler(clock, { sliceMs: 1, turnMs: 0.25 });
  const worker = new Worker(queue, clock, "w", 100_000, 0.001);
  queue.queueData(worker);
  let slices = 0;
  for (let before = clock.time; clock.slice(); before = clock.time, slices++) {
    assert.ok(clock.time - before <= 1.6, `${clock.time - before} ms in one slice`);
  }
  assert.ok(slices >= 60, String(slices));
  assert.ok(clock.reads <= worker.turns.length + slices + 2, `${clock.reads} reads in ${worker.turns.length} turns`);
});

scheduler("a clock that stands still leaves budgets alone and slices bounded", () => {
  const clock = new WorkClock();
  const queue = new Scheduler(clock);
  const worker = new Worker(queue, clock, "w", 100_000, 0);
  queue.queueData(worker);
  let slices = 0;
  while (clock.slice()) slices++;
  assert.ok(worker.turns.every((steps) => steps === 32 || steps === 100_000 % 32));
  assert.ok(slices > 30, String(slices));
});

scheduler("hooks decide who is next and how long a turn is", () => {
  const clock = new WorkClock();
  const queue = new Scheduler(clock, { pick: (runnable) => runnable - 1, steps: () => 3 });
  const log: string[] = [];
  const workers = ["a", "b"].map((name) => new Worker(queue, clock, name, 6, 0, log));
  for (const worker of workers) queue.queueData(worker);
  while (clock.slice());
  assert.equal(log, ["b", "b", "a", "a"]);
  assert.equal(workers.map((worker) => worker.turns), [[3, 3], [3, 3]]);
  assert.throws(() => new Scheduler(clock, { sliceMs: 0 }), /sliceMs must be more than 0/);
});

/** A lane of `left` steps that notes what happens, and calls `during` in the middle of a turn. */
function counting(log: string[], left: number, during: (host: LaneHost, taken: number) => void) {
  let host!: LaneHost;
  let taken = 0;
  const behavior: LaneBehavior<string> = {
    lane(given) {
      host = given;
      return {
        get ready() {
          return left > 0;
        },
        run(maxSteps) {
          let steps = 0;
          while (steps < maxSteps && left > 0 && !(steps > 0 && host.interrupted)) {
            left--;
            steps++;
            taken++;
            during(host, taken);
          }
          log.push(`data ${steps}`);
          return steps;
        },
        close: () => [],
      };
    },
    control: (message) => void log.push(message),
  };
  return behavior;
}

scheduler("a long turn ends at the next step once any actor of the loop has control", async () => {
  const clock = new VirtualClock();
  const system = createSystem({ clock, scheduler: { steps: () => 1000 } });
  const log: string[] = [];
  const other = system.spawn<string>("other", () => counting(log, 0, () => {}));
  await clock.advance(10);
  system.spawn<string>("busy", () =>
    counting(log, 100, (_host, taken) => {
      if (taken === 10) other.tell("control of another");
    }));
  await clock.advance(100);
  assert.equal(log, ["data 10", "control of another", "data 90"]);
});

scheduler("everything told to an actor with a lane of its own comes before its data", async () => {
  const clock = new VirtualClock();
  const system = createSystem({ clock });
  const log: string[] = [];
  const ref = system.spawn<string>("a", () => counting(log, 40, () => {}));
  ref.tell("one");
  ref.tell("two");
  await clock.advance(100);
  assert.equal(log, ["one", "two", "data 32", "data 8"]);
});

scheduler("control told to itself for ever does not keep others from their control, nor the loop from yielding", async () => {
  const clock = new VirtualClock();
  const system = createSystem({ clock });
  let rounds = 0;
  let served = false;
  system.spawn<string>("selfish", () => ({
    lane: () => ({ ready: false, run: () => 0, close: () => [] }),
    start: (context) => context.self.tell("again"),
    control(message, context) {
      rounds++;
      context.self.tell(message);
    },
  }));
  const modest = system.spawn<string>("modest", () => ({
    lane: () => ({ ready: false, run: () => 0, close: () => [] }),
    control: () => void (served = true),
  }));
  modest.tell("x");
  await clock.advance(5);
  assert.ok(served && rounds > 10);
});

scheduler.run();
