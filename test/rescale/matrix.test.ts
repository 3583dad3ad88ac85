/** Every way of dealing records out, from one parallelism to another, out of snapshots that hold records under way. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { takesUpTo } from "../limit.ts";
import { Stage } from "../scenarios/stage.ts";
import { rescaleJob, ways } from "./jobs.ts";

takesUpTo(300_000);

const pairs = [[1, 2], [2, 3], [3, 7], [7, 3], [12, 7], [7, 12], [20, 21], [21, 20], [3, 2], [2, 1]] as const;

for (const way of ways) {
  const matrix = suite(`rescale: ${way}`);

  for (const [before, after] of pairs) {
    matrix(`${way}: from ${before} to ${after}, nothing is lost, repeated or out of order`, async () => {
      const stage = new Stage();
      const { job, judge } = rescaleJob(stage, way, 240);
      const run = await stage.start(job, { parallelism: before, checkpoints: { mode: "unaligned" } });
      await stage.clock.advance(4);
      const id = await stage.settle(run.checkpoint());
      assert.ok(stage.figures(id).inFlightRecords > 0, "nothing was under way");
      stage.kill();

      const restored = await stage.start(job, { parallelism: after, checkpoints: { mode: "unaligned" } });
      await stage.settle(restored.finished);
      stage.assertRecovered();
      judge();
    });
  }

  matrix(`${way}: a checkpoint while recovered records are being read, from 3 to 7 to 2 (fault 44)`, async () => {
    const stage = new Stage();
    const { job, judge } = rescaleJob(stage, way, 240);
    for (const [parallelism, ms] of [[3, 4], [7, 0.5], [2, 0.5]] as const) {
      const run = await stage.start(job, { parallelism, checkpoints: { mode: "unaligned" } });
      await stage.clock.advance(ms);
      const id = await stage.settle(run.checkpoint());
      assert.ok(stage.figures(id).inFlightRecords > 0, `nothing was under way at parallelism ${parallelism}`);
      stage.kill();
    }
    const restored = await stage.start(job, { parallelism: 7, checkpoints: { mode: "unaligned" } });
    await stage.settle(restored.finished);
    stage.assertRecovered();
    judge();
  });

  matrix(`${way}: run.rescale goes on with another parallelism, and the run stays the same`, async () => {
    const stage = new Stage();
    const { job, judge } = rescaleJob(stage, way, 240);
    const run = await stage.start(job, { parallelism: 2, checkpoints: { mode: "unaligned" } });
    for (const parallelism of [5, 1]) {
      await stage.clock.advance(3);
      await stage.settle(run.rescale(parallelism));
    }
    await stage.settle(run.finished);
    assert.equal(stage.of("rescaling").map((event) => event.parallelism), [5, 1]);
    assert.is(stage.of("started").length, 3);
    assert.ok(stage.of("started").some(({ inFlightRecords }) => inFlightRecords > 0));
    judge();
  });

  matrix.run();
}
