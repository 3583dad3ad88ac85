import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { flightsFile, type Lesson, onlineModelJob } from "../../examples/online-model/job.ts";
import { type Example, learn, type Model, untrained } from "../../examples/online-model/model.ts";
import { type CheckpointMode, memorySink, start } from "../../mod.ts";

const test = suite("the online model example");

const flights = JSON.parse(readFileSync(flightsFile, "utf8")) as Example[];

/** The model after each flight, by a plain loop. */
function plainLoop(): Model[] {
  let model: Model = untrained;
  return flights.map((flight) => (model = learn(model, flight).model));
}

const bitsOf = (models: readonly Model[]): Uint8Array =>
  new Uint8Array(Float64Array.from(models.flatMap(({ weights, seen }) => [...weights, seen])).buffer);

for (const mode of ["aligned", "unaligned"] as const satisfies readonly CheckpointMode[]) {
  test(`${mode}: it fails twice, goes on from checkpoints, and every model is that of a plain loop, bit for bit`, async () => {
    const sink = memorySink<Lesson>();
    const failures = [14_000, 7_000];
    const training = onlineModelJob({
      sink,
      onFlight(seen) {
        if (seen !== failures.at(-1)) return;
        failures.pop();
        throw new Error(`trips at flight ${seen}`);
      },
    });
    const restart = { kind: "fixed-delay", maxRestarts: 2, delayMs: 0 } as const;
    await using run = await start(training, { checkpoints: { mode, intervalMs: 5 }, restart, log: () => {} });
    await run.finished;
    assert.is(failures.length, 0);
    assert.is(sink.values.length, flights.length);
    assert.ok(Buffer.compare(bitsOf(sink.values.map(({ model }) => model)), bitsOf(plainLoop())) === 0);
  });
}

test.run();
