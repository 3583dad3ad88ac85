import type { RowGroup } from "./row_group.ts";

const leastKept = 8;
const mostKept = 1_024;

/** Rows as they were, one behind the other. */
export class KeptRows {
  /** So many numbers a row. */
  readonly stride: number;
  cells: Float64Array<ArrayBuffer>;
  count = 0;

  constructor(stride: number) {
    this.stride = stride;
    this.cells = new Float64Array(leastKept * stride);
  }

  /** So many more may be added. */
  get room(): number {
    return mostKept - this.count;
  }

  get isFull(): boolean {
    return this.room === 0;
  }

  add({ cells: from }: RowGroup, at: number): void {
    const { stride } = this;
    const to = this.count++ * stride;
    if (to === this.cells.length) {
      const larger = new Float64Array(2 * to);
      larger.set(this.cells);
      this.cells = larger;
    }
    const { cells } = this;
    for (let cell = 0; cell < stride; cell++) cells[to + cell] = from[at + cell] as number;
  }
}
