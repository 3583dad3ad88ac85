import { Buffer } from "node:buffer";
import { decodeValueAt } from "./codec.ts";
import { storeIntegers, storeNumbers, storeValues } from "./column_sites.ts";
import { blockRecords, columnKinds, maxCellsPerByte, maxColumns } from "./columns_writer.ts";
import { reservedKey } from "./exactness.ts";
import { type Cells, makeRecords, maxWrittenFields, recordPlaces } from "./record_places.ts";

/** What is wrong with the bytes; whoever reads from a {@link ColumnsReader} catches it. */
export class MalformedColumns extends Error {}

/** A column whose values are not all decoded yet. */
interface Column {
  readonly kind: number;
  readonly first: unknown;
  /** The values of one that is no list of numbers. */
  readonly values: readonly unknown[];
  /** Where its typed array starts, of how many bytes each number is, and what to add. */
  readonly at: number;
  readonly width: number;
  readonly base: number;
  /** Whether all numbers are whole ones of 32 bits, signed: engines keep these without an object for each, if they are told. */
  readonly isSmall: boolean;
}

/** What a string may keep in memory besides itself. */
const groupBytes = 128;

const noValues: readonly unknown[] = [];

/** Numbers between their typed array and where they belong. */
let numbers = new Float64Array(2_048);
/** More are let go after use. */
const keptNumbers = 1 << 17;

/** {@link numbers}, long enough for so many: until the next call. */
function roomFor(count: number): Float64Array<ArrayBuffer> {
  if (numbers.length < count || numbers.length > keptNumbers) numbers = new Float64Array(Math.max(count, 2_048));
  return numbers;
}

/** A block of the numbers of each column, by the column's place. */
const blocks: Float64Array[] = [];
const blocksOfIntegers: Int32Array[] = [];

/**
 * Reads, piece by piece, what `columns_writer.ts` wrote. Every count is checked against the bytes that are there before anything
 * is allocated for it; what is malformed is thrown, as {@link MalformedColumns}.
 */
