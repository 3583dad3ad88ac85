/** Feedback beyond what may wait in memory (protocol 10.2): spilled to the disk, captured there, gone with the attempt. */
import { existsSync, readdirSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CheckpointMode, Job, Run } from "../../mod.ts";
import { job, memorySink, memorySource, SluiceError, type } from "../../mod.ts";
import type { Frame } from "../../runtime/graph/frame.ts";
import { decodeFrames } from "../../runtime/graph/frame_codec.ts";
import { scratchStores } from "../../runtime/scratch/stores.ts";
import { Spill } from "../../runtime/task/spill.ts";
import { SimStores } from "../simulation/sim_stores.ts";
import { skip } from "../skip.ts";
import { scratchFolder, usableEngines } from "../state/disk_stores.ts";
import { Stage } from "./stage.ts";

interface Part {
  readonly n: number;
  readonly part: number;
}

const inputs = 12;
const parts = 40;

/** Every input comes apart into many parts, which go round once: far more comes back at once than goes in. */
function bursts(
  stage: Stage,
  loop: { feedbackBytes: number; feedbackSpillBytes?: number },
): { made: Job; out: () => readonly Part[] } {
  const sink = memorySink<Part>();
  const source = memorySource(Array.from({ length: inputs }, (_, n): Part => ({ n, part: -1 })));
  const made = job("bursts", (flow) =>
    flow.from("in", source).iterate("loop", (fed) => {
      const step = fed.keyBy("n", ({ n }) => n).process("apart", {
        emits: type<Part>(),
        onRecord({ n, part }, ctx): void | Promise<void> {
          if (part >= 0) return stage.sleep(0.2).then(() => void (ctx.signal.aborted || ctx.emit({ n, part: part + parts })));
          for (let i = 0; i < parts; i++) ctx.emit({ n, part: i });
        },
      });
      return { feedback: step.filter(({ part }) => part < parts), output: step.filter(({ part }) => part >= parts) };
    }, loop).to("out", sink));
  return { made, out: () => sink.values };
}

function assertWhole(values: readonly Part[]): void {
  const sorted = values.toSorted((a, b) => a.n - b.n || a.part - b.part);
  const whole = Array.from({ length: inputs * parts }, (_, i) => ({ n: Math.floor(i / parts), part: parts + i % parts }));
  assert.equal(sorted, whole);
}

async function failureOf(stage: Stage, run: Run): Promise<SluiceError> {
  const failure = await stage.settle(run.finished.then(() => undefined, (error: unknown) => error)) as SluiceError;
  return failure.cause instanceof SluiceError ? failure.cause : failure;
}

/** As a process finds its scratch space. */
const onDisk = async (directory: string) => ({ stores: await scratchStores(directory, "bursts") });
const givenUp = { restart: { kind: "none" } } as const;
const { usable, missing } = await usableEngines();

const test = suite("feedback that is spilled");

for (const mode of ["aligned", "unaligned"] as const satisfies readonly CheckpointMode[]) {
  test(`goes on from a checkpoint that captured it on the disk, exactly (${mode})`, async () => {
    if (usable.length === 0) return skip(missing.join("; "));
    const directory = scratchFolder();
    const stage = new Stage();
    const { made, out } = bursts(stage, { feedbackBytes: 400 });
    const run = await stage.start(made, { checkpoints: { mode }, ...await onDisk(directory) });
    await stage.clock.advance(2);
    const { subtasks } = stage.figures(await stage.settle(run.checkpoint()));
    const [head] = subtasks.filter(({ task }) => task === "loop");
    assert.ok(
      (head?.inFlightBytes ?? 0) > 2_000,
      `the head had ${head?.inFlightBytes} bytes in flight, 400 of them fit in memory`,
    );
    assert.ok(existsSync(`${directory}/bursts/1`), "nothing is on the disk");
    stage.kill();

    const restored = await stage.start(made, { checkpoints: { mode }, ...await onDisk(directory) });
    assert.not(existsSync(`${directory}/bursts/1`), "what the dead process had spilled is still there");
    await stage.finish(restored);
    stage.assertRecovered();
    assertWhole(out());
    assert.equal(readdirSync(`${directory}/bursts`).flatMap((attempt) => readdirSync(`${directory}/bursts/${attempt}`)), []);
  });
}

