import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ActorRef } from "../../../actors/ref.ts";
import { settled } from "../../../actors/simulation/clock.ts";
import { World } from "../../../actors/simulation/world.ts";

const world = suite("world");

async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("did not reject");
}

/** Several actors that tell each other numbers, some with a promise in between; gives the order of everything. */
async function chatter(seed: number, promises = 1): Promise<{ order: string[]; hash: string }> {
  const sim = new World(seed);
  const system = sim.system("chat");
  const order: string[] = [];
  const refs: ActorRef<number>[] = [];
  for (let i = 0; i < 5; i++) {
    refs.push(system.spawn<number>(`a${i}`, () => ({
      async receive(n, context) {
        order.push(`${i}:${n}`);
        if (n % 3 === 0) { for (let wait = 0; wait < promises; wait++) await undefined; }
        if (n < 12) refs[context.random.int(5)]!.tell(n + 1);
        if (n % 4 === 0) context.setTimer(context.random.int(50), 12);
      },
    })));
  }
  for (const ref of refs) ref.tell(0);
  await sim.run(() => order.length >= 80, { maxMs: 10_000 });
  await sim.run(system.shutdown());
  return { order, hash: sim.trace.hash };
}

world("the same seed gives the same order of everything, and the same trace", async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 10; seed++) {
    const [first, again] = [await chatter(seed), await chatter(seed)];
    assert.equal(first.order, again.order, `seed ${seed}`);
    assert.is(first.hash, again.hash, `seed ${seed}`);
    orders.add(first.order.join());
  }
  assert.is(orders.size, 10, "different seeds give different orders");
});

world("the trace of a seed is the same in every runtime", async () => {
  assert.is((await chatter(1)).hash, "b6791bd7");
});

world("the length of a promise chain does not change the order between actors", async () => {
  for (let seed = 0; seed < 5; seed++) {
    assert.equal((await chatter(seed, 1)).order, (await chatter(seed, 7)).order, `seed ${seed}`);
  }
});

world("hours of virtual time pass in no time", async () => {
  const sim = new World("hours");
  let ticks = 0;
  sim.system("s").spawn<"tick">("clock", () => ({
    start: (context) => void context.setTimer(60_000, "tick"),
    receive(_, context) {
      ticks++;
      context.setTimer(60_000, "tick");
    },
  }));
  await sim.pass(24 * 3600_000);
  assert.ok(ticks >= 1438 && ticks <= 1440, String(ticks));
});

world("run gives what its promise gives and rejects with what it rejects with", async () => {
  const sim = new World("goal");
  const later = <T>(value: T) => new Promise<T>((resolve) => void sim.clock.setTimer(10, () => resolve(value)));
  assert.is(await sim.run(later("x")), "x");
  assert.is(await sim.run(() => later("y")), "y");
  assert.is((await rejection(sim.run(later(0).then(() => Promise.reject(new Error("no")))))).message, "no");
});

world("a run in which nothing is left to happen says which actors wait", async () => {
  const sim = new World("stuck");
  const system = sim.system("s");
  const stuck = system.spawn<string>("waiter", () => ({ receive: () => new Promise<void>(() => {}) }));
  system.spawn<string>("idle", () => ({ receive: () => {} }));
  stuck.tell("wait");
  stuck.tell("never read");
  const error = await rejection(sim.run(() => false));
  assert.is(error.code, "SIMULATION_STUCK");
  assert.match(error.message, /world stuck at .* nothing is left to happen/);
  assert.match(error.message, /waiter: live, pending, ready/);
  assert.match(error.message, /idle: live/);
});

world("a run ends at its limits", async () => {
  const sim = new World("limits");
  const spin = () => sim.clock.yield(spin);
  spin();
  assert.is((await rejection(sim.run(() => false, { maxEvents: 50 }))).code, "SIMULATION_LIMIT");
  assert.is((await rejection(sim.run(new Promise(() => {}), { maxMs: 5 }))).code, "SIMULATION_LIMIT");
  await settled();
});

world.run();
