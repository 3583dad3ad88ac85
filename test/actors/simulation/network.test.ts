import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../../actors/seeded_random.ts";
import { VirtualClock } from "../../../actors/simulation/clock.ts";
import { type NetworkFaults, SimulatedNetwork } from "../../../actors/simulation/network.ts";

const network = suite("simulated network");

function joined(faults: Partial<NetworkFaults>, seed = "n") {
  const clock = new VirtualClock();
  const net = new SimulatedNetwork({ clock, random: new SeededRandom(seed), faults });
  const [a, b] = [net.connect("a"), net.connect("b")];
  const seen: number[] = [];
  b.subscribe("s", ({ bytes }) => seen.push(bytes[0]! * 256 + bytes[1]!));
  const send = (n: number) => a.publish("s", new Uint8Array([n >> 8, n & 255]));
  return { clock, net, a, b, seen, send };
}

async function stream(count: number, faults: Partial<NetworkFaults>, seed?: string) {
  const world = joined(faults, seed);
  await world.clock.advance(100);
  for (let n = 0; n < count; n++) {
    world.send(n);
    await world.clock.advance(1);
  }
  await world.clock.advance(1000);
  return world;
}

network("loss comes in bursts and leaves the order of the rest", async () => {
  const { seen, net } = await stream(2000, { lossRate: 0.005, burstMs: 20 });
  assert.ok(seen.every((n, i) => i === 0 || n > seen[i - 1]!));
  const lost = 2000 - seen.length;
  assert.is(net.counts.lost, lost);
  const bursts = seen.filter((n, i) => i > 0 && n > seen[i - 1]! + 1).length;
  assert.ok(bursts >= 3 && lost / bursts > 5, `${lost} lost in ${bursts} bursts`);
});

network("duplicates arrive right after the first", async () => {
  const { seen, net } = await stream(1000, { duplicateRate: 0.2 });
  assert.ok(seen.every((n, i) => i === 0 || n === seen[i - 1] || n === seen[i - 1]! + 1));
  assert.is(seen.length - 1000, net.counts.duplicated);
  assert.ok(net.counts.duplicated > 100);
});

network("corruption flips one bit and never shows in the publisher's bytes", async () => {
  const { clock, net, a, b } = joined({ corruptRate: 1 });
  const got: number[] = [];
  b.subscribe("zero", ({ bytes }) => got.push(bytes.reduce((ones, byte) => ones + byte.toString(2).split("1").length - 1, 0)));
  await clock.advance(100);
  const zero = new Uint8Array(16);
  for (let i = 0; i < 20; i++) a.publish("zero", zero);
  await clock.advance(100);
  assert.equal(got, new Array(20).fill(1));
  assert.ok(zero.every((byte) => byte === 0));
  assert.is(net.counts.corrupted, 20);
});

network("a cut loses what is under way, in one direction only if asked, until it is healed", async () => {
  const { clock, net, a, b, seen, send } = joined({ minDelayMs: 10, meanDelayMs: 0 });
  const back: number[] = [];
  a.subscribe("back", ({ bytes }) => back.push(bytes[0]!));
  await clock.advance(100);
  send(1);
  await clock.advance(5);
  const heal = net.cut(["a"], ["b"], { oneWay: true });
  send(2);
  b.publish("back", new Uint8Array([7]));
  await clock.advance(50);
  assert.equal(seen, []);
  assert.equal(back, [7]);
  heal();
  send(3);
  await clock.advance(50);
  assert.equal(seen, [3]);
  net.isolate("b");
  b.publish("back", new Uint8Array([8]));
  await clock.advance(50);
  assert.equal(back, [7]);
});

network(
  "a broken connection loses what is under way and what is published, until it is back with its subscriptions",
  async () => {
    const { clock, net, a, b, seen, send } = joined({ minDelayMs: 10, meanDelayMs: 0 });
    await clock.advance(100);
    send(1);
    await clock.advance(5);
    const connect = net.disconnect();
    assert.equal([a.connected, b.connected], [false, false]);
    const connectOne = net.disconnect(["b"]);
    send(2);
    await clock.advance(50);
    connect();
    assert.equal([a.connected, b.connected], [true, false]);
    send(3);
    await clock.advance(50);
    connectOne();
    assert.ok(b.connected);
    await clock.advance(5);
    assert.equal(seen, []);
    send(4);
    await clock.advance(50);
    assert.equal(seen, [4]);
    assert.is(net.counts.lost, 3);
  },
);

network("bytes that a handler kept are overwritten once it has returned", async () => {
  const { clock, a, b } = joined({});
  let kept = new Uint8Array();
  b.subscribe("keep", ({ bytes }) => kept = bytes as Uint8Array<ArrayBuffer>);
  await clock.advance(100);
  a.publish("keep", new Uint8Array([1, 2]));
  await clock.advance(100);
  assert.equal([...kept], [0xaa, 0xaa]);
});

network("the same seed gives the same arrivals, another seed others", async () => {
  const faults = { lossRate: 0.01, duplicateRate: 0.1, meanDelayMs: 5 };
  const [first, again, other] = [await stream(300, faults), await stream(300, faults), await stream(300, faults, "m")];
  assert.equal(first.seen, again.seen);
  assert.not.equal(first.seen, other.seen);
});

network("rates and times out of range are refused", () => {
  const clock = new VirtualClock();
  const create = (faults: Partial<NetworkFaults>) => new SimulatedNetwork({ clock, random: new SeededRandom(1), faults });
  for (
    const faults of [{ lossRate: 2 }, { duplicateRate: -1 }, { corruptRate: NaN }, { minDelayMs: -1 }, { burstMs: Infinity }]
  ) {
    assert.throws(() => create(faults), /out of range/);
  }
});

network.run();
