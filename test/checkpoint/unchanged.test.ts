/** Checkpoints between which nothing happens: they say little, and what they say is whole. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SimulatedDisk } from "../../actors/simulation/mod.ts";
import { type CheckpointFigures, job, type JobEvent, memorySink, start, type StartOptions, type, value } from "../../mod.ts";
import { HandSource, type Numbered } from "../scenarios/hand_source.ts";

const unchanged = suite("checkpoints between which nothing happens");
const keys = 20;

/** Each key counts; a promise for the time when so many records have been counted. */
function counting() {
  const source = new HandSource("a");
  const sink = memorySink<string>();
  let counted = 0;
  let wanted: { readonly count: number; readonly resolve: () => void } | undefined;
  const counts = job("counting", (flow) =>
    flow.from("in", source)
      .keyBy("key", ({ n }) => n % keys)
      .process("count", {
        state: { seen: value(type<number>(), 0) },
        emits: type<string>(),
        onRecord({ n }: Numbered, ctx) {
          ctx.state.seen.set(ctx.state.seen.get() + 1);
          ctx.emit(`${n % keys}: ${ctx.state.seen.get()}`);
          if (++counted === wanted?.count) wanted.resolve();
        },
      })
      .to("out", sink), { parallelism: 2 });
  return {
    counts,
    source,
    sink,
    /** Gives each key a record, and waits until all are counted. */
    async round(): Promise<void> {
      const all = new Promise<void>((resolve) => wanted = { count: counted + keys, resolve });
      source.give(keys);
      await all;
    },
  };
}

const optionsOn = (disk: SimulatedDisk): StartOptions => ({
  disk,
  checkpoints: { mode: "unaligned", directory: "/checkpoints", baseEvery: 4, retain: 2 },
});

unchanged("nothing of keyed state is written again, and a job goes on from the last one, and from those after it", async () => {
  const disk = new SimulatedDisk();
  const { counts, source, sink, round } = counting();
  const figures: CheckpointFigures[] = [];
  const collect = async (events: AsyncIterable<JobEvent>) => {
    for await (const event of events) if (event.kind === "checkpoint-completed") figures.push(event.figures);
  };
  const first = await start(counts, optionsOn(disk));
  const collected = collect(first.events);
  await round();
  for (let n = 0; n < 11; n++) await first.checkpoint();
  await first.cancel();
  await collected;
  const ofState = figures.map(({ subtasks }) => {
    const own = subtasks.filter(({ task }) => task.includes("count"));
    return { written: own.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0), state: own.map((of) => of.stateBytes) };
  });
  // The first two have what the sink commits, and the first whole one is in smaller chunks than those that follow. The fourth
  // after a whole one is whole again: none needs files of any age.
  const settled = ofState.slice(6);
  const most = Math.max(...settled.map(({ written }) => written));
  assert.equal(settled.map(({ written }) => written === most), [false, false, true, false, false]);
  for (const { written, state } of settled) {
    if (written < most) assert.ok(written < most / 3, `${written} of ${most} bytes`);
    assert.equal(state, settled[0]?.state, "all of the state is there to be read");
  }

  const second = await start(counts, optionsOn(disk));
  await round();
  await second.checkpoint();
  await second.checkpoint();
  await second.cancel();
  const third = await start(counts, optionsOn(disk));
  await round();
  source.end();
  await third.finished;
  const expected = Array.from({ length: 3 * keys }, (_, n) => `${n % keys}: ${1 + Math.floor(n / keys)}`);
  assert.equal([...sink.values].sort(), expected.sort());
});

unchanged("what happens in one of them shows, though the others are as they were", async () => {
  const disk = new SimulatedDisk();
  const { counts, source, sink, round } = counting();
  const first = await start(counts, optionsOn(disk));
  await round();
  await first.checkpoint();
  await first.checkpoint();
  await round();
  await first.checkpoint();
  await first.checkpoint();
  await first.cancel();
  const second = await start(counts, optionsOn(disk));
  source.end();
  await second.finished;
  const expected = Array.from({ length: 2 * keys }, (_, n) => `${n % keys}: ${1 + Math.floor(n / keys)}`);
  assert.equal([...sink.values].sort(), expected.sort());
});

unchanged.run();
