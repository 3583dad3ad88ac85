import { type Fields, loadNumbers, loadValues, stoppedAt } from "./column_sites.ts";
import { hasHiddenFields, isSearched } from "./exactness.ts";
import type { MsgpackOutput } from "./msgpack_output.ts";
import { countContainers, forgetShapes, write } from "./msgpack_writer.ts";

/**
 * Records (plain objects) with the same fields in the same order, written column by column: a map of msgpack from each field's
 * name to its column. A column is an array of its kind and what that kind needs:
 *
 * | column                | values                                                                                    |
 * |-----------------------|-------------------------------------------------------------------------------------------|
 * | `[0, value]`          | the same number, string, boolean, bigint, null or undefined in every record               |
 * | `[1, array]`          | any, one by one                                                                           |
 * | `[2, Float64Array]`   | numbers                                                                                   |
 * | `[3, base, unsigned]` | whole numbers: the base and what a `Uint8Array`, `Uint16Array` or `Uint32Array` adds to it |
 * | `[4, lengths, bytes]` | strings of ASCII: their lengths, a list of numbers, and all of their bytes                |
 *
 * Lists of numbers are such columns, too. What stands in an array of kind 1 can be read without what came before it.
 */
export const columnKinds = { constant: 0, values: 1, floats: 2, integers: 3, strings: 4 } as const;

/** Records with more fields are written one by one. */
export const maxColumns = 64;

/** Fewer records are written one by one: that takes less time. */
const minRecords = 8;

/** Fields of all records together; more are written one by one, so that the room for their numbers is bounded. */
const maxCells = 1 << 17;

/**
 * The fields of all records may be at most this many times the bytes they come in: what a reader allocates is bounded by what
 * is there, although a constant takes no bytes for each record.
 */
export const maxCellsPerByte = 16;

/** Records that are read column by column before the next ones are: they stay in the processor's nearest cache meanwhile. */
export const blockRecords = 256;

/** Numbers on their way to a typed array, column after column. They hold none of the values up. */
let numbers = new Float64Array(4_096);
let lengths = new Float64Array(1_024);

/** `list`, or a longer one in its place. */
function roomFor(list: Float64Array<ArrayBuffer>, count: number): Float64Array<ArrayBuffer> {
  return list.length >= count ? list : new Float64Array(Math.max(count, Math.min(list.length * 2, maxCells)));
}

/**
 * Writes the values as columns, where they are records alike, and enough of them; false, and nothing written, where they are not.
 *
 * Of the records themselves only some are searched for hidden fields, see {@link isSearched}; of what is in their fields, all.
 *
 * @param depth Where the values stand: their fields are two deeper.
 * @throws {Error} `inexact` when a field's value would not come back exactly.
 */
export function writeColumns(output: MsgpackOutput, values: readonly unknown[], depth: number): boolean {
  const count = values.length;
  if (count < minRecords) return false;
  const names = fieldsOf(values[0]);
  if (names === undefined || names.length * count > maxCells) return false;
  numbers = roomFor(numbers, names.length * count);
  const cells = new Array<unknown[] | undefined>(names.length).fill(undefined);
  for (let row = 0; row < count; row += blockRecords) {
    const end = Math.min(count, row + blockRecords);
    if (!arePlain(values, row, end)) return false;
    for (let column = 0; column < names.length; column++) {
      cells[column] = cellsOf(values, names[column] as string, cells[column], column * count, row, end);
    }
    // Only now: what a getter did while it was read would show.
    if (!haveFields(values, names, row, end)) return false;
  }
  countContainers(count);
  const start = output.position;
  output.count(names.length, 0x80, 0xde);
  for (let column = 0; column < names.length; column++) {
    output.ready();
    output.string(names[column] as string);
    const ofColumn = cells[column];
    if (ofColumn === undefined) writeNumberColumn(output, numbers, column * count, count);
    else writeCells(output, ofColumn, depth + 2);
  }
  if (names.length * count <= maxCellsPerByte * (output.position - start)) return true;
  output.rewind(start);
  forgetShapes();
  return false;
}

/**
 * Writes any values: as columns where they are records alike, else as one column.
 *
 * @param depth Where the values stand, as if they were an array.
 * @throws {Error} `inexact` when one would not come back exactly.
 */
export function writeValues(output: MsgpackOutput, values: readonly unknown[], depth: number): void {
  if (writeColumns(output, values, depth)) return;
  const count = values.length;
  numbers = roomFor(numbers, count);
  let at = 0;
  for (; at < count; at++) {
    const value = values[at];
    if (typeof value !== "number") break;
    numbers[at] = value;
  }
  if (at === count) writeNumberColumn(output, numbers, 0, count);
  else writeCells(output, values, depth + 1);
}

/** Writes records of numbers as {@link writeColumns} does, out of rows: their fields begin `head` numbers behind those. */
export function writeNumberRows(
  output: MsgpackOutput,
  names: readonly string[],
  cells: Float64Array,
  rows: Int32Array,
  count: number,
  head: number,
): void {
  countContainers(count);
  output.count(names.length, 0x80, 0xde);
  for (let column = 0; column < names.length; column++) {
    output.ready();
    output.string(names[column] as string);
    writeRowColumn(output, cells, rows, count, head + column);
  }
}

/** Writes the numbers that stand `offset` behind the first `count` of `rows` as a column. */
export function writeRowColumn(
  output: MsgpackOutput,
  cells: Float64Array,
  rows: Int32Array,
  count: number,
  offset: number,
): void {
  const column = numbers = roomFor(numbers, count);
  let least = Infinity;
  let most = -Infinity;
  let isWhole = true;
  for (let row = 0; row < count; row++) {
    const value = column[row] = cells[(rows[row] as number) + offset] as number;
    if (value < least) least = value;
    if (value > most) most = value;
    if (!isExactInteger(value)) isWhole = false;
  }
  writeMeasured(output, column, 0, count, least, isWhole ? most : Infinity);
}

