/** What stands at the head of each row: its key, and the stamp of its entry; its fields follow. */
export const rowHead = 2;

/** The stamp of a row that is free. What stands in place of its key is the next free one. */
const freeStamp = -1;

const leastRows = 8;
/** As many bits as slots of an index for these rows take. */
const leastBits = 4;

/** The golden ratio: multiplied by it, neighbouring numbers, and those with equal low bits, differ in their high bits. */
export const spreading = 0x9e3779b1;

const noMarks = new Int32Array(0);

const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

/** A bijection of whole numbers of 32 bits; its high bits are spread best. */
function hashOf(key: number): number {
  if ((key | 0) === key) return Math.imul(key, spreading);
  double[0] = key;
  return Math.imul((halves[0] as number) ^ Math.imul(halves[1] as number, 0x85ebca6b), spreading);
}

/**
 * The rows of one key group, found by their keys, which are numbers and not −0: one typed array of rows and one of their places,
 * so that a look-up waits for memory twice, a walk over all not at all, and a collector of garbage has nothing to look at.
 *
 * A row is named by its offset in `cells`, which stays the same until it is removed; `cells` does not.
 */
export class RowGroup {
  /** So many numbers a row: key, stamp, fields. */
  readonly stride: number;
  cells: Float64Array<ArrayBuffer>;
  /** An open table with linear probing: two numbers a slot, the key's hash, and the number of its row from 1 on; 0: empty. */
  private slots: Int32Array<ArrayBuffer> = new Int32Array(2 << leastBits);
  private bits = leastBits;
  private count = 0;
  /** The first of the rows that were free from the beginning. */
  private end = 0;
  /** The free row to be used first, counted from 1; 0: none but those behind `end`. */
  private free = 0;
  /** A bit for each row that was touched since marks were taken; as many words as there are rows for, or fewer. */
  private marks: Int32Array = noMarks;

  constructor(fields: number) {
    this.stride = rowHead + fields;
    this.cells = new Float64Array(leastRows * this.stride);
  }

  get size(): number {
    return this.count;
  }

  /** The row of a key, or -1. */
  find(key: number): number {
    const { slots, cells, stride } = this;
    const mask = (1 << this.bits) - 1;
    const hash = hashOf(key);
    for (let slot = hash >>> (32 - this.bits);; slot = (slot + 1) & mask) {
      const row = slots[2 * slot + 1] as number;
      if (row === 0) return -1;
      if (slots[2 * slot] !== hash) continue;
      const at = (row - 1) * stride;
      if (cells[at] === key) return at;
    }
  }

  /** A row for a key, which must have none; its fields are anything. */
  add(key: number, stamp: number): number {
    if (2 * ++this.count > 1 << this.bits) this.#widen();
    const row = this.#freeRow();
    this.#place(hashOf(key), row);
    const at = (row - 1) * this.stride;
    this.cells[at] = key;
    this.cells[at + 1] = stamp;
    return at;
  }

  remove(at: number): void {
    const { slots, stride, cells } = this;
    const mask = (1 << this.bits) - 1;
    const row = at / stride + 1;
    let hole = hashOf(cells[at] as number) >>> (32 - this.bits);
    while (slots[2 * hole + 1] !== row) hole = (hole + 1) & mask;
    // What stands behind it in a run moves up, unless it would stand before the slot that its hash says.
    for (let next = (hole + 1) & mask; slots[2 * next + 1] !== 0; next = (next + 1) & mask) {
      const home = (slots[2 * next] as number) >>> (32 - this.bits);
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots[2 * hole] = slots[2 * next] as number;
      slots[2 * hole + 1] = slots[2 * next + 1] as number;
      hole = next;
    }
    slots[2 * hole + 1] = 0;
    cells[at] = this.free;
    cells[at + 1] = freeStamp;
    this.free = row;
    this.count--;
  }

  /**
   * Collects rows that have stamps from `least` to `most`, looking at those from a row on, in order, until so many are found or
   * so many were looked at.
   * @param found takes their offsets, from its start on
   * @returns how many are found, and the row to go on with; -1 for none
   */
  collect(from: number, looks: number, least: number, most: number, found: Int32Array): readonly [count: number, next: number] {
    const { cells, stride } = this;
    const end = this.end * stride;
    const to = Math.min(end, from + looks * stride);
    let count = 0;
    let at = from;
    for (; at < to && count < found.length; at += stride) {
      const stamp = cells[at + 1] as number;
      if (stamp >= least && stamp <= most) found[count++] = at;
    }
    return [count, at < end ? at : -1];
  }

  /** Gives a row the stamp of a change. If it has it, it has its mark, too: most rows are put back more than once. */
  touch(at: number, stamp: number): void {
    if (this.cells[at + 1] === stamp) return;
    this.cells[at + 1] = stamp;
    this.mark(at);
  }

  mark(at: number): void {
    const row = at / this.stride | 0;
    const word = row >> 5;
    if (word >= this.marks.length) this.#widenMarks();
    this.marks[word] = (this.marks[word] as number) | 1 << (row & 31);
  }

  /** Takes the marks of rows, a bit for each, 32 to a word. */
  takeMarks(): Int32Array {
    const { marks } = this;
    this.marks = noMarks;
    return marks;
  }

  #widenMarks(): void {
    const { marks } = this;
    this.marks = new Int32Array(Math.ceil(this.cells.length / this.stride / 32));
    this.marks.set(marks);
  }

  #freeRow(): number {
    const row = this.free;
    if (row !== 0) {
      this.free = this.cells[(row - 1) * this.stride] as number;
      return row;
    }
    const { length } = this.cells;
    if (this.end * this.stride === length) {
      const rows = length / this.stride;
      const cells = new Float64Array((rows + (rows >> 1)) * this.stride);
      cells.set(this.cells);
      this.cells = cells;
    }
    return ++this.end;
  }

  #place(hash: number, row: number): void {
    const { slots } = this;
    const mask = (1 << this.bits) - 1;
    let slot = hash >>> (32 - this.bits);
    while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask;
    slots[2 * slot] = hash;
    slots[2 * slot + 1] = row;
  }

  #widen(): void {
    const { slots } = this;
    this.bits++;
    this.slots = new Int32Array(2 << this.bits);
    for (let at = 0; at < slots.length; at += 2) {
      const row = slots[at + 1] as number;
      if (row !== 0) this.#place(slots[at] as number, row);
    }
  }
}
