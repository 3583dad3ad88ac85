import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SimulatedDisk } from "../../actors/simulation/disk.ts";
import { World } from "../../actors/simulation/world.ts";
import { generate, job, jsonlSink, memorySink, memoryStorage, type Sink, start, type StartOptions } from "../../mod.ts";

const test = suite("going back behind what a sink has shown");

const records = 60;

const numbers = (sink: Sink<number>) =>
  job("numbers", (flow) => {
    flow.from("numbers", generate({ count: records, ratePerSecond: 1_000, splits: 1, make: (n) => n })).to("out", sink);
  });

/** Three checkpoints, then a run from the first that ends before it completes another, then one from the newest there is. */
async function backAndForth(world: World, sink: Sink<number>, options: StartOptions): Promise<void> {
  const begin = async (more: StartOptions = {}) => {
    const run = await world.run(start(numbers(sink), { ...options, ...more }));
    assert.ok(run !== undefined);
    return run;
  };
  const first = await begin();
  const ids: number[] = [];
  for (let times = 0; times < 3; times++) {
    await world.pass(10);
    ids.push(await world.run(first.checkpoint()) as number);
  }
  await world.run(first.cancel());
  const second = await begin({ from: ids[0] as number });
  await world.run(second.cancel());
  const third = await begin();
  await world.run(third.finished);
}

const expected = Array.from({ length: records }, (_, n) => n);

test("what it takes back is not lost when the next attempt begins anew: a sink in memory", async () => {
  const world = new World("back in memory");
  const sink = memorySink<number>();
  await backAndForth(world, sink, { clock: world.clock, random: world.random, checkpoints: { storage: memoryStorage() } });
  assert.equal([...sink.values].sort((a, b) => a - b), expected);
});

test("what it takes back is not lost when the next attempt begins anew: a sink of files", async () => {
  const world = new World("back in files");
  const disk = new SimulatedDisk({ clock: world.clock, random: world.random.fork("disk") });
  const checkpoints = { storage: memoryStorage() };
  await backAndForth(world, jsonlSink<number>("out"), { clock: world.clock, random: world.random, disk, checkpoints });
  const parts = [...disk.files()].filter(([path]) => path.startsWith("/out/part-"));
  const lines = parts.flatMap(([, bytes]) => new TextDecoder().decode(bytes).trim().split("\n").map(Number));
  assert.equal(lines.sort((a, b) => a - b), expected);
});

test.run();
