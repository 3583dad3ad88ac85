import { hasHiddenFields } from "../../actors/exactness.ts";
import { type Fields, maxRowFields, readRow, rowPlaces, writeRow } from "./row_places.ts";

/** One in so many records is searched for hidden fields when it is written, as `isSearched` of the codec does. */
const searchedOf = 64;

/**
 * How the values of a table stand in rows of numbers: each a number, or a plain record of numbers, all with the same fields in
 * the same order.
 */
export class RowShape {
  /** The fields; undefined where values are numbers. */
  readonly names: readonly string[] | undefined;
  /** How many numbers a value takes. */
  readonly width: number;
  private readonly place: number;
  /** The bits of fields that have held anything but a whole number of 32 bits. */
  private floats = 0;
  private written = 0;

  private constructor(names: readonly string[] | undefined, place: number) {
    this.names = names;
    this.width = names?.length ?? 1;
    this.place = place;
  }

  /** The shape of a value; undefined for one that cannot stand in a row, or when too many other shapes have come before. */
  static of(value: unknown): RowShape | undefined {
    if (typeof value === "number") return new RowShape(undefined, -1);
    if (!isPlain(value)) return undefined;
    const names = Object.keys(value);
    if (names.length === 0 || names.length > maxRowFields || !names.every(isName)) return undefined;
    if (!names.every((name) => typeof value[name] === "number")) return undefined;
    const place = rowPlaces.of(names);
    return place < 0 ? undefined : new RowShape(names, place);
  }

  /** Makes a value of the numbers from `at` on. */
  read(cells: Float64Array, at: number): unknown {
    if (this.names !== undefined) return readRow(this.place, this.names, this.floats, cells, at);
    return (this.floats & 1) !== 0 ? cells[at] : (cells[at] as number) | 0;
  }

  /** Writes a value from `at` on; false, with anything written, for one of another shape. */
  write(value: unknown, cells: Float64Array, at: number): boolean {
    const { names } = this;
    if (names === undefined) {
      if (typeof value !== "number") return false;
      cells[at] = value;
    } else {
      if (!isPlain(value) || !haveNames(value, names)) return false;
      if (this.written++ % searchedOf === 0 && hasHiddenFields(value, names.length)) return false;
      if (!writeRow(this.place, value, names, cells, at)) return false;
    }
    for (let field = 0; field < this.width; field++) {
      const number = cells[at + field] as number;
      if ((number | 0) !== number || (number === 0 && 1 / number < 0)) this.floats |= 1 << field;
    }
    return true;
  }
}

function isPlain(value: unknown): value is Fields {
  if (typeof value !== "object" || value === null) return false;
  // An engine knows the prototype of what it has just looked for a property in: asked for it alone, it calls.
  if ((value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] !== undefined) return false;
  return Object.getPrototypeOf(value) === Object.prototype;
}

function haveNames(record: Fields, names: readonly string[]): boolean {
  let field = 0;
  for (const name in record) if (names[field++] !== name) return false;
  return field === names.length;
}

/** Names that are numbers are kept in another order, and that of the prototype is none. */
function isName(name: string): boolean {
  return name !== "__proto__" && name.isWellFormed() && !/^\d/.test(name);
}