test("fails the job above both limits, and says how much came back", async () => {
  if (usable.length === 0) return skip(missing.join("; "));
  const stage = new Stage();
  const { made } = bursts(stage, { feedbackBytes: 200, feedbackSpillBytes: 300 });
  const { code, message } = await failureOf(stage, await stage.start(made, { ...givenUp, ...await onDisk(scratchFolder()) }));
  assert.is(code, "FEEDBACK_OVERFLOW");
  assert.match(message, /more than its limit of 200 in memory and 300 spilled: .* came back\..* raise its feedbackSpillBytes$/s);
});

test("is not, where state is on the heap or the loop says so: the job fails above what may be in memory", async () => {
  const stage = new Stage();
  const heap = await failureOf(stage, await stage.start(bursts(stage, { feedbackBytes: 400 }).made, givenUp));
  assert.match(heap.message, /more than its limit of 400: .* raise its feedbackBytes, or keep state on the disk/s);
  if (usable.length === 0) return skip(missing.join("; "));
  const none = new Stage();
  const { made } = bursts(none, { feedbackBytes: 400, feedbackSpillBytes: 0 });
  const { message } = await failureOf(none, await none.start(made, { ...givenUp, ...await onDisk(scratchFolder()) }));
  assert.match(message, /more than its limit of 400: /);
});

const spills = suite("spill");

function frame(seq: number): Frame {
  const mark = seq % 3 === 0 ? { kind: "watermark", timestamp: seq } as const : undefined;
  return { seq, values: [seq, `${seq}`], keyGroups: undefined, timestamps: undefined, mark, cost: 10 };
}

spills("gives frames back as they were and in order, whatever is written between", () => {
  const stores = new SimStores();
  const { open } = stores.ofNextProcess();
  const spill = new Spill(open(1, "feedback of a"), 3, 35);
  const other = new Spill(open(1, "feedback of b"), 4, 35);
  const got: Frame[] = [];
  for (let seq = 1; seq <= 60; seq++) {
    spill.add(frame(seq));
    other.add(frame(seq));
    if (seq % 7 === 0) got.push(...spill.take().frames);
  }
  while (!spill.empty) got.push(...spill.take().frames);
  assert.equal(got, Array.from({ length: 60 }, (_, i) => frame(i + 1)));
  assert.ok(stores.spilled > 20);
});

spills("a cut has what was there, up to the barrier, whatever is taken since", () => {
  for (let afterSeq = 3; afterSeq <= 12; afterSeq++) {
    const spill = new Spill(new SimStores().ofNextProcess().open(1, "feedback of a"), 0, 40);
    for (let seq = 5; seq <= 14; seq++) spill.add(frame(seq));
    const { written, young } = spill.cut();
    assert.equal(young.map(({ seq }) => seq), [13, 14]);
    while (!spill.empty) spill.take();
    written?.trim(afterSeq);
    const frames = [...written?.slices() ?? []].flatMap((bytes) => {
      const decoded = decodeFrames(bytes);
      return decoded.kind === "frames" ? decoded.frames.map((captured) => captured.frame) : [];
    });
    const want = Array.from({ length: Math.max(0, afterSeq - 4) }, (_, i) => frame(i + 5));
    assert.equal(frames, want);
    assert.is(written?.last, want.at(-1)?.seq);
    assert.is(written?.records, 2 * want.length);
    assert.is(written?.watermarks, want.filter(({ mark }) => mark !== undefined).length);
    written?.release();
  }
});

test.run();
spills.run();
