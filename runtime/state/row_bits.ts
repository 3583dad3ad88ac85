import type { KeyGroupRange } from "../graph/operator.ts";

/** So many words of bits are looked at in one step. */
const wordsAtOnce = 16_384;

const noWords = new Int32Array(0);

/** Which rows were touched in one epoch: a bit for each, by key group. */
export class RowBits {
  /** How often one was: a row that has gone and is used again counts twice. */
  count = 0;
  private readonly first: number;
  /** Of each group, as far as rows were touched. */
  private readonly words: Int32Array[];

  constructor({ first, last }: KeyGroupRange) {
    this.first = first;
    this.words = new Array<Int32Array>(last - first + 1).fill(noWords);
  }

  add(row: number, group: number): void {
    const at = row >>> 5;
    let words = this.words[group - this.first] as Int32Array;
    if (at >= words.length) words = this.#grow(words, at, group);
    words[at] = (words[at] as number) | 1 << (row & 31);
    this.count++;
  }

  /** Those of a group, 32 to a word. */
  of(group: number): Int32Array {
    return this.words[group - this.first] as Int32Array;
  }

  /** Rows are touched in any order, so there is soon room for all. */
  #grow(words: Int32Array, at: number, group: number): Int32Array {
    const larger = new Int32Array(at + (at >> 1) + 8);
    larger.set(words);
    return this.words[group - this.first] = larger;
  }
}

/** A walk over the rows of a group that were touched in any of some epochs, in order. None may be added meanwhile. */
export class TouchedRows {
  private readonly epochs: readonly Int32Array[];
  private readonly length: number;
  /** The word that comes next. */
  private next = 0;
  /** Bits that are left of the one before. */
  private left = 0;

  constructor(epochs: readonly RowBits[], group: number) {
    this.epochs = epochs.map((bits) => bits.of(group));
    this.length = this.epochs.reduce((most, { length }) => Math.max(most, length), 0);
  }

  get isOver(): boolean {
    return this.left === 0 && this.next >= this.length;
  }

  /** Puts the next rows into `rows`, at most so many, in a bounded piece of work; gives how many, which may be none. */
  take(rows: Int32Array, most: number): number {
    const to = Math.min(this.length, this.next + wordsAtOnce);
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
