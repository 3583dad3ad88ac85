/** So many words of marks are looked at in one step. */
export const wordsAtOnce = 16_384;

/**
 * Which rows were touched in one epoch: the marks of each key group of a range, a bit for each row, 32 to a word. A group may
 * have fewer words than rows.
 */
export type RowMarks = readonly Int32Array[];

/** A walk over the rows of a group, the `at`-th of the range, that were touched in any of some epochs: in order, each once. */
export class TouchedRows {
  private readonly epochs: readonly Int32Array[];
  /** How many words of marks there are to look at. */
  readonly words: number;
  /** The word that comes next. */
  private next = 0;
  /** Bits that are left of the one before. */
  private left = 0;

  constructor(epochs: readonly RowMarks[], at: number) {
    this.epochs = epochs.map((marks) => marks[at] as Int32Array);
    this.words = this.epochs.reduce((most, { length }) => Math.max(most, length), 0);
  }

  get isOver(): boolean {
    return this.left === 0 && this.next >= this.words;
  }

  /** Puts the numbers of the next rows into `rows`, at most so many, in a bounded piece of work; gives how many: maybe none. */
  take(rows: Int32Array, most: number): number {
    const to = Math.min(this.words, this.next + wordsAtOnce);
    let { next, left } = this;
    let count = 0;
    while (count < most) {
      if (left === 0) {
        if (next >= to) break;
        left = this.#word(next++);
        continue;
      }
      rows[count++] = 32 * next - 1 - Math.clz32(left & -left);
      left &= left - 1;
    }
    this.next = next;
    this.left = left;
    return count;
  }

  #word(at: number): number {
    const { epochs } = this;
    let word = 0;
    for (let epoch = 0; epoch < epochs.length; epoch++) {
      const words = epochs[epoch] as Int32Array;
      if (at < words.length) word |= words[at] as number;
    }
    return word;
  }
}
