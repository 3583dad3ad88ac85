/**
 * Reads the values of a field out of records, and stores them into records. An engine keeps what it has learned about a field by
 * its place in the source, and where the name is always the same it takes a fraction of the time that changing names take: so
 * each of the first names that come has places of its own, the same to the letter as the others.
 */

export type Fields = Record<string, unknown>;

const siteCount = 16;
const sites = new Map<string, number>();

/** The place for a field of this name; the last one, when all have been dealt out, is for any. */
function siteOf(name: string): number {
  const dealt = sites.get(name);
  if (dealt !== undefined) return dealt;
  if (sites.size === siteCount) return siteCount;
  sites.set(name, sites.size);
  return sites.size - 1;
}

let stopped: unknown;

/** The value that the last {@link loadNumbers} stopped at. */
export function stoppedAt(): unknown {
  const value = stopped;
  stopped = undefined;
  return value;
}

/** Reads the numbers of rows `row` to `end` to `from + row` and behind, until a field has none: the row that it came to. */
export function loadNumbers(
  records: readonly Fields[],
  name: string,
  numbers: Float64Array,
  from: number,
  row: number,
  end: number,
): number {
  let stop: unknown;
  switch (siteOf(name)) {
    case 0:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 1:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 2:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 3:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 4:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 5:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 6:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 7:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 8:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 9:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 10:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 11:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 12:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 13:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 14:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 15:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    default:
      for (; row < end && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
  }
  stopped = row < end ? stop : undefined;
  return row;
}

/** Reads the values of rows `row` to `end`, of any kind. */
export function loadValues(records: readonly Fields[], name: string, cells: unknown[], row: number, end: number): void {
  switch (siteOf(name)) {
    case 0:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 1:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 2:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 3:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 4:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 5:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 6:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 7:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 8:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 9:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 10:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 11:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 12:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 13:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 14:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 15:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
      break;
    default:
      for (; row < end; row++) cells[row] = (records[row] as Fields)[name];
  }
}

/** Stores numbers in rows `row` to `end`: the first of them in the first of these. */
export function storeNumbers(records: readonly Fields[], name: string, numbers: Float64Array, row: number, end: number): void {
  const first = row;
  switch (siteOf(name)) {
    case 0:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 1:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 2:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 3:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 4:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 5:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 6:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 7:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 8:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 9:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 10:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 11:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 12:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 13:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 14:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    case 15:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
      break;
    default:
      for (; row < end; row++) (records[row] as Fields)[name] = numbers[row - first];
  }
}

/**
 * Stores whole numbers of 32 bits, signed, in rows `row` to `end`: the first of them in the first of these. An engine that can
 * see what they are keeps them without an object for each.
 */
export function storeIntegers(records: readonly Fields[], name: string, numbers: Float64Array, row: number, end: number): void {
  const first = row;
  switch (siteOf(name)) {
    case 0:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 1:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 2:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 3:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 4:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 5:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 6:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 7:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 8:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 9:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 10:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 11:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 12:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 13:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 14:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    case 15:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
      break;
    default:
      for (; row < end; row++) (records[row] as Fields)[name] = (numbers[row - first] as number) | 0;
  }
}

/** Stores values of any kind in rows `row` to `end`, each in the record of its own row. */
export function storeValues(
  records: readonly Fields[],
  name: string,
  values: readonly unknown[],
  row: number,
  end: number,
): void {
  switch (siteOf(name)) {
    case 0:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 1:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 2:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 3:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 4:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 5:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 6:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 7:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 8:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 9:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 10:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 11:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 12:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 13:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 14:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 15:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
      break;
    default:
      for (; row < end; row++) (records[row] as Fields)[name] = values[row];
  }
}
