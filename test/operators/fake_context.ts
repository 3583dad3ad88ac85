import { silent } from "../../actors/logger.ts";
import { NO_WATERMARK } from "../../runtime/graph/frame.ts";
import { type Key, keyGroupOf, ownerOf, rangeOf } from "../../runtime/graph/key.ts";
import type {
  Collector,
  Cursor,
  Operator,
  OperatorContext,
  OperatorFactory,
  RestoredPart,
  SnapshotPart,
  WatermarkCollector,
} from "../../runtime/graph/operator.ts";

/** One result, with what was true when it came. */
export interface Collected<T> {
  readonly value: T;
  readonly timestamp: number;
  readonly keyGroup: number;
}

export interface FakeOptions {
  readonly uid?: string;
  readonly subtask?: number;
  readonly parallelism?: number;
  readonly keyGroupCount?: number;
}

/** A task around one operator: what the engine would do for it, by hand. */
export class FakeTask<In, Out> {
  readonly results: Collected<Out>[] = [];
  readonly sides: { readonly name: string; readonly value: unknown }[] = [];
  readonly counts = new Map<string, number>();
  readonly cursor: Cursor = { timestamp: Number.NaN, keyGroup: -1, watermark: NO_WATERMARK, split: "", port: 0 };
  readonly context: OperatorContext;
  readonly operator: Operator<In>;
  nowMs = 0;
  timersChanged = 0;
  /** Whatever the operator suspended for, last. */
  pending: Promise<unknown> | undefined = undefined;

  constructor(factory: OperatorFactory<In, Out>, options: FakeOptions = {}) {
    const { uid = "op", subtask = 0, parallelism = 1, keyGroupCount = 128 } = options;
    this.context = {
      uid,
      subtask,
      parallelism,
      attempt: 1,
      keyGroups: rangeOf(subtask, parallelism, keyGroupCount),
      keyGroupCount,
      cursor: this.cursor,
      halted: false,
      side: (name) => ({ collect: (value) => this.sides.push({ name, value }) }),
      now: () => this.nowMs,
      suspend: (pending) => {
        this.pending = pending;
      },
      timersChanged: () => {
        this.timersChanged++;
      },
      count: (name, by) => {
        this.counts.set(name, (this.counts.get(name) ?? 0) + by);
      },
      signal: new AbortController().signal,
      log: silent,
    };
    const out: Collector<Out> & WatermarkCollector = {
      collect: (value) => {
        this.results.push({ value, timestamp: this.cursor.timestamp, keyGroup: this.cursor.keyGroup });
        this.cursor.timestamp = -1; // what follows may do so
        this.cursor.keyGroup = -2;
      },
      watermark: () => {},
      idle: () => {},
    };
    this.operator = factory(this.context, out);
  }

  get values(): Out[] {
    return this.results.map(({ value }) => value);
  }

  /** One record, as it comes over a keyBy edge (with a key) or any other. */
  record(value: In, timestamp = Number.NaN, key?: Key): void {
    this.cursor.timestamp = timestamp;
    this.cursor.keyGroup = key === undefined ? -1 : keyGroupOf(key, this.context.keyGroupCount);
    try {
      this.operator.process(value);
    } catch (error) {
      this.operator.failed?.();
      throw error;
    }
  }

  /** Waits for the handler that is suspended. */
  async settle(): Promise<void> {
    const { pending } = this;
    this.pending = undefined;
    await pending;
  }

  /** Advances event time; `steps` stops it after so many timers. Returns whether it came all the way. */
  advance(watermark: number, steps = Infinity): boolean {
    this.cursor.watermark = watermark;
    while ((this.operator.nextEventTimer?.() ?? Infinity) <= watermark) {
      if (steps-- <= 0) return false;
      this.operator.fireEventTimer?.();
    }
    this.operator.onWatermark?.(watermark);
    return true;
  }

  /** Advances the wall clock. */
  advanceClock(nowMs: number): void {
    this.nowMs = nowMs;
    while ((this.operator.nextProcessingTimer?.() ?? Infinity) <= nowMs) this.operator.fireProcessingTimer?.();
  }

  snapshot(): RestoredPart[] {
    return restorable(this.operator.snapshot?.(1) ?? [], this.context.subtask);
  }
}

/** The parts of a snapshot as a restore gives them back. */
export function restorable(parts: readonly SnapshotPart[], subtask: number): RestoredPart[] {
  return parts.map((part) => ({ scope: part.scope, name: part.name, subtask, bytes: joined(part) }));
}

/** All bytes of a part. */
export function joined(part: SnapshotPart): Uint8Array {
  const slices = [...part.slices()];
  part.release?.();
  const bytes = new Uint8Array(slices.reduce((length, slice) => length + slice.length, 0));
  let at = 0;
  for (const slice of slices) {
    bytes.set(slice, at);
    at += slice.length;
  }
  return bytes;
}

/** An operator in all its subtasks, records dealt out by key. */
export class FakeStage<In, Out> {
  readonly tasks: readonly FakeTask<In, Out>[];
  readonly #keyOf: (value: In) => Key;
  readonly #keyGroupCount: number;

  constructor(
    factory: OperatorFactory<In, Out>,
    keyOf: (value: In) => Key,
    parallelism: number,
    restored: readonly RestoredPart[] = [],
    keyGroupCount = 128,
  ) {
    this.#keyOf = keyOf;
    this.#keyGroupCount = keyGroupCount;
    this.tasks = Array.from({ length: parallelism }, (_, subtask) => {
      const task = new FakeTask(factory, { subtask, parallelism, keyGroupCount });
      if (restored.length > 0) task.operator.restore?.(restored);
      return task;
    });
  }

  record(value: In, timestamp?: number): void {
    const key = this.#keyOf(value);
    const owner = ownerOf(keyGroupOf(key, this.#keyGroupCount), this.tasks.length, this.#keyGroupCount);
    this.tasks[owner]!.record(value, timestamp, key);
  }

  advance(watermark: number): void {
    for (const task of this.tasks) task.advance(watermark);
  }

  snapshot(): RestoredPart[] {
    return this.tasks.flatMap((task) => task.snapshot());
  }

  get values(): Out[] {
    return this.tasks.flatMap((task) => task.values);
  }
}
