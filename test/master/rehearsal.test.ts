import { suite } from "uvu";
import * as assert from "uvu/assert";
import { forEach, job, type JobEvent, memorySource, type } from "../../mod.ts";
import type { CheckpointMode } from "../../runtime/checkpoint/manifest.ts";
import { decodeManifest } from "../../runtime/checkpoint/manifest_codec.ts";
import { plan } from "../../runtime/graph/planner.ts";
import { Attempt } from "../../runtime/master/attempt.ts";
import { madeUpCheckpoints } from "../../runtime/master/rehearsal.ts";
import { runRehearsal } from "../../runtime/master/rehearsal_job.ts";
import { Stage } from "../scenarios/stage.ts";

const rehearsal = suite("rehearsal of checkpoints");

const numbers = job("numbers", (flow) => {
  flow.from("numbers", memorySource([1, 2, 3]))
    .keyBy("parity", (n) => n % 2)
    .process("pass", { emits: type<number>(), onRecord: (n, ctx) => ctx.emit(n) })
    .to("sink", forEach(() => {}));
});

const withLoop = job("with-loop", (flow) => {
  flow.from("numbers", memorySource([1, 2, 3])).iterate("halve", (loop) => {
    const halved = loop.map((n) => Math.floor(n / 2));
    return { feedback: halved.filter((n) => n > 0), output: halved };
  }).to("sink", forEach(() => {}));
});

rehearsal("what is made up goes through the proof and the manifest like what is reported, in every mode", () => {
  const modes: readonly CheckpointMode[] = ["aligned", "unaligned", "at-least-once", { alignedTimeoutMs: 500 }];
  for (const { graph } of [numbers, withLoop]) {
    const attempt = new Attempt(1, "life", plan(graph, { parallelism: 2 }), undefined);
    for (const mode of modes) {
      let manifests = 0;
      let captured = 0;
      for (const bytes of madeUpCheckpoints(attempt, mode)) {
        if (bytes === undefined) continue;
        const decoded = decodeManifest(bytes);
        if (decoded.kind === "damaged") throw new Error(`${JSON.stringify(mode)}: ${decoded.reason}`);
        manifests++;
        const { channels } = decoded.manifest;
        assert.is(channels.length, attempt.channels.length);
        for (const channel of channels) captured += channel.captured.length;
      }
      assert.is(manifests, 60);
      if (mode === "unaligned") assert.ok(captured > 0, "nothing was in flight");
    }
  }
});

/** Plays it in virtual time until nobody wants it, and gives the events of its run. */
async function played(isOver: (completed: number) => boolean): Promise<readonly JobEvent[]> {
  const stage = new Stage();
  const completed = (): number => stage.events.filter(({ kind }) => kind === "checkpoint-completed").length;
  await stage.settle(runRehearsal(stage.clock, (job) => stage.start(job), () => isOver(completed())));
  return stage.events;
}

rehearsal(
  "the job through which nothing flows completes its checkpoints, each with every subtask's share, and ends",
  async () => {
    const events = await played(() => false);
    const completed = events.filter((event) => event.kind === "checkpoint-completed");
    assert.is(completed.length, 40);
    for (const { figures } of completed) {
      assert.ok(figures.subtasks.length >= 6, `${figures.subtasks.length} subtasks`);
      for (const { counts } of figures.subtasks) assert.equal(counts, {});
      assert.is(figures.inFlightRecords, 0);
    }
    assert.is(events.at(-1)?.kind, "given-up");
  },
);

rehearsal("the job through which nothing flows ends when nobody wants it any more", async () => {
  const events = await played((completed) => completed >= 3);
  assert.is(events.filter(({ kind }) => kind === "checkpoint-completed").length, 3);
  assert.is(events.at(-1)?.kind, "given-up");
});

rehearsal.run();
