/** The rows of the fault matrix about checkpoint storage. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job, type SluiceError } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "../scenarios/hand_source.ts";
import { slowly } from "../scenarios/slow.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const test = suite("faults of checkpoint storage");

function staged(fenced = false) {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const sink = new WitnessSink<Numbered>({ fenced });
  const pace = { delayMs: 1 };
  const pipeline = job("faulty", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", slowly(stage, pace), { parallelism: 2 })
      .to("out", sink, { parallelism: 2 }));
  return { stage, source, sink, pace, pipeline };
}

const options = { checkpoints: { mode: "unaligned", tolerableFailures: 3 } } as const;

/** Two checkpoints with records in flight; only the older one is committed when the process is killed. */
async function twoCheckpoints() {
  const made = staged(true); // it tells that the newer one was not committed
  const { stage, source, sink, pipeline } = made;
  const run = await stage.start(pipeline, options);
  source.give(20);
  const ids: number[] = [];
  for (const written of [4, 12]) {
    await stage.until(() => sink.written.length >= written, `${written} records`);
    if (ids.length === 1) sink.beforeCommit = () => new Promise(() => {});
    ids.push(await stage.settle(run.checkpoint()));
    stage.assertCaptured(ids.at(-1) as number);
    if (ids.length === 1) await stage.until(() => sink.commits.length > 0, "the first commit");
  }
  stage.kill();
  sink.beforeCommit = undefined;
  const file = (id: number, name: string) =>
    [...stage.disk.files().keys()].find((path) => path.includes(`chk-${id}-`) && path.includes(name)) as string;
  return { ...made, older: ids[0] as number, newer: ids[1] as number, file };
}

const damages: readonly (readonly [string, (stage: Stage, data: string, manifest: string) => void])[] = [
  ["1: the newest checkpoint's data file is truncated", (stage, data) => stage.disk.truncate(data, 40)],
  ["2: the newest manifest is cut short", (stage, _data, manifest) => stage.disk.truncate(manifest, 30)],
  ["2: the newest manifest is empty", (stage, _data, manifest) => stage.disk.truncate(manifest, 0)],
  ["3: one bit of the newest state is flipped", (stage, data) => stage.disk.flipBit(data, 900)],
];

for (const [fault, damage] of damages) {
  test(`fault ${fault}: it is passed over with a warning that names it, and the output is exact`, async () => {
    const { stage, source, sink, pipeline, older, newer, file } = await twoCheckpoints();
    damage(stage, file(newer, "data-"), file(newer, "manifest.json"));
    const run = await stage.start(pipeline, options);
    const warning = stage.of("warning").find(({ code }) => code === "CHECKPOINT_DAMAGED");
    assert.ok(warning?.message.includes(`chk-${newer}-`), `a warning names it:\n${stage.story()}`);
    assert.is(stage.of("started").at(-1)?.checkpoint, older);
    stage.assertRecovered();
    source.end();
    await stage.finish(run);
    assert.equal(sink.values.map(nameOf).sort(), source.records);
  });
}

test("fault 1, 8: a read that fails and then does not is tried again; the checkpoint counts as whole", async () => {
  for (const times of [1, 3]) {
    const { stage, source, sink, pipeline, newer } = await twoCheckpoints();
    const failed = new Map<string, number>();
    stage.disk.inject = ({ action, path }) => {
      const before = failed.get(path) ?? 0;
      if (!action.startsWith("read") || !path.includes(`chk-${newer}-`) || before >= times) return undefined;
      failed.set(path, before + 1);
      return "io";
    };
    const run = await stage.start(pipeline, options);
    assert.ok(failed.size >= 2 && [...failed.values()].every((count) => count === times), "manifest and data could not be read");
    assert.equal(stage.of("warning"), []);
    assert.is(stage.of("started").at(-1)?.checkpoint, newer);
    source.end();
    await stage.finish(run);
    assert.equal(sink.values.map(nameOf).sort(), source.records);
  }
});

