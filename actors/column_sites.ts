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

/** Reads numbers to `from` and behind, until a field has none: how many records that were. */
export function loadNumbers(records: readonly Fields[], name: string, numbers: Float64Array, from: number): number {
  const count = records.length;
  let row = 0;
  let stop: unknown;
  switch (siteOf(name)) {
    case 0:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 1:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 2:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 3:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 4:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 5:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 6:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 7:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 8:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 9:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 10:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 11:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 12:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 13:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 14:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    case 15:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
      break;
    default:
      for (; row < count && typeof (stop = (records[row] as Fields)[name]) === "number"; row++) numbers[from + row] = stop;
  }
  stopped = row < count ? stop : undefined;
  return row;
}

/** Reads values of any kind, from a row on. */
export function loadValues(records: readonly Fields[], name: string, cells: unknown[], row: number): void {
  const count = records.length;
  switch (siteOf(name)) {
    case 0:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 1:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 2:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 3:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 4:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 5:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 6:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 7:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 8:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 9:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 10:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 11:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 12:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 13:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 14:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    case 15:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
      break;
    default:
      for (; row < count; row++) cells[row] = (records[row] as Fields)[name];
  }
}

/** Stores numbers: the first of them in the first record. */
export function storeNumbers(records: readonly Fields[], name: string, numbers: Float64Array): void {
  const count = records.length;
  let row = 0;
  switch (siteOf(name)) {
    case 0:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 1:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 2:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 3:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 4:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 5:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 6:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 7:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 8:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 9:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 10:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 11:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 12:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 13:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 14:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    case 15:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      break;
    default:
      for (; row < count; row++) (records[row] as Fields)[name] = numbers[row];
  }
}

/** Stores values of any kind: the first of them in the first record. */
export function storeValues(records: readonly Fields[], name: string, values: readonly unknown[]): void {
  const count = records.length;
  let row = 0;
  switch (siteOf(name)) {
    case 0:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 1:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 2:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 3:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 4:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 5:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 6:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 7:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 8:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 9:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 10:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 11:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 12:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 13:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 14:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    case 15:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
      break;
    default:
      for (; row < count; row++) (records[row] as Fields)[name] = values[row];
  }
}
