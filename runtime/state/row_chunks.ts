import type { Key } from "../graph/key.ts";
import type { KeyGroupRange } from "../graph/operator.ts";
import { ChunkSize } from "./chunk_size.ts";
import type { Stamps } from "./cut.ts";
import type { EntryCodec } from "./entry_codec.ts";
import type { EntryRows } from "./entry_rows.ts";
import { KeptRows } from "./kept_rows.ts";
import { encodeNumbers } from "./keyed_part.ts";
import { type RowGroup, rowHead } from "./row_group.ts";
import type { RowShape } from "./row_shape.ts";
import { emptyChunk } from "./section_cut.ts";
import { type RowMarks, TouchedRows, wordsAtOnce } from "./touched_rows.ts";

/** How many rows one chunk holds at most, and how many are looked at in one step. */
const rowsPerChunk = 4_096;
const looksPerChunk = 16_384;

/** Used between two steps: what is in it has gone into a chunk by then. */
const found = new Int32Array(rowsPerChunk);

/** Writes rows in chunks. They may change, come and go between two of these. */
export class RowChunks {
  readonly #codec: EntryCodec;
  readonly #size = new ChunkSize(rowsPerChunk);

  constructor(codec: EntryCodec) {
    this.#codec = codec;
  }

  /** Those of some groups that have these stamps: of all rows, or of those that were touched in some of these epochs. */
  *of(
    rows: EntryRows,
    { first, last }: KeyGroupRange,
    stamps: Stamps,
    touched: readonly RowMarks[] | undefined,
  ): Iterable<Uint8Array> {
    if (touched === undefined) { for (let group = first; group <= last; group++) yield* this.#all(rows, group, stamps); }
    else if (first === last) yield* this.#touched(rows, first, stamps, touched);
    else yield* this.#together(rows, { first, last }, stamps, touched);
  }

  *#all(rows: EntryRows, group: number, { least, most }: Stamps): Iterable<Uint8Array> {
    for (let next = 0; next >= 0;) {
      const wanted = this.#size.count;
      const [count, behind] = rows.of(group).collect(next, looksPerChunk, least, most, found.subarray(0, wanted));
      next = behind;
      yield this.#chunk(rows.shape, rows.of(group).cells, count);
    }
  }

  *#touched(rows: EntryRows, group: number, stamps: Stamps, epochs: readonly RowMarks[]): Iterable<Uint8Array> {
    const walk = new TouchedRows(epochs, group - rows.first);
    while (!walk.isOver) {
      const count = find(walk, this.#size.count, rows.of(group), stamps);
      yield this.#chunk(rows.shape, rows.of(group).cells, count);
    }
  }

  /** Of groups that have little: copied, so that they share chunks. A row that is touched later is kept, as any other. */
  *#together(
    rows: EntryRows,
    { first, last }: KeyGroupRange,
    stamps: Stamps,
    epochs: readonly RowMarks[],
  ): Iterable<Uint8Array> {
    let copies = new KeptRows(rows.of(first).stride);
    let words = 0;
    for (let group = first; group <= last; group++) {
      const walk = new TouchedRows(epochs, group - rows.first);
      while (!walk.isOver) {
        const count = find(walk, copies.room, rows.of(group), stamps);
        for (let row = 0; row < count; row++) copies.add(rows.of(group), found[row] as number);
        if (!copies.isFull) continue;
        yield this.kept(rows, copies);
        copies = new KeptRows(copies.stride);
      }
      words += walk.words;
      if (words < wordsAtOnce) continue;
      yield emptyChunk;
      words = 0;
    }
    yield this.kept(rows, copies);
  }

  /** Rows that were kept as they were. */
  kept({ shape }: EntryRows, { cells, count, stride }: KeptRows): Uint8Array {
    for (let row = 0; row < count; row++) found[row] = row * stride;
    return this.#chunk(shape, cells, count);
  }

  /** The first rows of `found`. */
  #chunk(shape: RowShape, cells: Float64Array, count: number): Uint8Array {
    if (count === 0) return emptyChunk;
    const table = { cells, rows: found, count, head: rowHead, names: shape.names };
    const chunk = encodeNumbers(table) ?? this.#oneByOne(shape, cells, count);
    if (count === this.#size.count) this.#size.wrote(chunk.length);
    return chunk;
  }

  #oneByOne(shape: RowShape, cells: Float64Array, count: number): Uint8Array {
    const keys: Key[] = [];
    const values: unknown[] = [];
    for (const at of found.subarray(0, count)) {
      keys.push(cells[at] as number);
      values.push(shape.read(cells, at + rowHead));
    }
    return this.#codec.encodeColumns(keys, values);
  }
}

/** Puts the offsets of the next rows of a walk that have these stamps into `found`, of at most so many that it looks at. */
function find(walk: TouchedRows, looks: number, { cells, stride }: RowGroup, { least, most }: Stamps): number {
  const taken = walk.take(found, looks);
  let count = 0;
  for (let index = 0; index < taken; index++) {
    const at = (found[index] as number) * stride;
    const stamp = cells[at + 1] as number;
    if (stamp >= least && stamp <= most) found[count++] = at;
  }
  return count;
}
