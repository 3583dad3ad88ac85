import { ShapePlaces } from "../../actors/shape_places.ts";

/**
 * Makes records out of rows of numbers, and puts them back. As in `column_sites.ts` of the codec, an engine is quick only at a
 * place in the source that always meets the same names, so each of the first shapes that come has places of its own, the same to
 * the letter as the others.
 */
export type Fields = Record<string, unknown>;

/** Records with more fields have no place. */
export const maxRowFields = 8;

/** The place for records with these fields, up to {@link maxRowFields}. */
export const rowPlaces: ShapePlaces = new ShapePlaces(4);

/**
 * Makes a record of the numbers from `at` on, at the place that {@link rowPlaces} gave for these names.
 * @param floats The bits of fields that hold other numbers than whole ones of 32 bits: an engine that can see that the others do
 *   keeps them without an object for each.
 */
export function readRow(place: number, names: readonly string[], floats: number, cells: Float64Array, at: number): Fields {
  switch (place) {
    case 0:
      return read0(names, floats, cells, at);
    case 1:
      return read1(names, floats, cells, at);
    case 2:
      return read2(names, floats, cells, at);
    default:
      return read3(names, floats, cells, at);
  }
}

/** Writes the fields of a record from `at` on; false, with some of them written, where one is no number. */
export function writeRow(place: number, record: Fields, names: readonly string[], cells: Float64Array, at: number): boolean {
  switch (place) {
    case 0:
      return write0(record, names, cells, at);
    case 1:
      return write1(record, names, cells, at);
    case 2:
      return write2(record, names, cells, at);
    default:
      return write3(record, names, cells, at);
  }
}

function read0(names: readonly string[], floats: number, cells: Float64Array, at: number): Fields {
  const fields = names.length;
  const record: Fields = {};
  if ((floats & 1) !== 0) record[names[0] as string] = cells[at];
  else record[names[0] as string] = (cells[at] as number) | 0;
  if (fields === 1) return record;
  if ((floats & 2) !== 0) record[names[1] as string] = cells[at + 1];
  else record[names[1] as string] = (cells[at + 1] as number) | 0;
  if (fields === 2) return record;
  if ((floats & 4) !== 0) record[names[2] as string] = cells[at + 2];
  else record[names[2] as string] = (cells[at + 2] as number) | 0;
  if (fields === 3) return record;
  if ((floats & 8) !== 0) record[names[3] as string] = cells[at + 3];
  else record[names[3] as string] = (cells[at + 3] as number) | 0;
  if (fields === 4) return record;
  if ((floats & 16) !== 0) record[names[4] as string] = cells[at + 4];
  else record[names[4] as string] = (cells[at + 4] as number) | 0;
  if (fields === 5) return record;
  if ((floats & 32) !== 0) record[names[5] as string] = cells[at + 5];
  else record[names[5] as string] = (cells[at + 5] as number) | 0;
  if (fields === 6) return record;
  if ((floats & 64) !== 0) record[names[6] as string] = cells[at + 6];
  else record[names[6] as string] = (cells[at + 6] as number) | 0;
  if (fields === 7) return record;
  if ((floats & 128) !== 0) record[names[7] as string] = cells[at + 7];
  else record[names[7] as string] = (cells[at + 7] as number) | 0;
  return record;
}

function read1(names: readonly string[], floats: number, cells: Float64Array, at: number): Fields {
  const fields = names.length;
  const record: Fields = {};
  if ((floats & 1) !== 0) record[names[0] as string] = cells[at];
  else record[names[0] as string] = (cells[at] as number) | 0;
  if (fields === 1) return record;
  if ((floats & 2) !== 0) record[names[1] as string] = cells[at + 1];
  else record[names[1] as string] = (cells[at + 1] as number) | 0;
  if (fields === 2) return record;
  if ((floats & 4) !== 0) record[names[2] as string] = cells[at + 2];
  else record[names[2] as string] = (cells[at + 2] as number) | 0;
  if (fields === 3) return record;
  if ((floats & 8) !== 0) record[names[3] as string] = cells[at + 3];
  else record[names[3] as string] = (cells[at + 3] as number) | 0;
  if (fields === 4) return record;
  if ((floats & 16) !== 0) record[names[4] as string] = cells[at + 4];
  else record[names[4] as string] = (cells[at + 4] as number) | 0;
  if (fields === 5) return record;
  if ((floats & 32) !== 0) record[names[5] as string] = cells[at + 5];
  else record[names[5] as string] = (cells[at + 5] as number) | 0;
  if (fields === 6) return record;
  if ((floats & 64) !== 0) record[names[6] as string] = cells[at + 6];
  else record[names[6] as string] = (cells[at + 6] as number) | 0;
  if (fields === 7) return record;
  if ((floats & 128) !== 0) record[names[7] as string] = cells[at + 7];
  else record[names[7] as string] = (cells[at + 7] as number) | 0;
  return record;
}

