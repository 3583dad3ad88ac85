import { suite } from "uvu";
import * as assert from "uvu/assert";
import { forEach, type } from "../../mod.ts";
import type { Manifest } from "../../runtime/checkpoint/manifest.ts";
import { alteredStorage } from "../scenarios/altered_storage.ts";
import { meeting } from "../scenarios/meeting.ts";
import { Stage } from "../scenarios/stage.ts";

const ahead = suite("manifests that are written down beforehand");

/** A job with records under way, and what its store is asked in order; making data durable takes 20 ms. */
async function staged() {
  const stage = new Stage();
  const fuse = { burns: false };
  const { quick, late, pipeline } = meeting(stage, 3, (records) => {
    records.process("fuse", {
      emits: type<never>(),
      onRecord() {
        const { burns } = fuse;
        fuse.burns = false;
        if (burns) throw new Error("on purpose");
      },
    }).to("nothing", forEach(() => {}));
  });
  const log: string[] = [];
  const manifests: Manifest[] = [];
  const run = await stage.start(pipeline, {
    checkpoints: { mode: "unaligned", timeoutMs: 1_000 },
    storage: (real) =>
      alteredStorage(real, (store) => ({
        createData(id, attempt) {
          const writer = store.createData(id, attempt);
          const { seal } = writer;
          writer.seal = async () => {
            const file = await seal.call(writer);
            await stage.sleep(20);
            log.push("durable");
            return file;
          };
          return writer;
        },
        prepare(manifest) {
          log.push("prepare");
          manifests.push(manifest);
          store.prepare?.(manifest);
        },
        forget(manifest) {
          log.push("forget");
          return store.forget?.(manifest) ?? Promise.resolve();
        },
        complete(manifest) {
          log.push("complete");
          manifests.push(manifest);
          return store.complete(manifest);
        },
      })),
  });
  quick.give(10);
  late.give(10);
  await stage.advance(2);
  return { stage, run, log, manifests, fail: () => (fuse.burns = true, quick.give(1)) };
}

const written = (stage: Stage, name: string): boolean => [...stage.disk.files().keys()].some((path) => path.endsWith(name));

ahead("that is while data is made durable; the checkpoint is complete only after that", async () => {
  const { stage, run, log, manifests } = await staged();
  const taken = run.checkpoint();
  await stage.until(() => log.length > 0, "the manifest");
  await stage.advance(5);
  assert.equal(log, ["prepare"]);
  assert.ok(written(stage, "/manifest.json.tmp"));
  assert.not.ok(written(stage, "/manifest.json"));
  assert.equal(stage.of("checkpoint-completed"), []);
  const id = await stage.settle(taken);
  assert.equal(log, ["prepare", "durable", "complete"]);
  assert.is(manifests[0], manifests[1], "it is what was written down");
  stage.assertCaptured(id);
  await stage.leave(run);
});

ahead("an attempt that fails meanwhile lets go of it", async () => {
  const { stage, run, log, fail } = await staged();
  const taken = run.checkpoint();
  await stage.until(() => log.length > 0, "the manifest");
  fail();
  await stage.until(() => stage.of("restarting").length > 0, "the restart");
  assert.equal(log.slice(0, 2), ["prepare", "forget"]);
  await stage.advance(1);
  assert.not.ok([...stage.disk.files().keys()].some((path) => path.includes("chk-1-") && path.includes("manifest")));
  assert.is(await stage.settle(taken), 2, "and the next attempt completes what was asked for");
  assert.equal(log.filter((what) => what !== "durable"), ["prepare", "forget", "prepare", "complete"]);
  await stage.leave(run);
});

ahead("a savepoint has none", async () => {
  const { stage, run, log } = await staged();
  await stage.settle(run.savepoint("/savepoint"));
  assert.equal(log, ["durable"]);
  await stage.leave(run);
});

ahead.run();
