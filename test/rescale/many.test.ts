/**
 * Fault 44: from 7 to 2 and from 2 to 7 out of unaligned checkpoints, over and over, each time under another
 * schedule. 1,000 seeds take a minute and a half (`--seeds 1000`).
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { takesUpTo } from "../limit.ts";
import { Stage } from "../scenarios/stage.ts";
import { seeds } from "../seeds.ts";
import { rescaleJob } from "./jobs.ts";

takesUpTo(600_000);

const test = suite("fault 44: many rescales");
const chunkSeeds = 50;
const all = seeds(200, 20);
let captured = 0;
let runs = 0;

/** One rescale with what is under way; says how much that was. */
async function rescaled(seed: number): Promise<number> {
  const random = new SeededRandom(`fault 44, ${seed}`);
  const stage = new Stage(1 + random.int(16));
  const { job, judge } = rescaleJob(stage, seed % 2 === 0 ? "keyed" : "broadcast", 30 + random.int(60));
  const [before, after] = random.chance(0.5) ? [7, 2] : [2, 7];
  const run = await stage.start(job, { parallelism: before, checkpoints: { mode: "unaligned" } });
  await stage.clock.advance(0.5 + random.next() * 4);
  const id = await stage.settle(run.checkpoint());
  stage.kill();
  const restored = await stage.start(job, { parallelism: after, checkpoints: { mode: "unaligned" } });
  await stage.settle(restored.finished);
  judge();
  return stage.figures(id).inFlightRecords;
}

for (let at = 0; at < all.length; at += chunkSeeds) {
  const chunk = all.slice(at, at + chunkSeeds);
  test(`44: keyed and broadcast, seeds ${chunk[0]} to ${chunk.at(-1)}: nothing is lost, repeated or out of order`, async () => {
    for (const seed of chunk) {
      runs++;
      try {
        if (await rescaled(seed) > 0) captured++;
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  });
}

test("44: nearly all of them had records under way", () => {
  assert.ok(captured > runs * 0.8, `${captured} of ${runs}`);
});

test.run();
