import { suite } from "uvu";
import * as assert from "uvu/assert";
import { job, SluiceError } from "../../mod.ts";
import { HandSource, nameOf, type Numbered } from "./hand_source.ts";
import { slowly } from "./slow.ts";
import { Stage } from "./stage.ts";
import { WitnessSink } from "./witness_sink.ts";

const test = suite("scenario 4: a flipped bit in checkpoint n after commit(n)");

/** Two checkpoints with records in flight, both committed; then the machine stops and a bit of the newer one's data flips. */
async function damaged(sink: WitnessSink<Numbered>) {
  const stage = new Stage();
  const source = new HandSource("a", "b");
  const pipeline = job("flipped", (flow) =>
    flow.from("in", source, { parallelism: 2 })
      .keyBy("n", ({ n }) => n)
      .process("slow", slowly(stage, { delayMs: 1 }), { parallelism: 2 })
      .to("out", sink, { parallelism: 1 }));
  const options = { checkpoints: { mode: "unaligned" } } as const;
  const run = await stage.start(pipeline, options);
  source.give(20);
  const ids: number[] = [];
  for (const written of [4, 12]) {
    await stage.until(() => sink.written.length >= written, `${written} records`);
    ids.push(await stage.settle(run.checkpoint()));
    stage.assertCaptured(ids.at(-1) as number);
  }
  const [older, newer] = ids as [number, number];
  await stage.until(() => sink.commits.includes(newer), "its commit");
  stage.kill();
  const path = [...stage.disk.files().keys()].find((file) => file.includes(`chk-${newer}-`) && file.includes("data-"));
  assert.ok(path, "the newer checkpoint has a data file");
  stage.disk.flipBit(path as string, 1_003);
  return { stage, source, pipeline, options, older, newer, path: path as string };
}

test("4: a restore behind what a sink has shown is refused, naming sink, checkpoints and choices", async () => {
  const sink = new WitnessSink<Numbered>({ fenced: true });
  const { stage, pipeline, options, older, newer } = await damaged(sink);
  let refusal: unknown;
  await stage.start(pipeline, options).catch((error: unknown) => refusal = error);
  assert.instance(refusal, SluiceError);
  const { code, message } = refusal as SluiceError;
  assert.is(code, "RESTORE_REFUSED");
  for (const said of ["out", `checkpoint ${newer}`, `checkpoint ${older}`, "allowDuplicates"]) {
    assert.ok(message.includes(said), `"${said}" in: ${message}`);
  }
});

test("4: with allowDuplicates it goes back, says so, and loses nothing", async () => {
  const sink = new WitnessSink<Numbered>({ fenced: true });
  const { stage, source, pipeline, options, newer, path } = await damaged(sink);
  const run = await stage.start(pipeline, { ...options, allowDuplicates: true });
  const warnings = stage.of("warning");
  const file = path.split("/").at(-1) as string;
  assert.ok(warnings.some(({ code, message }) => code === "CHECKPOINT_DAMAGED" && message.includes(file)));
  assert.ok(warnings.some(({ code, message }) => code === "DUPLICATES_ALLOWED" && message.includes(`${newer}`)));
  stage.assertRecovered();
  source.end();
  await stage.finish(run);
  const seen = sink.values.map(nameOf);
  for (const record of source.records) assert.ok(seen.includes(record), `${record} is lost`);
  assert.ok(seen.length > source.records.length, "what had been shown was shown again: the warning is true");
});

test("4: a sink that can take back what it has shown is taken back, and the output is exact", async () => {
  const sink = new WitnessSink<Numbered>({ fenced: true });
  const { stage, source, pipeline, options, older } = await damaged(sink);
  Object.assign(sink, { rollbackTo: (id: number) => sink.rollBack(id) });
  const run = await stage.start(pipeline, options);
  assert.ok(stage.of("warning").some(({ code, message }) => code === "SINK_ROLLED_BACK" && message.includes(`${older}`)));
  source.end();
  await stage.finish(run);
  assert.equal(sink.values.map(nameOf).sort(), source.records);
});

test.run();
