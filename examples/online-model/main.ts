/**
 * A model that is trained while it runs, and fails half-way: `npx tsx examples/online-model/main.ts`, or the same with
 * `deno run -A` or `bun`. It prints:
 *
 * ```text
 * failed at flight 10000: the trainer trips
 * went on from checkpoint …
 * 20000 flights learnt from, mean error of the last 1000: … minutes
 * the parameters are those of a plain loop, bit for bit: true
 * ```
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { memorySink, start } from "sluice";
import { flightsFile, type Lesson, onlineModelJob } from "./job.ts";
import { type Example, learn, untrained } from "./model.ts";

const sink = memorySink<Lesson>();
let armed = true;
const training = onlineModelJob({
  sink,
  ratePerSecond: 10_000,
  onFlight(seen) {
    if (!armed || seen < 10_000) return;
    armed = false;
    throw new Error("the trainer trips");
  },
});

await using run = await start(training, { checkpoints: { mode: "aligned", intervalMs: 100 }, log: () => {} });
for await (const event of run.events) {
  if (event.kind === "failed") console.log(`failed at flight 10000: the trainer trips`);
  if (event.kind === "started" && event.attempt > 1) console.log(`went on from checkpoint ${event.checkpoint}`);
}
await run.finished;

let model = untrained;
for (const flight of JSON.parse(readFileSync(flightsFile, "utf8")) as Example[]) model = learn(model, flight).model;
const { values } = sink;
const last = values.slice(-1_000);
const error = last.reduce((sum, { actual, predicted }) => sum + Math.abs(actual - predicted), 0) / last.length;
const weights = values.at(-1)?.model.weights ?? [];
console.log(`${values.length} flights learnt from, mean error of the last 1000: ${error.toFixed(1)} minutes`);
console.log(
  `the parameters are those of a plain loop, bit for bit: ${weights.every((one, at) => Object.is(one, model.weights[at]))}`,
);
