import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CheckpointStorage, SluiceError } from "../../mod.ts";
import type { DataWriter } from "../../runtime/checkpoint/storage.ts";
import { alteredStorage } from "./altered_storage.ts";
import { nameOf } from "./hand_source.ts";
import { meeting } from "./meeting.ts";
import { Stage } from "./stage.ts";

const test = suite("aborts, declines, timeouts and failures");

/** Keeps account of the data files that are being written, by the checkpoint they belong to. */
function watchWriters(real: CheckpointStorage, open: Map<DataWriter, number>): CheckpointStorage {
  return alteredStorage(real, (store) => ({
    createData(id, attempt) {
      const inner = store.createData(id, attempt);
      const writer: DataWriter = {
        append: (bytes) => inner.append(bytes),
        get backlogBytes() {
          return inner.backlogBytes;
        },
        drained: () => inner.drained(),
        seal: () => inner.seal().finally(() => open.delete(writer)),
        discard: () => inner.discard().finally(() => open.delete(writer)),
      };
      open.set(writer, id);
      return writer;
    },
  }));
}

test("an abort unblocks the inputs that wait at the barrier, and the late barrier blocks nothing", async () => {
  const stage = new Stage();
  const { quick, late, pipeline, quickSeen, sink, pace } = meeting(stage, 10);
  const run = await stage.start(pipeline, { checkpoints: { mode: "aligned", timeoutMs: 15, tolerableFailures: 10 } });
  late.give(5);
  quick.give(2);
  await stage.until(() => quickSeen() === 2, "the quick records");
  const taken = run.checkpoint();
  await stage.until(() => stage.of("checkpoint-triggered").length === 1, "the trigger");
  await stage.advance(1);
  quick.give(4);
  await stage.advance(5);
  assert.is(quickSeen(), 2, "records behind the barrier wait for the slow way");
  await stage.until(() => stage.of("checkpoint-aborted").length === 1, "the abort");
  await stage.advance(2);
  assert.is(quickSeen(), 6, "what had waited flows, though the slow way has not delivered its barrier yet");
  pace.delayMs = 0;
  const id = await stage.settle(taken);
  assert.ok(id >= 2, "a request that was aborted is tried again");
  quick.give(3);
  await stage.until(() => quickSeen() === 9, "records after the late barrier");
  late.end();
  quick.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), [...quick.records, ...late.records].sort());
});

test("a checkpoint that takes too long is aborted and leaves no file, also of what comes too late", async () => {
  const stage = new Stage();
  const { quick, late, pipeline, sink, pace } = meeting(stage, 50);
  const writers = new Map<DataWriter, number>();
  const run = await stage.start(pipeline, {
    checkpoints: { mode: "unaligned", timeoutMs: 20, tolerableFailures: 10 },
    storage: (real) => watchWriters(real, writers),
  });
  late.give(10);
  quick.give(2);
  await stage.until(() => sink.written.length >= 2, "the quick records");
  const taken = run.checkpoint();
  await stage.until(() => stage.of("checkpoint-aborted").length === 1, "the abort");
  await stage.advance(60); // the slow handler ends: now its subtask takes the barrier of a checkpoint that is over
  assert.equal([...stage.disk.files().keys()].filter((path) => path.includes("chk-1-")), [], "files of checkpoint 1");
  assert.not.ok(stage.completed.includes(1));
  assert.equal([...writers.values()].filter((id) => id === 1), [], "data files of checkpoint 1 that are still open");
  pace.delayMs = 0;
  const id = await stage.settle(taken);
  assert.ok(id > 1);
  assert.equal(
    [...stage.disk.files().keys()].filter((path) => path.includes("chk-") && !path.includes(`chk-${id}-`)),
    [],
    "files of aborted checkpoints",
  );
  await stage.leave(run);
});

test("as many checkpoints may fail in a row as tolerableFailures says, and a success starts the count over", async () => {
  const stage = new Stage();
  const { quick, late, pipeline, sink } = meeting(stage, 0);
  let failing = 2;
  stage.disk.inject = ({ action, path }) => action === "sync" && path.includes("data-") && failing-- > 0 ? "full" : undefined;
  const run = await stage.start(pipeline, { checkpoints: { mode: "aligned", intervalMs: 5, tolerableFailures: 2 } });
  quick.give(3);
  late.give(3);
  await stage.until(() => stage.completed.length === 1, "a checkpoint after two that failed");
  assert.is(stage.of("checkpoint-aborted").length, 2);
  assert.is(stage.of("failed").length, 0);
  failing = 3;
  await stage.until(() => stage.of("failed").length === 1, "the attempt fails at the third");
  const cause = stage.of("failed")[0]?.cause;
  assert.instance(cause, SluiceError);
  assert.is((cause as SluiceError).code, "CHECKPOINTS_FAILING");
  await stage.until(() => stage.of("started").length === 2, "the next attempt");
  quick.end();
  late.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), [...quick.records, ...late.records].sort());
});

test("between the end of one checkpoint and the next trigger lies at least minPauseMs", async () => {
  const stage = new Stage();
  const { quick, late, pipeline } = meeting(stage, 3);
  const run = await stage.start(pipeline, { checkpoints: { mode: "aligned", intervalMs: 2, minPauseMs: 40 } });
  quick.give(5);
  late.give(30);
  await stage.until(() => stage.completed.length >= 4, "four checkpoints");
  let endedAt = -Infinity;
  for (const event of stage.events) {
    if (event.kind === "checkpoint-triggered") assert.ok(event.at - endedAt >= 39, `${event.at - endedAt} ms pause`); // whole ms
    if (event.kind === "checkpoint-completed") endedAt = event.at;
  }
  await stage.leave(run);
});

test("slow commits hold up neither records nor later checkpoints, come in order, and all come before the end", async () => {
  const stage = new Stage();
  const { quick, late, pipeline, sink } = meeting(stage, 1);
  sink.beforeCommit = () => new Promise((resolve) => void stage.process.clock.setTimer(60, resolve));
  const run = await stage.start(pipeline, { checkpoints: { mode: "unaligned", intervalMs: 5 } });
  quick.give(10);
  late.give(40);
  await stage.until(() => stage.completed.length >= 5, "five checkpoints");
  assert.ok(sink.commits.length <= 1, `${sink.commits.length} commits are through`);
  assert.ok(sink.written.length > 10, "records go on");
  quick.end();
  late.end();
  await stage.settle(run.finished);
  assert.equal(sink.commits, [...sink.commits].sort((a, b) => a - b));
  assert.is(sink.commits.at(-1), stage.completed.at(-1));
  assert.equal(sink.values.map(nameOf).sort(), [...quick.records, ...late.records].sort());
  await stage.leave(run);
});

test.run();
