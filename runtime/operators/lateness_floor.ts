import { NO_WATERMARK } from "../graph/frame.ts";
import type { KeyGroupRange } from "../graph/operator.ts";

/**
 * How far event time had come for each key group before the restore.
 *
 * After a rescale a subtask starts at the lowest watermark of its old subtasks, but some of its key groups come from subtasks
 * that were further: their windows have fired, and a record for these must stay late (protocol 8.2).
 */
export class LatenessFloor {
  private floors: Float64Array | undefined = undefined;
  private readonly first: number;
  readonly #groups: number;
  #highest = NO_WATERMARK;

  constructor(range: KeyGroupRange) {
    this.first = range.first;
    this.#groups = range.last - range.first + 1;
  }

  /** The floor of a key group; the lowest number there is when it has none. */
  of(group: number): number {
    return this.floors === undefined ? NO_WATERMARK : this.floors[group - this.first]!;
  }

  /** Event time has come to `watermark` everywhere: floors below it mean nothing any more. */
  passed(watermark: number): void {
    if (watermark >= this.#highest) this.floors = undefined;
  }

  /** For a snapshot: the watermark or the floor of each key group, whichever is higher. */
  snapshot(watermark: number): readonly number[] {
    return Array.from({ length: this.#groups }, (_, index) => Math.max(watermark, this.of(this.first + index)));
  }

  /** From a snapshot of an old subtask that had the key groups of `old`. */
  restore(old: KeyGroupRange, floors: unknown): void {
    if (!Array.isArray(floors)) return;
    this.floors ??= new Float64Array(this.#groups).fill(NO_WATERMARK);
    for (let index = 0; index < this.#groups; index++) {
      const floor: unknown = floors[this.first + index - old.first];
      if (typeof floor !== "number") continue;
      this.floors[index] = floor;
      this.#highest = Math.max(this.#highest, floor);
    }
  }
}
