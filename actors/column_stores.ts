/**
 * Stores a column into the records it belongs to. An engine keeps what it has learned about a store by its place in the source,
 * and a store whose field is always the same takes a fraction of one whose field changes: so each of the first names that come
 * has a place of its own, the same to the letter as the others.
 */

type Fields = Record<string, unknown>;

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

/** Stores numbers: the first of them in the first record. */
export function storeNumbers(records: readonly Fields[], name: string, numbers: Float64Array): void {
  const count = records.length;
  switch (siteOf(name)) {
    case 0:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 1:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 2:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 3:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 4:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 5:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 6:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 7:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 8:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 9:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 10:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 11:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 12:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 13:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 14:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    case 15:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
      return;
    default:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = numbers[row];
  }
}

/** Stores values of any kind: the first of them in the first record. */
export function storeValues(records: readonly Fields[], name: string, values: readonly unknown[]): void {
  const count = records.length;
  switch (siteOf(name)) {
    case 0:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 1:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 2:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 3:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 4:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 5:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 6:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 7:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 8:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 9:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 10:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 11:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 12:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 13:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 14:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    case 15:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
      return;
    default:
      for (let row = 0; row < count; row++) (records[row] as Fields)[name] = values[row];
  }
}
