import { forEach, generate, type Job, job, type Stream, type } from "../../mod.ts";
import { type BenchEvent, finalize, makeEvent, mapEvent } from "./event.ts";

/** The shape of the job that is held up by its last operator. */
export interface Backpressure {
  /** Stages behind the source, each behind a keyBy of its own; the last one is the slow one. */
  readonly stages: number;
  /** How long the last operator is busy with a record, in microseconds. */
  readonly slowUs: number;
  /** The share of records that go to one key, from 0 to 1. */
  readonly skew: number;
  /** Subtasks of each operator. @default 2 */
  readonly parallelism?: number;
  /** Whether the first subtask before the last operator is the slow one instead: one of its channels carries barriers late. */
  readonly slowChannel?: boolean;
}

const mixed = new Int32Array(1);

/**
 * Keeps the event loop busy, as an operator that computes does. Each look at the clock may leave a number on the heap: without
 * steps between the looks that came to 200 MB a second, and to a collection every 60 ms.
 */
function busy(forMs: number): void {
  const until = performance.now() + forMs;
  do {
    for (let step = 0; step < 1_000; step++) mixed[0] = Math.imul(mixed[0]!, 1_664_525) + 1_013_904_223;
  } while (performance.now() < until);
}

/** source → map → (keyBy → pass) × (stages − 1) → keyBy → slow, all to all. `seen` counts what came through. */
export function backpressureJob(shape: Backpressure, seen: { records: number }): Job {
  const { stages, slowUs, skew, parallelism = 2, slowChannel = false } = shape;
  // Each stage deals records out anew, so that its two inputs differ.
  const keyOf = (stage: number) => (event: BenchEvent) =>
    (event.seq % 100) < skew * 100 ? 0 : finalize(event.key + stage) % 1_000;
  return job("backpressure", (flow) => {
    let stream: Stream<BenchEvent> = flow.from("events", generate({ splits: 2, make: makeEvent })).map(mapEvent);
    for (let stage = 1; stage < stages; stage++) {
      stream = stream.keyBy("key", keyOf(stage)).process(`pass ${stage}`, {
        emits: type<BenchEvent>(),
        onRecord: (event, ctx) => ctx.emit(event),
      });
    }
    if (slowChannel) {
      const placeOf = (event: BenchEvent, subtasks: number) => finalize(event.seq) % subtasks;
      stream = stream.partition("place", placeOf).process("lag", {
        emits: type<BenchEvent>(),
        onRecord(event, ctx) {
          if (placeOf(event, parallelism) === 0) busy(slowUs / 1_000);
          ctx.emit(event);
        },
      });
    }
    stream.keyBy("key", keyOf(stages)).process("slow", {
      emits: type<BenchEvent>(),
      onRecord(event, ctx) {
        if (!slowChannel) busy(slowUs / 1_000);
        seen.records++;
        ctx.emit(event);
      },
    }).to("sink", forEach(() => {}));
  }, { parallelism });
}
