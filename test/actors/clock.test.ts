import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import type { Clock, Timer } from "../../actors/clock.ts";
import { SluiceError } from "../../actors/error.ts";
import { SystemClock } from "../../actors/system_clock.ts";
import { VirtualClock } from "../../actors/simulation/clock.ts";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { SimulatedProcess } from "../../actors/simulation/process.ts";
import { TimerQueue } from "../../actors/timer_queue.ts";

interface Subject {
  readonly clock: Clock;
  /** Lets everything happen that is due within `ms`. */
  pass(ms: number): Promise<void>;
}

const subjects: Record<string, () => Subject> = {
  VirtualClock: () => {
    const clock = new VirtualClock();
    return { clock, pass: (ms) => clock.advance(ms) };
  },
  SystemClock: () => {
    const clock = new SystemClock();
    return { clock, pass: (ms) => new Promise((resolve) => void clock.setTimer(ms, resolve)) };
  },
};

for (const [name, create] of Object.entries(subjects)) {
  const conformance = suite(`clock: ${name}`);

  conformance("timers fire in order of their due time, ties in the order they were set", async () => {
    const { clock, pass } = create();
    const fired: string[] = [];
    clock.setTimer(6, () => fired.push("6"));
    clock.setTimer(2, () => fired.push("2"));
    clock.setTimer(0, () => fired.push("0"));
    clock.setTimer(-5, () => fired.push("less than 0"));
    assert.equal(fired, [], "never at once");
    await pass(20);
    const early = fired.slice(0, 2).sort();
    assert.equal(early, ["0", "less than 0"]);
    assert.equal(fired.slice(2), ["2", "6"]);
  });

  conformance("a cancelled timer never fires, and cancelling twice does nothing", async () => {
    const { clock, pass } = create();
    const fired: string[] = [];
    const timers: Timer[] = [1, 2, 3].map((delay) => clock.setTimer(delay, () => fired.push(String(delay))));
    timers[0]!.cancel();
    timers[0]!.cancel();
    timers[2]!.cancel();
    await pass(10);
    timers[1]!.cancel();
    assert.equal(fired, ["2"]);
  });

  conformance("a timer can set and cancel others while it fires", async () => {
    const { clock, pass } = create();
    const fired: string[] = [];
    clock.setTimer(1, () => {
      fired.push("first");
      clock.setTimer(1, () => fired.push("third"));
      second.cancel();
    });
    const second = clock.setTimer(1.5, () => fired.push("second"));
    await pass(20);
    assert.equal(fired, ["first", "third"]);
  });

  conformance("monotonic never goes back and now is a time of day", async () => {
    const { clock, pass } = create();
    const before = clock.monotonic();
    const wall = clock.now();
    await pass(3);
    assert.ok(clock.monotonic() - before >= 3);
    assert.ok(clock.now() >= wall);
    assert.ok(Number.isInteger(wall) && wall > Date.UTC(2020));
  });

  conformance("yield resumes once, after the code that asked for it", async () => {
    const { clock, pass } = create();
    let resumed = 0;
    clock.yield(() => resumed++);
    assert.is(resumed, 0);
    await pass(5);
    assert.is(resumed, 1);
  });

  conformance.run();
}

const virtual = suite("virtual clock");

virtual("time moves from event to event and runs all promise jobs in between", async () => {
  const clock = new VirtualClock({ epochMs: 1000 });
  const seen: string[] = [];
  clock.setTimer(500, () => {
    seen.push(`a at ${clock.now()}`);
    let chain = Promise.resolve();
    for (let i = 0; i < 50; i++) chain = chain.then(() => {});
    void chain.then(() => seen.push("end of a"));
  });
  clock.setTimer(500, () => seen.push(`b at ${clock.monotonic()}`));
  await clock.advance(499.9);
  assert.equal(seen, []);
  await clock.advance(0.1);
  assert.equal(seen, ["a at 1500", "end of a", "b at 500"]);
  assert.is(clock.runNext(), false);
});

