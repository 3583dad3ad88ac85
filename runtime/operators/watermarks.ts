import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { NO_WATERMARK } from "../graph/frame.ts";
import type {
  Collector,
  Cursor,
  Operator,
  OperatorContext,
  OperatorFactory,
  RestoredPart,
  SnapshotPart,
  WatermarkCollector,
} from "../graph/operator.ts";
import { assertSynchronous } from "./synchronous.ts";

/** How event time advances. */
export interface WatermarkOptions {
  /**
   * How far behind the latest event time seen in its split a record may be without being late: whole milliseconds.
   * @default 0
   */
  readonly outOfOrderMs?: number;
  /**
   * A split (or the whole stream) that gave nothing for so long no longer holds event time back: whole milliseconds from 1. Time
   * in which the task could not emit does not count. Without it silence holds event time back for ever.
   */
  readonly idleAfterMs?: number;
}

/** The latest event time of what can be a date, in milliseconds: as for `Date`. The earliest is its negative. */
const maxTimestamp = 8.64e15;

/** About 30,000 years: watermarks stay exact, and above {@link NO_WATERMARK}. */
const longestMs = 1e15 / 10;

/** The part of a task without a source. */
const taskPart = "watermark";

/**
 * Gives records their event time, and tells what follows how far event time has come: behind the latest one seen by
 * `outOfOrderMs`, in each split of the source for itself. The split that is furthest behind counts.
 *
 * - **When:** once per batch, never per record. A watermark never goes back.
 * - **Splits:** seen as such only in the task of the source; further down the stream of a subtask is one. A split that is read to
 *   its end no longer counts; one that has not given a record yet holds event time back.
 * - **State:** the latest event time of each split, which moves with the split.
 *
 * From its `process`: `SluiceError` `TIMESTAMP_INVALID` when `timestampOf` gives no number that can be a date.
 *
 * @throws {SluiceError} `OPTION_OUT_OF_RANGE`, `NOT_A_FUNCTION`, `ASYNC_FUNCTION`
 */
export function watermarksOperator<T>(timestampOf: (value: T) => number, options: WatermarkOptions = {}): OperatorFactory<T, T> {
  assertSynchronous("watermarks", timestampOf);
  const { outOfOrderMs = 0, idleAfterMs } = options;
  checkWhole("outOfOrderMs", outOfOrderMs, 0);
  if (idleAfterMs !== undefined) checkWhole("idleAfterMs", idleAfterMs, 1);
  const settled = { outOfOrderMs, idleAfterMs: idleAfterMs ?? Infinity };
  return (context, out) => new WatermarksOperator(timestampOf, settled, context, out);
}

function checkWhole(name: string, value: number, minimum: number): void {
  if (Number.isSafeInteger(value) && value >= minimum && value <= longestMs) return;
  throw new SluiceError(
    "OPTION_OUT_OF_RANGE",
    `watermarks: ${name} must be a whole number of milliseconds from ${minimum} to ${longestMs}, not ${String(value)}`,
  );
}

/** How far one split has come. */
interface SplitTime {
  latest: number;
  /** It gave a record since the last batch. */
  touched: boolean;
  /** Its silence is counted from here, on the wall clock. */
  silentSinceMs: number;
  idle: boolean;
}

class WatermarksOperator<T> implements Operator<T> {
  private readonly timestampOf: (value: T) => number;
  private readonly cursor: Cursor;
  private readonly out: Collector<T> & WatermarkCollector;
  private readonly context: OperatorContext;
  /** The split of the last record. */
  private split: string | undefined = undefined;
  private time: SplitTime;
  readonly #outOfOrderMs: number;
  readonly #idleAfterMs: number;
  readonly #times = new Map<string, SplitTime>();
  /** What the snapshot says of splits that have not shown up yet. */
  readonly #restored = new Map<string, number>();
  #open: readonly string[] | undefined = undefined;
  #emitted = NO_WATERMARK;
  #idle = false;
  /** When to look for silence; on the wall clock. */
  #lookAtMs: number;
  /** The task could not emit at some time since the last look: that is no silence of the source. */
  #wasHalted = true;

  constructor(
    timestampOf: (value: T) => number,
    options: { readonly outOfOrderMs: number; readonly idleAfterMs: number },
    context: OperatorContext,
    out: Collector<T> & WatermarkCollector,
  ) {
    this.timestampOf = timestampOf;
    this.cursor = context.cursor;
    this.out = out;
    this.context = context;
    this.time = this.#newTime("");
    this.#outOfOrderMs = options.outOfOrderMs;
    this.#idleAfterMs = options.idleAfterMs;
    this.#lookAtMs = options.idleAfterMs === Infinity ? Infinity : context.now() + options.idleAfterMs;
  }

