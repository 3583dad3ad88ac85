import { encodeValue } from "../../actors/codec.ts";
import { MAX_WATERMARK, NO_WATERMARK } from "../graph/frame.ts";
import type { Cursor, Operator, SnapshotPart } from "../graph/operator.ts";
import type { Next } from "./chain.ts";

/** The part of a snapshot that holds how far event time had come in a task; it stands under the task's id. */
export const eventTimePart = "#event-time";

/** What of it is in a snapshot. */
export interface EventTimeState {
  readonly watermark: number;
  readonly target: number;
}

/** After so many timers in one advance, downstream is told how far event time has come. */
const stepsPerWatermark = 1_024;

/**
 * Event time of one subtask. It advances to a watermark one timer a step, so that control is served between steps; the
 * watermark is forwarded when all timers up to it have fired, and in between during long bursts (protocol 8.1).
 */
export class EventTime {
  readonly #cursor: Cursor;
  readonly #head: Operator | undefined;
  readonly #entry: Next;
  #watermark = NO_WATERMARK;
  #target = NO_WATERMARK;
  #idle = false;
  #steps = 0;
  /** What was encoded last, and of which state. */
  #encoded: { readonly state: EventTimeState; readonly bytes: Uint8Array } | undefined;

  constructor(cursor: Cursor, head: Operator | undefined, entry: Next) {
    this.#cursor = cursor;
    this.#head = head;
    this.#entry = entry;
    cursor.watermark = this.#watermark;
  }

  /** Whether timers are being fired up to a watermark: no record is processed meanwhile. */
  get advancing(): boolean {
    if (this.#target > this.#watermark) return true;
    // No watermark comes behind the last one, so a timer that is set afterwards (by what goes round a loop) is due at once.
    return this.#watermark === MAX_WATERMARK && (this.#head?.nextEventTimer?.() ?? Infinity) <= MAX_WATERMARK;
  }

  /** What has been forwarded. */
  get watermark(): number {
    return this.#watermark;
  }

  /** The inputs have come to `watermark`; undefined: all of them are idle. */
  inputsAt(watermark: number | undefined): void {
    if (watermark === undefined) {
      if (!this.#idle) this.#entry.idle();
      this.#idle = true;
      return;
    }
    this.#idle = false;
    if (watermark <= this.#target) return;
    this.#target = watermark;
    this.#cursor.watermark = watermark;
  }

  /** Says again that all inputs are idle, if they are: a record that was fed back has made what follows wait for them. */
  idleStill(): void {
    if (this.#idle) this.#entry.idle();
  }

  /** One step of advancing: fires one timer, or forwards the watermark. */
  step(): void {
    const due = this.#head?.nextEventTimer?.() ?? Infinity;
    if (due > this.#target) return this.#forward(this.#target);
    this.#head?.fireEventTimer?.();
    if (++this.#steps % stepsPerWatermark !== 0) return;
    const next = this.#head?.nextEventTimer?.() ?? Infinity;
    if (next <= this.#target && next - 1 > this.#watermark) this.#forward(next - 1);
  }

  /** Its part of a snapshot. */
  snapshot(): SnapshotPart {
    const watermark = this.#watermark;
    const target = this.#target;
    if (this.#encoded?.state.watermark !== watermark || this.#encoded.state.target !== target) {
      const state = { watermark, target };
      this.#encoded = { state, bytes: encodeValue(state) };
    }
    const { bytes } = this.#encoded;
    return { scope: "subtask", name: eventTimePart, slices: () => [bytes] };
  }

  /** Goes on where it was; at another parallelism, where the old subtask was that was furthest behind. */
  restore(states: readonly EventTimeState[]): void {
    this.#watermark = Math.min(...states.map((state) => state.watermark));
    this.#target = Math.min(...states.map((state) => state.target));
    this.#cursor.watermark = this.#target;
  }

  /**
   * Says again how far event time had come: what was under way of it may have been taken for another channel's, or left out
   * of a channel that was split.
   */
  announce(): void {
    if (this.#watermark > NO_WATERMARK) this.#entry.watermark(this.#watermark);
  }

  #forward(watermark: number): void {
    this.#watermark = watermark;
    this.#entry.watermark(watermark);
  }
}
