import { suite } from "uvu";
import * as assert from "uvu/assert";
import { forEach, job, memorySource, type } from "../../mod.ts";
import type { CheckpointMode } from "../../runtime/checkpoint/manifest.ts";
import { decodeManifest } from "../../runtime/checkpoint/manifest_codec.ts";
import { plan } from "../../runtime/graph/planner.ts";
import { Attempt } from "../../runtime/master/attempt.ts";
import { madeUpCheckpoints } from "../../runtime/master/rehearsal.ts";

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

rehearsal.run();