function read2(names: readonly string[], floats: number, cells: Float64Array, at: number): Fields {
  const fields = names.length;
  const record: Fields = {};
  if ((floats & 1) !== 0) record[names[0] as string] = cells[at];
  else record[names[0] as string] = (cells[at] as number) | 0;
  if (fields === 1) return record;
  if ((floats & 2) !== 0) record[names[1] as string] = cells[at + 1];
  else record[names[1] as string] = (cells[at + 1] as number) | 0;
  if (fields === 2) return record;
  if ((floats & 4) !== 0) record[names[2] as string] = cells[at + 2];
  else record[names[2] as string] = (cells[at + 2] as number) | 0;
  if (fields === 3) return record;
  if ((floats & 8) !== 0) record[names[3] as string] = cells[at + 3];
  else record[names[3] as string] = (cells[at + 3] as number) | 0;
  if (fields === 4) return record;
  if ((floats & 16) !== 0) record[names[4] as string] = cells[at + 4];
  else record[names[4] as string] = (cells[at + 4] as number) | 0;
  if (fields === 5) return record;
  if ((floats & 32) !== 0) record[names[5] as string] = cells[at + 5];
  else record[names[5] as string] = (cells[at + 5] as number) | 0;
  if (fields === 6) return record;
  if ((floats & 64) !== 0) record[names[6] as string] = cells[at + 6];
  else record[names[6] as string] = (cells[at + 6] as number) | 0;
  if (fields === 7) return record;
  if ((floats & 128) !== 0) record[names[7] as string] = cells[at + 7];
  else record[names[7] as string] = (cells[at + 7] as number) | 0;
  return record;
}

function read3(names: readonly string[], floats: number, cells: Float64Array, at: number): Fields {
  const fields = names.length;
  const record: Fields = {};
  if ((floats & 1) !== 0) record[names[0] as string] = cells[at];
  else record[names[0] as string] = (cells[at] as number) | 0;
  if (fields === 1) return record;
  if ((floats & 2) !== 0) record[names[1] as string] = cells[at + 1];
  else record[names[1] as string] = (cells[at + 1] as number) | 0;
  if (fields === 2) return record;
  if ((floats & 4) !== 0) record[names[2] as string] = cells[at + 2];
  else record[names[2] as string] = (cells[at + 2] as number) | 0;
  if (fields === 3) return record;
  if ((floats & 8) !== 0) record[names[3] as string] = cells[at + 3];
  else record[names[3] as string] = (cells[at + 3] as number) | 0;
  if (fields === 4) return record;
  if ((floats & 16) !== 0) record[names[4] as string] = cells[at + 4];
  else record[names[4] as string] = (cells[at + 4] as number) | 0;
  if (fields === 5) return record;
  if ((floats & 32) !== 0) record[names[5] as string] = cells[at + 5];
  else record[names[5] as string] = (cells[at + 5] as number) | 0;
  if (fields === 6) return record;
  if ((floats & 64) !== 0) record[names[6] as string] = cells[at + 6];
  else record[names[6] as string] = (cells[at + 6] as number) | 0;
  if (fields === 7) return record;
  if ((floats & 128) !== 0) record[names[7] as string] = cells[at + 7];
  else record[names[7] as string] = (cells[at + 7] as number) | 0;
  return record;
}

