import { ColumnsReader, MalformedColumns } from "./columns_reader.ts";
import { maxCellsPerByte, writeNumberRows, writeRowColumn, writeValues } from "./columns_writer.ts";
import { messageOf, SluiceError } from "./error.ts";
import { refusal } from "./exactness.ts";
import { inexact } from "./msgpack_output.ts";
import { startMsgpack } from "./msgpack_writer.ts";

/**
 * Lists of equally many values side by side, such as keys and what belongs to each, as one array of msgpack: how many rows there
 * are, then each list. A list is a map of columns where its values are records alike, else one column; see `columns_writer.ts`.
 * Exact as `codec.ts` is, but for the search of records in columns that `columns_writer.ts` names.
 *
 * An array of arrays, as {@link encodeValue} writes the same lists, starts otherwise: {@link isTable} tells the two apart.
 */
export type Table = readonly (readonly unknown[])[];

/** A table, or why there is none. */
export type DecodedTable =
  | { readonly kind: "table"; readonly table: Table }
  | { readonly kind: "corrupt"; readonly reason: string };

/** Where the lists stand: in the array of the table. */
const listDepth = 1;

/** A table has fewer lists. */
const maxLists = 15;

/**
 * Encodes a table of at least one row into bytes of its own.
 *
 * @param path How error messages name the lists.
 * @param depth How many containers it may nest, as if its lists were arrays.
 * @param known Whether all of it was encoded before and has not changed since, which saves the search for hidden fields.
 * @returns undefined for one whose reader could not tell that all of its rows are there: rows that repeat take no bytes
 * @throws {SluiceError} `UNENCODABLE_VALUE` naming the place, when a value would not come back exactly.
 */
export function encodeTable(table: Table, path: string, depth: number, known: boolean): Uint8Array | undefined {
  const rows = table[0]?.length ?? 0;
  if (rows === 0 || table.length >= maxLists) throw new TypeError(`a table of ${table.length} lists and ${rows} rows`);
  const output = startMsgpack(depth, known);
  try {
    output.count(table.length + 1, 0x90, 0xdc);
    output.number(rows);
    for (const list of table) {
      output.ready();
      writeValues(output, list, listDepth);
    }
  } catch (error) {
    if (error === inexact) throw refusal(table, path, depth);
    const message = `Cannot encode ${path}: reading it fails: ${messageOf(error)}; use plain values`;
    throw new SluiceError("UNENCODABLE_VALUE", message, { cause: error });
  }
  return table.length * rows > maxCellsPerByte * output.position ? undefined : output.take(0);
}

/** Rows of numbers: of each a key, and behind it what belongs to it. */
export interface NumberTable {
  readonly cells: Float64Array;
  /** Where rows begin, with their keys; the first `count` of these. */
  readonly rows: Int32Array;
  readonly count: number;
  /** How far behind a key stands what belongs to it. */
  readonly head: number;
  /** The fields of records, one behind the other in a row; undefined: what belongs to a key is one number. */
  readonly names: readonly string[] | undefined;
}

/**
 * Encodes what would be a table of two lists, keys and numbers, or keys and records of numbers, without making them.
 *
 * @returns undefined for one whose reader could not tell that all of its rows are there: {@link encodeTable} has to do it
 */
export function encodeNumberTable({ cells, rows, count, head, names }: NumberTable, depth: number): Uint8Array | undefined {
  const output = startMsgpack(depth, true);
  output.count(3, 0x90, 0xdc);
  output.number(count);
  writeRowColumn(output, cells, rows, count, 0);
  output.ready();
  if (names === undefined) writeRowColumn(output, cells, rows, count, head);
  else writeNumberRows(output, names, cells, rows, count, head);
  const lists = 1 + (names?.length ?? 1);
  return lists * count > maxCellsPerByte * output.position ? undefined : output.take(0);
}

/** Whether bytes that are a table, or what {@link encodeValue} makes of an array of arrays, are the first. */
export function isTable(bytes: Uint8Array): boolean {
  const [lists = 0, rows = 0xff] = bytes;
  return lists > 0x91 && lists < 0x90 + 16 && (rows < 0x40 || (rows >= 0xcc && rows <= 0xce));
}

/**
 * Decodes a table, of values nested at most `maxDepth` deep with it. Never throws, whatever the bytes; what it gives back shares
 * no memory with them.
 */
export function decodeTable(bytes: Uint8Array, maxDepth: number): DecodedTable {
  const reader = new ColumnsReader(bytes);
  try {
    const lists = reader.array() - 1;
    const rows = reader.value(0);
    // What follows is allocated for as many rows.
    if (!Number.isSafeInteger(rows) || (rows as number) < 1 || (rows as number) * lists > maxCellsPerByte * bytes.length) {
      return { kind: "corrupt", reason: `it claims ${String(rows)} rows in ${bytes.length} bytes` };
    }
    const table: (readonly unknown[])[] = [];
    while (table.length < lists) table.push(reader.list(rows as number, maxDepth - listDepth - 1));
    if (reader.left > 0) return { kind: "corrupt", reason: `${reader.left} bytes after the table` };
    return { kind: "table", table };
  } catch (error) {
    return { kind: "corrupt", reason: error instanceof MalformedColumns ? error.message : messageOf(error) };
  }
}
