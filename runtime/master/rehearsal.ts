/**
 * Goes through what a checkpoint computes before the first one is taken, so that the first ones find code that is compiled: on
 * made-up reports of the attempt's own channels, with nothing kept of it.
 */
import type { Clock, Timer } from "../../actors/clock.ts";
import { SystemClock } from "../../actors/system_clock.ts";
import { noBytes, onlySlice } from "../checkpoint/contribution.ts";
import type { Acknowledgement, CapturedBytes, Contribution, InputReport, OutputReport } from "../checkpoint/contribution.ts";
import { writeContribution } from "../checkpoint/contribution_writer.ts";
import { DataSum } from "../checkpoint/data_file.ts";
import type { CheckpointMode, Manifest } from "../checkpoint/manifest.ts";
import { encodeManifest } from "../checkpoint/manifest_codec.ts";
import type { DataWriter } from "../checkpoint/storage.ts";
import { encodeFrames } from "../graph/frame_codec.ts";
import { type Frame, NO_WATERMARK } from "../graph/frame.ts";
import type { PlannedEdge } from "../graph/plan.ts";
import type { Job } from "../job/job.ts";
import type { Attempt, PlacedSubtask } from "./attempt.ts";
import { manifestOf } from "./completion.ts";
import { runRehearsal } from "./rehearsal_job.ts";
import { rulesOf } from "./rules.ts";
import type { Run } from "./run.ts";

/** When it begins, after the attempt was made: the first records have passed by then. */
const afterMs = 100;

/** It works for so long at a time, so often, and so many times in all. */
const stepMs = 1;
const everyMs = 5;
const mostSteps = 40;

/** With more channels the first checkpoint has enough to do to compile its own code, and this would take long. */
const mostChannels = 500;

const rounds = 60;

/** Records of the kinds that users have: what compiled code has never met, it has to be given up for. */
const values: readonly unknown[] = [
  { key: 7, seq: 1, ts: 1_700_000_000_000, value: 0.5, payload: "a text that is longer than thirty-one bytes" },
  { key: 7, seq: 70_000, ts: 1_700_000_000_001, value: -3, payload: "short" },
  { id: "über", tags: ["a", "b"], price: { amount: 1.25, of: null }, open: true, more: undefined },
  { id: "x".repeat(300), tags: [], price: { amount: -40_000, of: [1, 2.5] }, open: false, more: new Map([["a", new Date(0)]]) },
  "text",
  5_000_000_000,
  [1, "two", new Uint8Array(3)],
];

/** As records of a keyed stream, with an event time for some. */
function frameOf(seq: number, value: unknown): Frame {
  const timestamps = seq % 2 === 0 ? undefined : [seq, seq];
  return { seq, values: [value, value], keyGroups: [seq % 128, -1], timestamps, mark: undefined, cost: 1 };
}

/** Code is compiled for the whole process. */
let isDone = false;

/**
 * Begins soon, once in a process; on a clock that is not the machine's, never. For some 200 ms a fifth of the time goes to what
 * is made up, and then for 300 ms about as much to the checkpoints of a job through which nothing flows.
 *
 * @param start starts that job, which is of no consequence to anything else
 * @returns ends it
 */
export function rehearse(
  clock: Clock,
  attempt: Attempt,
  mode: CheckpointMode,
  start: (job: Job) => Promise<Run>,
): () => void {
  if (isDone || !(clock instanceof SystemClock) || attempt.channels.length > mostChannels) return () => {};
  let timer: Timer;
  let steps = 0;
  let isOver = false;
  let work: Iterator<Uint8Array | undefined> | undefined;
  const step = (): void => {
    if (work === undefined && isDone) return;
    isDone = true;
    work ??= madeUpCheckpoints(attempt, mode);
    const until = clock.monotonic() + stepMs;
    try {
      let done = false;
      do done = work.next().done === true; while (!done && clock.monotonic() < until);
      if (!done && ++steps < mostSteps) {
        timer = clock.setTimer(everyMs - stepMs, step);
        return;
      }
    } catch {
      // What is made up may be refused: nothing depends on it.
    }
    runRehearsal(clock, start, () => isOver).catch(() => {}); // nor on this
  };
  timer = clock.setTimer(afterMs, step);
  return () => {
    isOver = true;
    timer.cancel();
  };
}

