/** The rows of the fault matrix about snapshots that cannot be taken, stored or restored. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { SimulatedDisk } from "../../actors/simulation/mod.ts";
import { job, type SourceContext, type Split, type SplitReader, type, value } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "../scenarios/hand_source.ts";
import { slowly } from "../scenarios/slow.ts";
import { Stage } from "../scenarios/stage.ts";
import { WitnessSink } from "../scenarios/witness_sink.ts";

const test = suite("faults of snapshots and restores");

const unaligned = { mode: "unaligned", tolerableFailures: 3 } as const;

function staged(source: HandSource = new HandSource("a", "b")) {
  const stage = new Stage();
  const sink = new WitnessSink<Numbered>();
  const pipeline = job("snapshots", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", slowly(stage, { delayMs: 1 }), { parallelism: 2 })
      .to("out", sink, { parallelism: 2 }));
  return { stage, source, sink, pipeline };
}

test("fault 6: the power fails behind the manifest's link and before its sync: the old one or the new one is there", async () => {
  const found: string[] = [];
  for (let seed = 0; seed < 24; seed++) {
    const { stage, source, sink, pipeline } = staged();
    stage.disk = new SimulatedDisk({ random: new SeededRandom(`fault 6, ${seed}`) });
    const { disk } = stage;
    const run = await stage.start(pipeline, { checkpoints: unaligned });
    source.give(20);
    await stage.until(() => sink.written.length >= 4, "some records");
    const older = await stage.settle(run.checkpoint());
    stage.assertCaptured(older);
    await stage.until(() => sink.commits.includes(older), "its commit");
    disk.inject = ({ action, path, index }) => {
      if (action === "link" && path.endsWith("manifest.json")) disk.failPowerAt(index + 1);
      return undefined;
    };
    run.checkpoint().catch(() => {});
    await stage.until(() => !disk.alive, "the power failure");
    stage.process.kill();
    stage.disk = disk.crash();

    const restored = await stage.start(pipeline, { checkpoints: unaligned });
    const from = stage.of("started").at(-1)?.checkpoint;
    assert.ok(from === older || from === older + 1, `seed ${seed} started from ${from}`);
    found.push(from === older ? "old" : "new");
    stage.assertRecovered();
    source.end();
    await stage.finish(restored);
    assert.equal(sink.values.map(nameOf).sort(), source.records, `seed ${seed}`);
  }
  assert.ok(found.includes("old") && found.includes("new"), `the seeds found ${found.join(", ")}`);
});

test("fault 9: a store that takes half a minute for everything costs checkpoints, and holds up no record", async () => {
  const { stage, source, sink, pipeline } = staged();
  const disk = new SimulatedDisk({ clock: stage.clock, random: new SeededRandom("fault 9") });
  stage.disk = disk;
  const run = await stage.start(pipeline, {
    checkpoints: { ...unaligned, intervalMs: 5_000, timeoutMs: 10_000, tolerableFailures: 100 },
  });
  source.give(30);
  await stage.until(() => stage.completed.length >= 1, "a checkpoint while the store is quick");
  disk.slowMs = 30_000;
  for (let round = 1; round <= 20; round++) {
    source.give(10);
    const written = 60 + round * 20;
    const at = stage.clock.monotonic();
    await stage.until(() => sink.written.length >= written, "the records of a round");
    assert.ok(stage.clock.monotonic() - at < 100, `a round took ${stage.clock.monotonic() - at} ms`);
    await stage.advance(5_000);
  }
  const aborted = stage.of("checkpoint-aborted");
  assert.ok(aborted.length >= 3, `${aborted.length} were aborted`);
  for (const { reason } of aborted) assert.match(reason, /within 10000 ms/);
  let open = 0;
  for (const { kind } of stage.events) {
    if (kind === "checkpoint-triggered") assert.is(++open, 1, "two were open at once");
    if (kind === "checkpoint-completed" || kind === "checkpoint-aborted") open--;
  }
  disk.slowMs = 0;
  const before = stage.completed.length;
  await stage.until(() => stage.completed.length > before, "a checkpoint when the store is quick again");
  const over = new Set(aborted.map(({ checkpoint }) => checkpoint));
  assert.not.ok(stage.completed.some((id) => over.has(id)), "what came late was taken for an acknowledgement");
  source.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test("fault 10: state that cannot be written costs checkpoints, which name operator and key, and not the job", async () => {
  const stage = new Stage();
  const source = new HandSource("a");
  const sink = new WitnessSink<Numbered>();
  const moody = {
    get mood() {
      if ((sink.prepared.at(-1) ?? 0) < 3) throw new Error("not now");
      return "fine";
    },
  };
  const pipeline = job("unwritable", (flow) =>
    flow.from("in", source).keyBy("n", ({ n }) => n % 5).process("keeps", {
      state: { kept: value(type<unknown>(), 0) },
      emits: type<Numbered>(),
      onRecord(record, ctx) {
        ctx.state.kept.set(record.n === 8 ? moody : record.n);
        ctx.emit(record);
        return stage.sleep(1);
      },
    }).to("out", sink));
  const run = await stage.start(pipeline, { checkpoints: unaligned });
  source.give(40);
  await stage.until(() => sink.written.length === 9, "the record that leaves it in state");
  const id = await stage.settle(run.checkpoint());
  assert.is(id, 3, "whoever asked gets the first that can be written");
  const aborted = stage.of("checkpoint-aborted");
  assert.equal(aborted.map(({ checkpoint }) => checkpoint), [1, 2]);
  for (const { reason } of aborted) assert.match(reason, /keeps.*key 3.*not now/, reason);
  assert.is(stage.of("failed").length, 0);
  stage.assertCaptured(id);
  stage.kill();

  const restored = await stage.start(pipeline, { checkpoints: unaligned });
  stage.assertRecovered();
  source.end();
  await stage.finish(restored);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

/** A source that cannot be opened where a snapshot left it, as long as it is told to. */
class Stubborn extends HandSource {
  refuses = false;