virtual("a yield takes virtual time, so that a busy loop cannot stop it", async () => {
  const clock = new VirtualClock({ yieldMs: 0.5 });
  let turns = 0;
  const spin = () => {
    turns++;
    clock.yield(spin);
  };
  spin();
  await clock.advance(10);
  assert.is(turns, 21);
  assert.throws(() => new VirtualClock({ yieldMs: 0 }), /yieldMs must be more than 0/);
});

virtual("time that stands still is an error that says when, and a new time may have as many events again", async () => {
  const clock = new VirtualClock({ maxEventsAtOnce: 100 });
  let fired = 0;
  for (const dueMs of [1, 2]) for (let i = 0; i < 100; i++) clock.setTimer(dueMs, () => fired++);
  await clock.advance(3);
  assert.is(fired, 200);
  const again = () => void clock.setTimer(0, again);
  again();
  let said: unknown;
  await clock.advance(1).catch((error: unknown) => said = error);
  assert.ok(said instanceof SluiceError && said.code === "SIMULATION_LIMIT");
  assert.match(said.message, /^100 events took place at 3 ms, and there are more: time stands still/);
});

virtual("promise jobs that never let an event end are refused, and the run ends with an error that says when", async () => {
  const clock = new VirtualClock({ maxCallsInEvent: 1_000 });
  for (const dueMs of [1, 2]) {
    clock.setTimer(dueMs, () =>
      void (async () => {
        for (let i = 0; i < 900; i++) await clock.now();
      })());
  }
  await clock.advance(3);
  let turns = 0;
  let refusal: unknown;
  clock.setTimer(1, () =>
    void (async () => {
      for (;; turns++) await clock.monotonic();
    })().catch((error: unknown) => refusal = error));
  clock.setTimer(2, () => assert.unreachable("the event before never ended by itself"));
  let said: unknown;
  await clock.advance(5).catch((error: unknown) => said = error);
  assert.is(turns, 1_000);
  assert.ok(refusal instanceof SluiceError && refusal.code === "SIMULATION_LIMIT");
  assert.ok(said instanceof SluiceError && said.code === "SIMULATION_LIMIT");
  assert.match(said.message, /^one event, at 4 ms, and the promise jobs after it have asked the clock 1000 times, and go on/);
});

virtual("a process that asks its disk for ever within one event is refused", async () => {
  const clock = new VirtualClock({ maxCallsInEvent: 100 });
  const { disk } = new SimulatedProcess(clock, new SimulatedDisk());
  clock.setTimer(1, () =>
    void (async () => {
      for (;;) await disk.list("");
    })().catch(() => {}));
  clock.setTimer(2, () => {});
  let said: unknown;
  await clock.advance(3).catch((error: unknown) => said = error);
  assert.ok(said instanceof SluiceError && said.code === "SIMULATION_LIMIT");
});

virtual.run();

const queue = suite("timer queue");

queue("whatever is added and removed, the rest comes out by due time, ties in the order they were set", () => {
  const step = fc.record({ due: fc.integer({ min: 0, max: 30 }), remove: fc.option(fc.nat(60), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const timers = new TimerQueue();
      const model: { readonly due: number; readonly id: number; readonly timer: Timer }[] = [];
      const fired: number[] = [];
      steps.forEach(({ due, remove }, id) => {
        model.push({ due, id, timer: timers.add(due, () => fired.push(id)) });
        if (remove !== undefined) model.splice(remove % model.length, 1)[0]!.timer.cancel();
      });
      assert.is(timers.size, model.length);
      for (let fire = timers.takeDue(30); fire !== undefined; fire = timers.takeDue(30)) fire();
      const expected = model.sort((a, b) => a.due - b.due || a.id - b.id).map(({ id }) => id);
      assert.equal(fired, expected);
    }),
    { seed: 2, numRuns: 300 },
  );
});

queue.run();