  process(value: T): void {
    const { timestampOf, cursor } = this;
    const timestamp = timestampOf(value);
    // A Date compares as a number does, and is none.
    if (!(typeof timestamp === "number" && timestamp >= -maxTimestamp && timestamp <= maxTimestamp)) {
      throw this.#invalid(timestamp);
    }
    if (cursor.split !== this.split) this.#moveTo(cursor.split);
    const { time } = this;
    if (timestamp > time.latest) time.latest = timestamp;
    time.touched = true;
    cursor.timestamp = timestamp;
    this.out.collect(value);
  }

  onBatch(): void {
    this.#look();
    this.#emit();
  }

  nextProcessingTimer(): number {
    return this.#lookAtMs;
  }

  fireProcessingTimer(): void {
    const nowMs = this.#look();
    let next = Infinity;
    for (const time of this.#times.values()) {
      if (nowMs - time.silentSinceMs >= this.#idleAfterMs) time.idle = true;
      if (!time.idle) next = Math.min(next, time.silentSinceMs + this.#idleAfterMs);
    }
    this.#lookAtMs = next;
    this.#emit();
  }

  snapshot(): readonly SnapshotPart[] {
    this.#takeUpSplits();
    const { uid } = this.context;
    return [...this.#times].filter(([, { latest }]) => latest > -Infinity).map(([split, { latest }]): SnapshotPart => {
      const bytes = encodeValue(latest, `event time of split ${split} of ${uid}`);
      const own = this.#open === undefined;
      return { scope: own ? "subtask" : "split", name: own ? taskPart : split, slices: () => [bytes] };
    });
  }

  restore(parts: readonly RestoredPart[]): void {
    for (const { scope, name, subtask, bytes } of parts) {
      const decoded = decodeValue(bytes);
      const latest = decoded.kind === "value" ? decoded.value : undefined;
      if (typeof latest !== "number") {
        throw new SluiceError(
          "STATE_DAMAGED",
          `the event time of ${scope === "split" ? `split ${name}` : "the stream"} of operator ${this.context.uid}, ` +
            `old subtask ` +
            `${subtask}, cannot be read; restore from another checkpoint`,
        );
      }
      // At another parallelism a stream goes on where the old subtask was that was furthest behind.
      const split = scope === "split" ? name : "";
      this.#restored.set(split, Math.min(latest, this.#restored.get(split) ?? latest));
    }
  }

  /** Sees which splits are open and which gave something; returns the time. */
  #look(): number {
    this.#takeUpSplits();
    if (this.#idleAfterMs === Infinity) return 0;
    const { halted } = this.context;
    const nowMs = this.context.now();
    const wasHalted = halted || this.#wasHalted;
    this.#wasHalted = halted;
    for (const time of this.#times.values()) {
      if (!time.touched && !wasHalted) continue;
      time.silentSinceMs = nowMs;
      if (time.touched) time.idle = time.touched = false;
    }
    if (this.#lookAtMs === Infinity && [...this.#times.values()].some(({ idle }) => !idle)) {
      this.#lookAtMs = nowMs + this.#idleAfterMs;
      this.context.timersChanged();
    }
    return nowMs;
  }

  #emit(): void {
    let active = false;
    let earliest = Infinity;
    for (const { latest, idle } of this.#times.values()) {
      if (idle) continue;
      active = true;
      if (latest < earliest) earliest = latest;
    }
    if (!active) {
      if (this.#times.size > 0 && !this.#idle) this.out.idle();
      this.#idle = this.#times.size > 0;
      return;
    }
    const watermark = Math.max(earliest - this.#outOfOrderMs - 1, this.#emitted);
    if (watermark === this.#emitted && !this.#idle) return;
    this.#idle = false;
    this.#emitted = watermark;
    if (watermark > NO_WATERMARK) this.out.watermark(watermark);
  }

  /** Begins to watch splits that were opened, and forgets those that were read to their end. */
  #takeUpSplits(): void {
    const open = this.context.openSplits;
    if (open === undefined) {
      if (this.#times.size === 0) this.#moveTo("");
      return;
    }
    if (open === this.#open) return;
    this.#open = open;
    const still = new Set(open);
    for (const split of this.#times.keys()) if (!still.has(split)) this.#times.delete(split);
    for (const split of open) if (!this.#times.has(split)) this.#times.set(split, this.#newTime(split));
    this.split = undefined;
  }

  #moveTo(split: string): void {
    this.split = split;
    const known = this.#times.get(split);
    this.time = known ?? this.#newTime(split);
    if (known === undefined) this.#times.set(split, this.time);
  }

  #newTime(split: string): SplitTime {
    const latest = this.#restored.get(split) ?? -Infinity;
    return { latest, touched: false, silentSinceMs: this.context.now(), idle: false };
  }

  #invalid(timestamp: unknown): SluiceError {
    const kind = timestamp instanceof Date ? "a Date" : `a ${typeof timestamp}`;
    const what = typeof timestamp === "number" ? String(timestamp) : kind;
    return new SluiceError(
      "TIMESTAMP_INVALID",
      `the timestamp function of ${this.context.uid} gave ${what} for a record; it must give milliseconds since the Unix epoch ` +
        `(for a Date: date.getTime(); for text: Date.parse(text))`,
    );
  }
}