test("fault 8: a checkpoint that cannot be read for longer is passed over with a warning that says so", async () => {
  const { stage, source, sink, pipeline, older, newer } = await twoCheckpoints();
  let failed = 0;
  stage.disk.inject = ({ action, path }) =>
    action.startsWith("read") && path.includes(`chk-${newer}-`) && path.includes("data-") && ++failed > 0 ? "io" : undefined;
  const run = await stage.start(pipeline, options);
  assert.is(failed, 4);
  const warning = stage.of("warning").find(({ code }) => code === "CHECKPOINT_DAMAGED");
  assert.match(warning?.message ?? "", /it cannot be read/);
  assert.is(stage.of("started").at(-1)?.checkpoint, older);
  source.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test("fault 4: with every retained checkpoint damaged the job does not start, and says why of each", async () => {
  const { stage, pipeline, older, newer, file } = await twoCheckpoints();
  for (const id of [older, newer]) stage.disk.flipBit(file(id, "data-"), 900);
  let refusal: SluiceError | undefined;
  await stage.start(pipeline, options).catch((error: SluiceError) => refusal = error);
  assert.is(refusal?.code, "CHECKPOINT_DAMAGED");
  for (const id of [older, newer]) assert.ok(refusal?.message.includes(`chk-${id}-`), refusal?.message);
});

test("fault 5: a crash between the data files and the manifest leaves a checkpoint that is not there", async () => {
  const { stage, source, sink, pipeline } = staged();
  const run = await stage.start(pipeline, options);
  source.give(20);
  await stage.until(() => sink.written.length >= 4, "some records");
  const first = await stage.settle(run.checkpoint());
  stage.assertCaptured(first);
  let reached = false;
  stage.disk.inject = ({ action, path }) => {
    if (action === "link" && path.endsWith("manifest.json")) reached = true;
    return reached ? "io" : undefined;
  };
  run.checkpoint().catch(() => {});
  await stage.until(() => reached, "the manifest");
  stage.kill();
  const restored = await stage.start(pipeline, options);
  assert.is(stage.of("started").at(-1)?.checkpoint, first);
  assert.not.ok([...stage.disk.files().keys()].some((path) => path.includes(`chk-${first + 1}-`)), "what is left is swept");
  stage.assertRecovered();
  source.end();
  await stage.finish(restored);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

for (const [row, fault] of [["7", "full"], ["8", "io"], ["8", "denied"]] as const) {
  test(`fault ${row}: a disk that answers "${fault}" costs the checkpoint, not the job, and leaves no file behind`, async () => {
    const { stage, source, sink, pipeline } = staged();
    const run = await stage.start(pipeline, options);
    source.give(20);
    await stage.until(() => sink.written.length >= 4, "some records");
    let struck = 0;
    stage.disk.inject = ({ action, path }) =>
      path.includes("data-") && (action === "write" || action === "sync") && struck === 0 && ++struck > 0 ? fault : undefined;
    const id = await stage.settle(run.checkpoint());
    assert.is(struck, 1, "the fault happened");
    assert.equal(stage.of("checkpoint-aborted").map((event) => event.checkpoint), [id - 1]);
    assert.is(stage.of("failed").length, 0);
    assert.not.ok([...stage.disk.files().keys()].some((path) => path.includes(`chk-${id - 1}-`)));
    stage.assertCaptured(id);
    source.end();
    await stage.finish(run);
    assert.equal(sink.values.map(nameOf).sort(), source.records);
  });
}

test("fault 34: a crash between the manifest and the commits: the restore commits it", async () => {
  const { stage, sink, pipeline, newer, source } = await twoCheckpoints();
  const run = await stage.start(pipeline, options);
  assert.is(stage.of("started").at(-1)?.checkpoint, newer);
  await stage.until(() => sink.commits.includes(newer), "its commit by the restore");
  source.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test("fault 40: a commit that fails is tried again after a restore, and not skipped", async () => {
  const { stage, source, sink, pipeline } = staged();
  let failures = 2;
  sink.beforeCommit = () => {
    if (failures-- > 0) throw new Error("the store is away");
  };
  const run = await stage.start(pipeline, options);
  source.give(20);
  await stage.until(() => sink.written.length >= 4, "some records");
  await stage.settle(run.checkpoint());
  await stage.until(() => stage.of("failed").length > 0 && sink.commits.length > 0, "a failure, then the commit");
  for (const { cause } of stage.of("failed")) assert.ok(String(cause).includes("the store is away"));
  source.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test("fault 40: a commit that fails for good fails the job, and the next start shows the output", async () => {
  const { stage, source, sink, pipeline } = staged();
  sink.beforeCommit = () => {
    throw new Error("the store is gone");
  };
  const run = await stage.start(pipeline, { ...options, restart: { kind: "fixed-delay", maxRestarts: 1, delayMs: 1 } });
  source.give(10);
  source.end();
  const error = await stage.settle(run.finished.then(() => undefined, (cause: SluiceError) => cause));
  assert.ok(error?.message.includes("the store is gone"), String(error));
  await stage.leave(run);
  sink.beforeCommit = undefined;
  const again = await stage.start(pipeline, options);
  await stage.finish(again);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test("fault 45: a crash while captures are being replayed, and another one: nothing of them is lost", async () => {
  const { stage, source, sink, pipeline } = await twoCheckpoints();
  for (let crash = 0; crash < 3; crash++) {
    await stage.start(pipeline, options);
    stage.assertRecovered();
    const written = sink.written.length;
    await stage.until(() => sink.written.length > written, "a replayed record");
    stage.kill();
  }
  const run = await stage.start(pipeline, options);
  source.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test.run();
