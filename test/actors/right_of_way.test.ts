import { setImmediate } from "node:timers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LaneBehavior } from "../../actors/behavior.ts";
import type { Clock, Timer } from "../../actors/clock.ts";
import { createSystem } from "../../actors/system.ts";

const rightOfWay = suite("right of way");

/** A clock that the data turns move; between two slices it jumps to the next timer when nothing else is to be done. */
class LoopClock implements Clock {
  time = 0;
  readonly #yields: (() => void)[] = [];
  readonly #timers: { readonly due: number; readonly fire: () => void }[] = [];
  now = () => this.time;
  monotonic = () => this.time;
  yield = (resume: () => void) => void this.#yields.push(resume);
  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { due: this.time + delayMs, fire };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers.includes(timer) && this.#timers.splice(this.#timers.indexOf(timer), 1)) };
  }
  /** Timers that are due, then one slice; false when all is asleep. */
  async turn(): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve)); // every promise job
    const due = this.#timers.find((timer) => timer.due <= this.time);
    if (due !== undefined) {
      this.#timers.splice(this.#timers.indexOf(due), 1);
      due.fire();
      return true;
    }
    const resume = this.#yields.shift();
    if (resume !== undefined) {
      resume();
      return true;
    }
    const next = Math.min(...this.#timers.map((timer) => timer.due));
    if (next === Infinity) return false;
    this.time = next;
    return true;
  }
  /** Turns until `time`, or until all is asleep. */
  async until(time: number): Promise<void> {
    while (this.time < time && await this.turn());
  }
}

/** An actor whose data never ends; every step takes a millisecond. */
function busy(clock: LoopClock, log: string[]): LaneBehavior<string> {
  return {
    lane: () => ({
      ready: true,
      run() {
        clock.time += 1;
        log.push("data");
        return 1;
      },
      close: () => [],
    }),
    control: (message) => void log.push(message),
  };
}

async function stage() {
  const clock = new LoopClock();
  const system = createSystem({ clock });
  const log: string[] = [];
  const actor = system.spawn<string>("busy", () => busy(clock, log));
  await clock.until(5);
  assert.ok(log.length >= 4);
  log.length = 0;
  return { clock, system, log, actor };
}

rightOfWay(
  "data waits while work is pending; control goes on, and so does data once it has settled, however it does",
  async () => {
    for (const settle of ["resolve", "reject"] as const) {
      const { clock, system, log, actor } = await stage();
      const work = { resolve: () => {}, reject: () => {} };
      const promise = new Promise<void>((resolve, reject) => Object.assign(work, { resolve, reject }));
      system.expedite(promise);
      actor.tell("control");
      for (let turn = 0; turn < 3 && !log.includes("control"); turn++) await clock.turn();
      assert.equal(log, ["control"]);
      work[settle]();
      const at = clock.time;
      while (log.length < 3) await clock.turn();
      assert.equal(log, ["control", "data", "data"]);
      assert.is(clock.time, at + 2, "no time was lost");
      await promise.catch(() => {});
    }
  },
);

rightOfWay("work that takes long has data wait for four milliseconds at a time, and for no more than 10 ms at once", async () => {
  const { clock, system, log } = await stage();
  system.expedite(new Promise(() => {}));
  const at = clock.time;
  await clock.until(at + 10);
  assert.ok(log.length >= 2 && log.length <= 3, `${log.length} ms of 10 for data`);
  await clock.until(at + 100);
  const waited = clock.time - at - log.length;
  assert.ok(waited >= 10 && waited <= 13, `${waited} ms of ${clock.time - at} without data`);
});

rightOfWay("however often there is such work, data waits for a fiftieth of the time in the long run", async () => {
  const { clock, system, log } = await stage();
  const at = clock.time;
  while (clock.time < at + 2_000) {
    system.expedite(new Promise((resolve) => void clock.setTimer(1, () => resolve(undefined))));
    await clock.until(clock.time + 4);
  }
  const waited = clock.time - at - log.length;
  assert.ok(waited > 40 && waited <= 51, `${waited} ms of ${clock.time - at} without data`);
});

rightOfWay("time in which the whole process stood still is not what data has waited for", async () => {
  const { clock, system, log } = await stage();
  system.expedite(new Promise(() => {}));
  clock.time += 20; // the timer that ends the first 4 ms fires that late
  const at = clock.time;
  await clock.until(at + 10);
  assert.ok(log.length >= 2 && log.length <= 5, `${log.length} ms of 10 for data: it waits again, for what is left of 10 ms`);
});

rightOfWay("an actor that takes its time to stop does so ahead of the data of others", async () => {
  const { clock, system, log } = await stage();
  const ref = system.spawn<string>("ending", () => ({ receive: () => {}, stop: async () => await Promise.resolve() }));
  system.spawn<string>("watching", () => ({
    start: (context) => context.watch(ref),
    receive: () => {},
    signal: () => void log.push("stopped"),
  }));
  while (!log.includes("data")) await clock.turn();
  log.length = 0;
  void system.stop(ref);
  while (!log.includes("stopped")) await clock.turn();
  assert.is(log[0], "stopped", log.join(", "));
});

rightOfWay("where nothing waits it holds nothing up, and leaves no timer behind", async () => {
  const clock = new LoopClock();
  const system = createSystem({ clock });
  system.expedite(Promise.resolve());
  while (await clock.turn());
  await Promise.all([system.shutdown(), clock.until(100)]);
  assert.is(await clock.turn(), false);
});

rightOfWay.run();
