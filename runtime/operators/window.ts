import { SluiceError } from "../../actors/error.ts";
import type { CheckpointId } from "../graph/frame.ts";
import { canonicalKey, type Key, keyGroupOf, keyIdentity } from "../graph/key.ts";
import type {
  Collector,
  Cursor,
  Operator,
  OperatorContext,
  OperatorFactory,
  RestoredPart,
  SnapshotPart,
  StoredPart,
} from "../graph/operator.ts";
import { HeapKeyedStateBackend } from "../state/heap_backend.ts";
import type { OldSubtask } from "../state/keyed_restore.ts";
import type { KeyedStateBackend } from "../state/keyed_backend.ts";
import type { WindowTable } from "../state/window_table.ts";
import { type Aggregate, kindOf } from "./aggregate.ts";
import { LatenessFloor } from "./lateness_floor.ts";
import { startOf, type TumblingWindow } from "./tumbling.ts";

/** What a window gives for a key: covers event time `[start, end)`, in milliseconds. */
export interface WindowResult<K extends Key, T> {
  readonly key: K;
  readonly start: number;
  readonly end: number;
  readonly value: T;
}

/** An aggregation in event-time windows, on a keyed stream. */
export interface WindowDefinition<In, K extends Key, Acc, T, Out> {
  readonly window: TumblingWindow;
  /** The key of a record: the same function as that of the `keyBy`. Pure. */
  readonly keyOf: (value: In) => K;
  readonly aggregate: Aggregate<In, Acc, T>;
  /** What is emitted for a window. @default the {@link WindowResult} itself */
  readonly toResult?: (result: WindowResult<K, T>) => Out;
}

/**
 * Event-time windows by key. It must be the head of its task.
 *
 * - **Firing:** a window fires when event time has come to its end (watermark ≥ end − 1), once, one key a step, in the order of
 *   end, key group and first record; its results have the event time end − 1. At the end of input everything fires.
 * - **State:** one accumulator per key and window; what has fired is gone from it.
 * - **Late:** a record whose window had to fire already is counted as `lateRecords` and goes to the side output `late`.
 *
 * From its `process`: `SluiceError` `WINDOW_NO_TIMESTAMP` for a record without event time.
 */
export function windowOperator<In, K extends Key, Acc, T, Out = WindowResult<K, T>>(
  definition: WindowDefinition<In, K, Acc, T, Out>,
): OperatorFactory<In, Out> {
  return (context, out) => new WindowOperator(definition, context, out as Collector<unknown>) as Operator<In>;
}

class WindowOperator<In, K extends Key, Acc, T, Out> implements Operator<In> {
  private readonly window: TumblingWindow;
  readonly keyOf: (value: In) => K;
  private readonly aggregate: Aggregate<In, Acc, T>;
  private readonly context: OperatorContext;
  private readonly cursor: Cursor;
  private readonly table: WindowTable;
  private readonly floor: LatenessFloor;
  /** The window of the last record: the next one is likely to fall into it, too. */
  private start = Number.NaN;
  private end = Number.NaN;
  readonly #toResult: (result: WindowResult<K, T>) => unknown;
  readonly #out: Collector<unknown>;
  readonly #late: Collector<unknown>;
  readonly #backend: KeyedStateBackend;

  constructor(definition: WindowDefinition<In, K, Acc, T, Out>, context: OperatorContext, out: Collector<unknown>) {
    const { uid, keyGroups: range, keyGroupCount } = context;
    const { window, aggregate } = definition;
    this.window = window;
    this.keyOf = definition.keyOf;
    this.aggregate = aggregate;
    this.context = context;
    this.cursor = context.cursor;
    this.floor = new LatenessFloor(range);
    this.#toResult = definition.toResult ?? ((result) => result);
    this.#out = out;
    this.#late = context.side("late");
    // Windows are kept on the heap, wherever other keyed state is.
    this.#backend = new HeapKeyedStateBackend({ uid, range, keyGroupCount, baseEvery: context.state?.baseEvery ?? 1 });
    const description = `${window.kind} of ${window.sizeMs} ms, offset ${window.offsetMs} ms, with ${kindOf(aggregate)}`;
    this.table = this.#backend.windows("windows", description);
  }

  process(value: In): void {
    const { cursor } = this;
    const { timestamp } = cursor;
    if (!(timestamp >= this.start && timestamp < this.end)) this.#moveTo(timestamp);
    const { end } = this;
    const key = this.keyOf(value);
    const group = cursor.keyGroup < 0 ? keyGroupOf(key, this.context.keyGroupCount) : cursor.keyGroup;
    if (end - 1 <= cursor.watermark || end - 1 <= this.floor.of(group)) {
      this.context.count("lateRecords", 1);
      this.#late.collect(value);
      return;
    }
    // The sender has hashed the key, so it is a valid one: numbers and strings stand for themselves.
    const identity = typeof key === "string" || typeof key === "number" ? key : keyIdentity(key);
    const entry = this.table.find(end, group, identity);
    if (entry !== undefined) {
      entry.value = this.aggregate.add(entry.value as Acc, value);
    } else {
      this.table.insert(end, group, identity, canonicalKey(key), this.aggregate.add(this.aggregate.create(), value));
    }
  }

  nextEventTimer(): number {
    return this.table.earliest() - 1;
  }

  fireEventTimer(): void {
    const { end, group, entry } = this.table.take();
    const value = this.aggregate.result(entry.value as Acc);
    this.cursor.timestamp = end - 1;
    this.cursor.keyGroup = group;
    this.#out.collect(this.#toResult({ key: entry.key as K, start: end - this.window.sizeMs, end, value }));
  }

  onWatermark(watermark: number): void {
    this.floor.passed(watermark);
  }

  snapshot(checkpoint: CheckpointId): readonly SnapshotPart[] {
    return [this.#backend.snapshot({ floors: this.floor.snapshot(this.cursor.watermark) }, checkpoint)];
  }

  completed(checkpoint: CheckpointId): void {
    this.#backend.completed(checkpoint);
  }

  restore(parts: readonly RestoredPart[]): void {
    this.#restored(this.#backend.restore(parts));
  }

  async load(parts: readonly StoredPart[]): Promise<void> {
    this.#restored(await this.#backend.load(parts));
  }

  #restored(old: readonly OldSubtask[]): void {
    for (const { range, notes } of old) this.floor.restore(range, notes["floors"]);
  }

  #moveTo(timestamp: number): void {
    if (!Number.isSafeInteger(Math.floor(timestamp))) {
      throw new SluiceError(
        "WINDOW_NO_TIMESTAMP",
        `a record came to the windows of operator ${this.context.uid} with event time ${timestamp}; call .watermarks() on ` +
          `the stream with a function that gives milliseconds`,
      );
    }
    this.start = startOf(this.window, timestamp);
    this.end = this.start + this.window.sizeMs;
  }
}