function write0(record: Fields, names: readonly string[], cells: Float64Array, at: number): boolean {
  const fields = names.length;
  let value: unknown;
  if (typeof (value = record[names[0] as string]) !== "number") return false;
  cells[at] = value;
  if (fields === 1) return true;
  if (typeof (value = record[names[1] as string]) !== "number") return false;
  cells[at + 1] = value;
  if (fields === 2) return true;
  if (typeof (value = record[names[2] as string]) !== "number") return false;
  cells[at + 2] = value;
  if (fields === 3) return true;
  if (typeof (value = record[names[3] as string]) !== "number") return false;
  cells[at + 3] = value;
  if (fields === 4) return true;
  if (typeof (value = record[names[4] as string]) !== "number") return false;
  cells[at + 4] = value;
  if (fields === 5) return true;
  if (typeof (value = record[names[5] as string]) !== "number") return false;
  cells[at + 5] = value;
  if (fields === 6) return true;
  if (typeof (value = record[names[6] as string]) !== "number") return false;
  cells[at + 6] = value;
  if (fields === 7) return true;
  if (typeof (value = record[names[7] as string]) !== "number") return false;
  cells[at + 7] = value;
  return true;
}

function write1(record: Fields, names: readonly string[], cells: Float64Array, at: number): boolean {
  const fields = names.length;
  let value: unknown;
  if (typeof (value = record[names[0] as string]) !== "number") return false;
  cells[at] = value;
  if (fields === 1) return true;
  if (typeof (value = record[names[1] as string]) !== "number") return false;
  cells[at + 1] = value;
  if (fields === 2) return true;
  if (typeof (value = record[names[2] as string]) !== "number") return false;
  cells[at + 2] = value;
  if (fields === 3) return true;
  if (typeof (value = record[names[3] as string]) !== "number") return false;
  cells[at + 3] = value;
  if (fields === 4) return true;
  if (typeof (value = record[names[4] as string]) !== "number") return false;
  cells[at + 4] = value;
  if (fields === 5) return true;
  if (typeof (value = record[names[5] as string]) !== "number") return false;
  cells[at + 5] = value;
  if (fields === 6) return true;
  if (typeof (value = record[names[6] as string]) !== "number") return false;
  cells[at + 6] = value;
  if (fields === 7) return true;
  if (typeof (value = record[names[7] as string]) !== "number") return false;
  cells[at + 7] = value;
  return true;
}

function write2(record: Fields, names: readonly string[], cells: Float64Array, at: number): boolean {
  const fields = names.length;
  let value: unknown;
  if (typeof (value = record[names[0] as string]) !== "number") return false;
  cells[at] = value;
  if (fields === 1) return true;
  if (typeof (value = record[names[1] as string]) !== "number") return false;
  cells[at + 1] = value;
  if (fields === 2) return true;
  if (typeof (value = record[names[2] as string]) !== "number") return false;
  cells[at + 2] = value;
  if (fields === 3) return true;
  if (typeof (value = record[names[3] as string]) !== "number") return false;
  cells[at + 3] = value;
  if (fields === 4) return true;
  if (typeof (value = record[names[4] as string]) !== "number") return false;
  cells[at + 4] = value;
  if (fields === 5) return true;
  if (typeof (value = record[names[5] as string]) !== "number") return false;
  cells[at + 5] = value;
  if (fields === 6) return true;
  if (typeof (value = record[names[6] as string]) !== "number") return false;
  cells[at + 6] = value;
  if (fields === 7) return true;
  if (typeof (value = record[names[7] as string]) !== "number") return false;
  cells[at + 7] = value;
  return true;
}

function write3(record: Fields, names: readonly string[], cells: Float64Array, at: number): boolean {
  const fields = names.length;
  let value: unknown;
  if (typeof (value = record[names[0] as string]) !== "number") return false;
  cells[at] = value;
  if (fields === 1) return true;
  if (typeof (value = record[names[1] as string]) !== "number") return false;
  cells[at + 1] = value;
  if (fields === 2) return true;
  if (typeof (value = record[names[2] as string]) !== "number") return false;
  cells[at + 2] = value;
  if (fields === 3) return true;
  if (typeof (value = record[names[3] as string]) !== "number") return false;
  cells[at + 3] = value;
  if (fields === 4) return true;
  if (typeof (value = record[names[4] as string]) !== "number") return false;
  cells[at + 4] = value;
  if (fields === 5) return true;
  if (typeof (value = record[names[5] as string]) !== "number") return false;
  cells[at + 5] = value;
  if (fields === 6) return true;
  if (typeof (value = record[names[6] as string]) !== "number") return false;
  cells[at + 6] = value;
  if (fields === 7) return true;
  if (typeof (value = record[names[7] as string]) !== "number") return false;
  cells[at + 7] = value;
  return true;
}