function fieldsOf(value: unknown): readonly string[] | undefined {
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const names = Object.keys(value);
  if (names.length === 0 || names.length > maxColumns) return undefined;
  return names.every((name) => name !== "__proto__" && name.isWellFormed()) ? names : undefined;
}

function arePlain(values: readonly unknown[], row: number, end: number): values is readonly Fields[] {
  for (; row < end; row++) {
    const value = values[row];
    if (typeof value !== "object" || value === null) return false;
    // An engine knows the prototype of what it has just looked for a property in: asked for it alone, it calls.
    if ((value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] !== undefined) return false;
    if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  }
  return true;
}

function haveFields(records: readonly Fields[], names: readonly string[], row: number, end: number): boolean {
  const fields = names.length;
  for (; row < end; row++) {
    const record = records[row] as Fields;
    let column = 0;
    for (const name in record) if (names[column++] !== name) return false;
    if (column !== fields || (isSearched(row) && hasHiddenFields(record, fields))) return false;
  }
  return true;
}

/**
 * Reads a field of the records of rows `row` to `end` once: numbers to `from + row` and behind in `numbers`; where there is
 * anything else, to `cells`, an array of all its values. Undefined as long as all are numbers.
 */
function cellsOf(
  records: readonly Fields[],
  name: string,
  cells: unknown[] | undefined,
  from: number,
  row: number,
  end: number,
): unknown[] | undefined {
  if (cells !== undefined) {
    loadValues(records, name, cells, row, end);
    return cells;
  }
  const found = loadNumbers(records, name, numbers, from, row, end);
  if (found === end) return undefined;
  const all = new Array<unknown>(records.length);
  for (let before = 0; before < found; before++) all[before] = numbers[from + before];
  all[found] = stoppedAt();
  loadValues(records, name, all, found + 1, end);
  return all;
}

/** Writes a list of numbers as a column. */
export function writeNumbers(output: MsgpackOutput, list: readonly number[]): void {
  const count = list.length;
  numbers = roomFor(numbers, count);
  for (let index = 0; index < count; index++) numbers[index] = list[index] as number;
  writeNumberColumn(output, numbers, 0, count);
}

/** Writes `count` numbers from `from` on as a column. */
function writeNumberColumn(output: MsgpackOutput, numbers: Float64Array, from: number, count: number): void {
  const to = from + count;
  let least = Infinity;
  let most = count === 0 ? Infinity : -Infinity;
  for (let index = from; index < to; index++) {
    const value = numbers[index] as number;
    if (value < least) least = value;
    if (value > most) most = value;
    if (!isExactInteger(value)) {
      most = Infinity;
      break;
    }
  }
  writeMeasured(output, numbers, from, count, least, most);
}

/** Whether it is a whole number, and not −0; of an infinite one the range says that it cannot be written as such. */
function isExactInteger(value: number): boolean {
  return Math.floor(value) === value && (value !== 0 || 1 / value > 0);
}

/** Writes a column of numbers from `least` to `most`, where they are whole; else `most` is Infinity. */
function writeMeasured(
  output: MsgpackOutput,
  numbers: Float64Array,
  from: number,
  count: number,
  least: number,
  most: number,
): void {
  output.ready();
  if (!(most - least <= 0xffff_ffff && least >= Number.MIN_SAFE_INTEGER && most <= Number.MAX_SAFE_INTEGER)) {
    output.count(2, 0x90, 0xdc);
    output.byte(columnKinds.floats);
    output.floats(numbers, from, count);
  } else if (least === most) {
    output.count(2, 0x90, 0xdc);
    output.byte(columnKinds.constant);
    output.number(least);
  } else {
    output.count(3, 0x90, 0xdc);
    output.byte(columnKinds.integers);
    output.number(least);
    output.integers(numbers, from, count, least, most - least);
  }
}

function writeCells(output: MsgpackOutput, cells: readonly unknown[], depth: number): void {
  output.ready();
  const first = cells[0];
  if (isConstant(cells, first)) {
    output.count(2, 0x90, 0xdc);
    output.byte(columnKinds.constant);
    write(first, depth);
  } else if (typeof first !== "string" || !writeStrings(output, cells)) {
    output.count(2, 0x90, 0xdc);
    output.byte(columnKinds.values);
    output.count(cells.length, 0x90, 0xdc);
    forgetShapes();
    for (let index = 0; index < cells.length; index++) write(cells[index], depth);
  }
}

function isConstant(cells: readonly unknown[], first: unknown): boolean {
  if ((typeof first === "object" && first !== null) || typeof first === "number") return false;
  for (let index = 1; index < cells.length; index++) if (cells[index] !== first) return false;
  return true;
}

/** Writes strings one behind the other; false, and nothing written, where some are none, or not of ASCII. */
function writeStrings(output: MsgpackOutput, cells: readonly unknown[]): boolean {
  const count = cells.length;
  lengths = roomFor(lengths, count);
  let units = 0;
  for (let index = 0; index < count; index++) {
    const cell = cells[index];
    if (typeof cell !== "string") return false;
    units += lengths[index] = cell.length;
  }
  const start = output.position;
  output.count(3, 0x90, 0xdc);
  output.byte(columnKinds.strings);
  writeNumberColumn(output, lengths, 0, count);
  output.ready();
  if (output.ascii(cells as readonly string[], units)) return true;
  output.rewind(start);
  return false;
}