/** Made-up checkpoints, in small steps. Each builds on the one before, as those of a job do. Gives the bytes of each manifest. */
export function* madeUpCheckpoints(attempt: Attempt, mode: CheckpointMode): Generator<Uint8Array | undefined> {
  const rules = rulesOf(mode);
  const holds = (edge: PlannedEdge) => rules.align(edge, undefined) !== "aligned";
  let before: Manifest | undefined;
  for (let id = 1; id <= rounds; id++) {
    const sum = new DataSum();
    const writer: DataWriter = {
      append: (bytes) => sum.add(bytes),
      backlogBytes: 0,
      drained: () => Promise.resolve(),
      seal: () => Promise.reject(new TypeError("nothing is kept of it")),
      discard: () => Promise.resolve(),
    };
    const acknowledgements: Acknowledgement[] = [];
    for (const subtask of attempt.subtasks) {
      const writing = writeContribution(contributionOf(attempt, subtask, id, before, holds), writer, attempt.number);
      let written = writing.next();
      while (written.done !== true) written = writing.next();
      acknowledgements.push(written.value(0));
      yield undefined;
    }
    const manifest: Manifest = manifestOf(attempt, {
      id,
      job: attempt.plan.name,
      mode,
      acknowledgements,
      trigger: { at: 0, monotonic: 0, reason: "interval", base: before?.id ?? 0, mode: undefined },
      files: [{ name: "data-1", bytes: sum.bytes, checksum: sum.checksum }],
      completed: () => before,
      completedAt: 0,
    });
    yield undefined;
    before = id % 5 === 0 ? undefined : manifest;
    yield encodeManifest(manifest);
  }
}

/** Every output has sent one frame more than its receiver has processed, unless its edge may hold nothing at a cut. */
function contributionOf(
  { channels }: Attempt,
  { task, index }: PlacedSubtask,
  checkpoint: number,
  before: Manifest | undefined,
  holds: (edge: PlannedEdge) => boolean,
): Contribution {
  const seq = checkpoint;
  const range = { from: seq, skip: 0, to: seq };
  const inputs: InputReport<CapturedBytes | typeof noBytes>[] = [];
  const outputs: OutputReport<CapturedBytes | typeof noBytes>[] = [];
  for (const { edge, sender, receiver } of channels) {
    if (edge.to === task.index && receiver === index) {
      const captured = holds(edge);
      inputs.push({
        edge: edge.id,
        sender,
        receiver,
        recovered: 0,
        sent: undefined,
        processed: { seq: captured ? seq - 1 : seq, elements: 0 },
        watermark: NO_WATERMARK,
        idle: false,
        ended: false,
        captured: captured ? range : undefined,
        records: 1,
        watermarks: 0,
        bytes: captured ? onlySlice(encodeFrames(values.map((value) => ({ frame: frameOf(seq, value), skip: 0 })))) : noBytes,
      });
    }
    if (edge.from === task.index && sender === index) {
      outputs.push({
        edge: edge.id,
        sender,
        receiver,
        wire: seq,
        sent: seq,
        captured: undefined,
        records: 0,
        watermarks: 0,
        bytes: noBytes,
      });
    }
  }
  const parts = task.operators.map(({ id }) => ({
    uid: id,
    part: { scope: "keyed" as const, name: "keyed", base: before?.id, slices: () => [new Uint8Array(64)] },
  }));
  const timing = { startDelayMs: 0, alignmentMs: 0, syncMs: 0, delayedRecords: 0 };
  return {
    checkpoint,
    task: task.index,
    subtask: index,
    finished: false,
    quiet: false,
    flushed: false,
    parts,
    inputs,
    outputs,
    timing,
    triggeredAt: 0,
    startedAt: 0,
  };
}
