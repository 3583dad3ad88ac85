/** What is in flight follows the drain rate, at every depth: it is what an aligned barrier waits for. In virtual time. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { silent } from "../../actors/logger.ts";
import { settled, VirtualClock } from "../../actors/simulation/clock.ts";
import { type CheckpointFigures, type CheckpointMode, forEach, generate, job, start, type Stream, type } from "../../mod.ts";

const test = suite("in flight");

interface Sample {
  readonly n: number;
  readonly text: string;
}

/** The processing time of a record in the last operator. */
const workMs = 1;
const parallelism = 2;
const targetMs = 10;

/** source → (keyBy → pass) × (stages - 1) → keyBy → an operator that takes `workMs` for a record. */
function slowJob(stages: number, clock: VirtualClock) {
  return job("slow", (flow) => {
    let stream: Stream<Sample> = flow.from("numbers", generate({ make: (n): Sample => ({ n, text: "x".repeat(50) }) }));
    for (let stage = 1; stage < stages; stage++) {
      stream = stream.keyBy("n", (sample) => sample.n).process(`pass ${stage}`, {
        emits: type<Sample>(),
        onRecord: (sample, ctx) => ctx.emit(sample),
      });
    }
    stream.keyBy("n", (sample) => sample.n).process("slow", {
      emits: type<Sample>(),
      onRecord: () => new Promise<void>((resolve) => clock.setTimer(workMs, resolve)),
    }).to("out", forEach(() => {}));
  }, { parallelism });
}

/** Takes a checkpoint of the job after each of the given times, and gives what they cost. */
async function checkpointsAt(stages: number, mode: CheckpointMode, timesMs: readonly number[]): Promise<CheckpointFigures[]> {
  const clock = new VirtualClock();
  const starting = start(slowJob(stages, clock), { clock, log: silent, checkpoints: { mode }, channels: { targetMs } });
  let over = false;
  const playing = (async () => {
    while (!over) {
      await settled();
      clock.runNext();
    }
  })();
  const run = await starting;
  const figures: CheckpointFigures[] = [];
  const collecting = (async () => {
    for await (const event of run.events) if (event.kind === "checkpoint-completed") figures.push(event.figures);
  })();
  try {
    for (const atMs of timesMs) {
      await new Promise<void>((resolve) => clock.setTimer(atMs - clock.monotonic(), resolve));
      await run.checkpoint();
    }
  } finally {
    await run.cancel();
    over = true;
    await Promise.all([playing, collecting]);
  }
  return figures;
}

/** The window of a channel, in records: what its receiver does in `targetMs`, shared by the senders of that receiver. */
const windowRecords = targetMs / workMs / parallelism;

/** A window may be half full when a frame of half a window goes, and a drain rate is seen a little too high. */
const perStage = parallelism * parallelism * (2 * windowRecords + 1);

for (const stages of [1, 3, 5]) {
  test(`an unaligned checkpoint before a slow operator captures little, with ${stages} stages`, async () => {
    const figures = await checkpointsAt(stages, "unaligned", [1_500, 1_530, 1_560, 1_600]);
    assert.is(figures.length, 4);
    for (const { inFlightRecords } of figures) {
      assert.ok(inFlightRecords > 0, "nothing in flight: the operator was not slow");
      assert.ok(inFlightRecords <= stages * perStage, `${inFlightRecords} records in flight, ${stages * perStage} allowed`);
    }
  });

  test(`an aligned barrier waits for little, with ${stages} stages`, async () => {
    const figures = await checkpointsAt(stages, "aligned", [1_500, 1_700, 1_900]);
    for (const { endToEndMs } of figures) {
      assert.ok(endToEndMs <= stages * 3 * targetMs, `${endToEndMs} ms for ${stages} stages`);
    }
  });
}

test("a deep graph is not flooded before the slowness of its last operator shows", async () => {
  const [first] = await checkpointsAt(5, "aligned", [20]);
  assert.ok((first as CheckpointFigures).endToEndMs < 500, `${first?.endToEndMs} ms`);
});

test.run();