  override open(split: Split, position: number | undefined, context: SourceContext): SplitReader<Numbered, number> {
    if (this.refuses && position !== undefined) throw new Error(`cannot go back to ${position}`);
    return super.open(split, position, context);
  }
}

test("fault 11: what cannot be restored is tried again after growing pauses, then given up; nothing is lost", async () => {
  const stubborn = new Stubborn("a", "b");
  const { stage, source, sink, pipeline } = staged(stubborn);
  const run = await stage.start(pipeline, {
    checkpoints: unaligned,
    restart: {
      kind: "exponential",
      initialDelayMs: 100,
      maxDelayMs: 10_000,
      factor: 2,
      jitter: 0,
      resetAfterMs: 60_000,
      maxRestarts: 4,
    },
  });
  source.give(20);
  await stage.until(() => sink.written.length >= 4, "some records");
  stage.assertCaptured(await stage.settle(run.checkpoint()));
  stubborn.refuses = true;
  sink.onWrite = () => {
    sink.onWrite = undefined;
    throw new Error("a crash");
  };
  const failure = await stage.settle(run.finished.then(() => undefined, (error: unknown) => error));
  assert.match(String(failure), /source in .*cannot go back to \d+|JOB_FAILED|failed/);
  assert.equal(stage.of("restarting").map(({ delayMs }) => delayMs), [100, 200, 400, 800]);
  const causes = stage.of("failed").map(({ cause }) => String(cause));
  assert.is(causes.length, 5);
  for (const cause of causes.slice(1)) assert.match(cause, /in .*cannot go back to \d+/);
  assert.is(stage.of("given-up").length, 1);
  stage.kill();

  stubborn.refuses = false;
  const again = await stage.start(pipeline, { checkpoints: unaligned });
  stage.assertRecovered();
  source.end();
  await stage.finish(again);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test.run();
