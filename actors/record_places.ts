import type { Fields } from "./column_sites.ts";
import { ShapePlaces } from "./shape_places.ts";

/**
 * Makes records out of columns, each with its fields in their turn. As in `column_sites.ts`, an engine is quick only at a place
 * in the source that always meets the same names, so each of the first shapes that come has a place of its own, the same to the
 * letter as the others.
 */

/** Records with more fields are made in another way. */
export const maxWrittenFields = 8;

/** The place for records with these fields, up to {@link maxWrittenFields}. */
export const recordPlaces: ShapePlaces = new ShapePlaces(4);

/** The values of a field: the first of them is that of the first record to be made. */
export type Cells = ArrayLike<unknown>;

type Eight<T> = readonly [T, T, T, T, T, T, T, T];
type Names = Eight<string>;
type Columns = Eight<Cells>;

/** Makes records of rows `row` to `end` at a place that {@link recordPlaces} gave for these names. */
export function makeRecords(
  place: number,
  records: Fields[],
  names: readonly string[],
  columns: readonly Cells[],
  row: number,
  end: number,
): void {
  switch (place) {
    case 0:
      return makeAt0(records, names, columns, row, end);
    case 1:
      return makeAt1(records, names, columns, row, end);
    case 2:
      return makeAt2(records, names, columns, row, end);
    default:
      return makeAt3(records, names, columns, row, end);
  }
}

function makeAt0(records: Fields[], names: readonly string[], columns: readonly Cells[], row: number, end: number): void {
  const fields = names.length;
  const [n0, n1, n2, n3, n4, n5, n6, n7] = names as Names;
  const [c0, c1, c2, c3, c4, c5, c6, c7] = columns as Columns;
  for (let at = 0; row < end; row++, at++) {
    const record: Fields = {};
    record[n0] = c0[at];
    if (fields > 1) record[n1] = c1[at];
    if (fields > 2) record[n2] = c2[at];
    if (fields > 3) record[n3] = c3[at];
    if (fields > 4) record[n4] = c4[at];
    if (fields > 5) record[n5] = c5[at];
    if (fields > 6) record[n6] = c6[at];
    if (fields > 7) record[n7] = c7[at];
    records[row] = record;
  }
}

function makeAt1(records: Fields[], names: readonly string[], columns: readonly Cells[], row: number, end: number): void {
  const fields = names.length;
  const [n0, n1, n2, n3, n4, n5, n6, n7] = names as Names;
  const [c0, c1, c2, c3, c4, c5, c6, c7] = columns as Columns;
  for (let at = 0; row < end; row++, at++) {
    const record: Fields = {};
    record[n0] = c0[at];
    if (fields > 1) record[n1] = c1[at];
    if (fields > 2) record[n2] = c2[at];
    if (fields > 3) record[n3] = c3[at];
    if (fields > 4) record[n4] = c4[at];
    if (fields > 5) record[n5] = c5[at];
    if (fields > 6) record[n6] = c6[at];
    if (fields > 7) record[n7] = c7[at];
    records[row] = record;
  }
}

function makeAt2(records: Fields[], names: readonly string[], columns: readonly Cells[], row: number, end: number): void {
  const fields = names.length;
  const [n0, n1, n2, n3, n4, n5, n6, n7] = names as Names;
  const [c0, c1, c2, c3, c4, c5, c6, c7] = columns as Columns;
  for (let at = 0; row < end; row++, at++) {
    const record: Fields = {};
    record[n0] = c0[at];
    if (fields > 1) record[n1] = c1[at];
    if (fields > 2) record[n2] = c2[at];
    if (fields > 3) record[n3] = c3[at];
    if (fields > 4) record[n4] = c4[at];
    if (fields > 5) record[n5] = c5[at];
    if (fields > 6) record[n6] = c6[at];
    if (fields > 7) record[n7] = c7[at];
    records[row] = record;
  }
}

function makeAt3(records: Fields[], names: readonly string[], columns: readonly Cells[], row: number, end: number): void {
  const fields = names.length;
  const [n0, n1, n2, n3, n4, n5, n6, n7] = names as Names;
  const [c0, c1, c2, c3, c4, c5, c6, c7] = columns as Columns;
  for (let at = 0; row < end; row++, at++) {
    const record: Fields = {};
    record[n0] = c0[at];
    if (fields > 1) record[n1] = c1[at];
    if (fields > 2) record[n2] = c2[at];
    if (fields > 3) record[n3] = c3[at];
    if (fields > 4) record[n4] = c4[at];
    if (fields > 5) record[n5] = c5[at];
    if (fields > 6) record[n6] = c6[at];
    if (fields > 7) record[n7] = c7[at];
    records[row] = record;
  }
}