export class ColumnsReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** How many values the array has that starts here. */
  array(): number {
    return this.#count(0x90, 0xdc, "no array where one should be");
  }

  /** Any value nested at most `maxDepth` deep. */
  value(maxDepth: number): unknown {
    const decoded = decodeValueAt(this.#bytes, this.#at, maxDepth);
    if (decoded.kind === "corrupt") throw new MalformedColumns(decoded.reason);
    this.#at = decoded.end;
    return decoded.value;
  }

  /** `count` values nested at most `maxDepth` deep each: records in columns, or an array. */
  values(count: number, maxDepth: number): readonly unknown[] {
    const token = this.#bytes[this.#at] ?? 0;
    if (token >> 4 === 8 || token === 0xde) return this.#records(count, maxDepth);
    const values = this.value(maxDepth + 1);
    if (!Array.isArray(values) || values.length !== count) throw new MalformedColumns(`not ${count} values, as claimed`);
    return values as readonly unknown[];
  }

  /** `count` numbers, or null. */
  numbers(count: number): readonly number[] | undefined {
    if (this.#bytes[this.#at] === 0xc0) {
      this.#at++;
      return undefined;
    }
    const column = this.#column(count, 0);
    if (column.kind === columnKinds.constant && typeof column.first === "number") return new Array(count).fill(column.first);
    if (column.width === 0) throw new MalformedColumns("a list of numbers is none");
    return this.#listOf(column, count);
  }

  /** `count` values nested at most `maxDepth` deep each: records in columns, or a column of any kind. */
  list(count: number, maxDepth: number): readonly unknown[] {
    const token = this.#bytes[this.#at] ?? 0;
    if (token >> 4 === 8 || token === 0xde) return this.#records(count, maxDepth);
    const column = this.#column(count, maxDepth);
    if (column.kind === columnKinds.constant) return new Array<unknown>(count).fill(column.first);
    return column.width === 0 ? column.values : this.#listOf(column, count);
  }

  /** The numbers of a column. By hand: an iterator over a typed array costs as much as a fifth of a record's decoding. */
  #listOf(column: Column, count: number): number[] {
    const read = this.#numbersOf(column, 0, count);
    const list = new Array<number>(count);
    if (column.isSmall) { for (let index = 0; index < count; index++) list[index] = (read[index] as number) | 0; }
    else for (let index = 0; index < count; index++) list[index] = read[index] as number;
    return list;
  }

  #records(count: number, maxDepth: number): readonly unknown[] {
    const fields = this.#count(0x80, 0xde, "no columns where some should be");
    if (fields === 0 || fields > maxColumns) throw new MalformedColumns(`records of ${fields} fields in columns`);
    if (count === 0 || count * fields > maxCellsPerByte * this.#bytes.length) {
      throw new MalformedColumns(`it claims ${count} records of ${fields} fields in ${this.#bytes.length} bytes`);
    }
    const names: string[] = [];
    const columns: Column[] = [];
    const template: Record<string, unknown> = {};
    for (let index = 0; index < fields; index++) {
      const name = this.#string();
      if (name === reservedKey) throw new MalformedColumns(`a field is named ${reservedKey}`);
      const column = this.#column(count, maxDepth - 1);
      names.push(name);
      columns.push(column);
      template[name] = column.first;
    }
    // The same names, as the engine keeps them: fields are found sooner by those.
    const kept = Object.keys(template);
    if (kept.length !== fields) throw new MalformedColumns("a field is named twice");
    for (let index = 0; index < fields; index++) {
      if (kept[index] !== names[index]) throw new MalformedColumns("the fields are in an order that no object has");
    }
    const place = fields > maxWrittenFields ? -1 : recordPlaces.of(kept);
    if (place >= 0) return this.#recordsAt(place, kept, columns, count);
    const records = new Array<Record<string, unknown>>(count);
    for (let row = 0; row < count; row += blockRecords) {
      const end = Math.min(count, row + blockRecords);
      for (let made = row; made < end; made++) records[made] = { ...template };
      for (let index = 0; index < fields; index++) {
        const column = columns[index] as Column;
        if (column.kind === columnKinds.constant) continue;
        const name = kept[index] as string;
        if (column.width === 0) storeValues(records, name, column.values, row, end);
        else if (column.isSmall) storeIntegers(records, name, this.#numbersOf(column, row, end), row, end);
        else storeNumbers(records, name, this.#numbersOf(column, row, end), row, end);
      }
    }
    return records;
  }

  /** Records made at a place of their own. */
  #recordsAt(place: number, names: readonly string[], columns: readonly Column[], count: number): readonly unknown[] {
    const records = new Array<Record<string, unknown>>(count);
    const cells: Cells[] = columns.map(({ kind, first, values }) => {
      return kind === columnKinds.constant ? new Array<unknown>(Math.min(count, blockRecords)).fill(first) : values;
    });
    for (let row = 0; row < count; row += blockRecords) {
      const end = Math.min(count, row + blockRecords);
      for (let index = 0; index < columns.length; index++) {
        const column = columns[index] as Column;
        if (column.kind === columnKinds.constant) continue;
        if (column.width > 0) cells[index] = this.#blockOf(column, index, row, end);
        else if (count > blockRecords) cells[index] = column.values.slice(row, end);
      }
      makeRecords(place, records, names, cells, row, end);
    }
    return records;
  }

  /** The numbers of rows `row` to `end` of a column, until the next call for a column at the same `index`. */
  #blockOf(column: Column, index: number, row: number, end: number): Cells {
    if (!column.isSmall) return this.#numbersOf(column, row, end, blocks[index] ??= new Float64Array(blockRecords));
    const { width, base } = column;
    const integers = blocksOfIntegers[index] ??= new Int32Array(blockRecords);
    const bytes = this.#bytes;
    const count = end - row;
    let from = column.at + row * width;
    if (width === 1) { for (let at = 0; at < count; at++) integers[at] = base + (bytes[from++] as number); }
    else if (width === 2) {
      for (let at = 0; at < count; at++, from += 2) {
        integers[at] = base + ((bytes[from] as number) | (bytes[from + 1] as number) << 8);
      }
    } else for (let at = 0; at < count; at++, from += 4) integers[at] = base + this.#view.getUint32(from, true);
    return integers;
  }

  #column(count: number, maxDepth: number): Column {
    const parts = this.array();
    const kind = parts === 0 ? -1 : this.#byte();
    const column = { kind, first: undefined, values: noValues, at: 0, width: 0, base: 0, isSmall: false };
    if (parts === 2 && kind === columnKinds.constant) {
      const first = this.value(0);
      if (typeof first === "object" && first !== null) throw new MalformedColumns("a constant is an object");
      return { ...column, first };
    }
    if (parts === 3 && kind === columnKinds.strings) {
      const values = this.#strings(count);
      return { ...column, first: values[0], values };
    }
    if (parts === 2 && kind === columnKinds.values) {
      const values = this.value(maxDepth + 1);
      if (!Array.isArray(values) || values.length !== count) throw new MalformedColumns(`a column has not ${count} values`);
      return { ...column, first: values[0], values };
    }
    if (parts === 2 && kind === columnKinds.floats) {
      const at = this.#binary(count);
      if (this.#elementBytes !== 8) throw new MalformedColumns("a column is of another type than it says");
      return { ...column, first: count === 0 ? 0 : this.#view.getFloat64(at, true), at, width: 8 };
    }
    if (parts === 3 && kind === columnKinds.integers) {
      const base = this.value(0);
      const at = this.#binary(count);
      const width = this.#elementBytes;
      if (width === 8) throw new MalformedColumns("a column is of another type than it says");
      if (!Number.isSafeInteger(base)) throw new MalformedColumns("the base of a column is no whole number");
      const isSmall = (base as number) >= -0x8000_0000 && (base as number) + this.#most(at, width, count) <= 0x7fff_ffff;
      const numeric = { ...column, at, width, base: base as number, isSmall };
      const first = count === 0 ? 0 : this.#numbersOf(numeric, 0, 1)[0] as number;
      return { ...numeric, first: isSmall ? first | 0 : first };
    }
    throw new MalformedColumns(`a column of unknown kind ${kind}`);
  }

  /** What is added to a base, at most. */
  #most(at: number, width: number, count: number): number {
    if (width < 4) return 0xffff;
    let most = 0;
    for (let index = 0; index < count; index++) most = Math.max(most, this.#view.getUint32(at + index * 4, true));
    return most;
  }

  /** The numbers of rows `row` to `end` of a column: in `numbers`, which is long enough. */
  #numbersOf(
    { at: start, width, base }: Column,
    row: number,
    end: number,
    numbers: Float64Array = roomFor(end - row),
  ): Float64Array {
    const count = end - row;
    const at = start + row * width;
    const bytes = this.#bytes;
    if (width === 1) { for (let index = 0; index < count; index++) numbers[index] = base + (bytes[at + index] as number); }
    else if (width === 2) {
      for (let index = 0, from = at; index < count; index++, from += 2) {
        numbers[index] = base + ((bytes[from] as number) | (bytes[from + 1] as number) << 8);
      }
    } else if (width === 4) {
      for (let index = 0, from = at; index < count; index++, from += 4) numbers[index] = base + this.#view.getUint32(from, true);
    } else {
      for (let index = 0, from = at; index < count; index++, from += 8) numbers[index] = this.#view.getFloat64(from, true);
    }
    return numbers;
  }

  /** How many bytes each number of the last typed array takes. */
  #elementBytes = 0;

  /** Where the content of the typed array with `count` numbers starts that comes next. */
  #binary(count: number): number {
    const token = this.#byte();
    let bytes: number;
    if (token === 0xd6 || token === 0xd7 || token === 0xd8) bytes = 4 << (token - 0xd6);
    else if (token === 0xc7) bytes = this.#byte();
    else if (token === 0xc8) bytes = this.#uint16();
    else if (token === 0xc9) bytes = this.#uint32();
    else throw new MalformedColumns("a column has no typed array");
    if (this.left < bytes + 1 || bytes === 0) throw new MalformedColumns("it ends too early");
    const type = this.#byte();
    const code = this.#byte();
    const width = code === 1 ? 1 : code === 4 ? 2 : code === 6 ? 4 : code === 8 ? 8 : 0;
    if (type !== 0x74 || width === 0 || bytes - 1 !== count * width) {
      throw new MalformedColumns(`a column has no typed array of ${count} numbers`);
    }
    this.#elementBytes = width;
    const at = this.#at;
    this.#at += bytes - 1;
    return at;
  }

  /**
   * Strings cut out of groups of them, since each call out of the engine costs more than a string. A part of a string keeps all
   * of it in memory: so groups are short.
   */
  #strings(count: number): readonly string[] {
    const lengths = this.numbers(count);
    const token = this.#byte();
    const bytes = token === 0xc4 ? this.#byte() : token === 0xc5 ? this.#uint16() : token === 0xc6 ? this.#uint32() : -1;
    if (lengths === undefined || bytes < 0 || bytes > this.left) throw new MalformedColumns("a column of strings has no bytes");
    let sum = 0;
    for (let row = 0; row < count; row++) {
      const length = lengths[row] as number;
      if (!(length >= 0) || !Number.isInteger(length)) throw new MalformedColumns("a string has no length");
      sum += length;
    }
    if (sum !== bytes) throw new MalformedColumns(`strings of ${sum} bytes in ${bytes}`);
    const strings = new Array<string>(count);
    let at = this.#at;
    for (let row = 0; row < count;) {
      let end = row + 1;
      let size = lengths[row] as number;
      while (end < count && size + (lengths[end] as number) <= groupBytes) size += lengths[end++] as number;
      const text = this.#bytes.toString("latin1", at, at + size);
      at += size;
      if (end === row + 1) {
        strings[row++] = text;
      } else {
        for (let from = 0; row < end; row++) {
          const to = from + (lengths[row] as number);
          strings[row] = text.slice(from, to);
          from = to;
        }
      }
    }
    this.#at = at;
    return strings;
  }

  #string(): string {
    const token = this.#byte();
    let bytes: number;
    if (token >= 0xa0 && token < 0xc0) bytes = token - 0xa0;
    else if (token === 0xd9) bytes = this.#byte();
    else if (token === 0xda) bytes = this.#uint16();
    else if (token === 0xdb) bytes = this.#uint32();
    else throw new MalformedColumns("no text where some should be");
    if (bytes > this.left) throw new MalformedColumns("it ends too early");
    const from = this.#at;
    this.#at += bytes;
    return this.#bytes.toString("utf8", from, this.#at);
  }

  #count(fixed: number, long: number, otherwise: string): number {
    const token = this.#byte();
    if (token >> 4 === fixed >> 4) return token & 0xf;
    if (token === long) return this.#uint16();
    if (token === long + 1) return this.#uint32();
    throw new MalformedColumns(otherwise);
  }

  #byte(): number {
    if (this.left < 1) throw new MalformedColumns("it ends too early");
    return this.#bytes[this.#at++] as number;
  }

  #uint16(): number {
    if (this.left < 2) throw new MalformedColumns("it ends too early");
    const value = this.#view.getUint16(this.#at);
    this.#at += 2;
    return value;
  }

  #uint32(): number {
    if (this.left < 4) throw new MalformedColumns("it ends too early");
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }
}
