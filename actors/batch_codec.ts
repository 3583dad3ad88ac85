import { messageOf, SluiceError } from "./error.ts";
import { ColumnsReader, MalformedColumns } from "./columns_reader.ts";
import { writeColumns, writeNumbers } from "./columns_writer.ts";
import { maxValueDepth, refusal } from "./exactness.ts";
import { inexact } from "./msgpack_output.ts";
import { forgetShapes, startMsgpack, write } from "./msgpack_writer.ts";

/**
 * Many values, lists of numbers beside them, and one value more, as one array of msgpack. The values are an array; or a map of
 * columns, where they are records alike: that takes a fraction of the time, and fewer bytes. The lists are columns, or null.
 * Exact as `codec.ts` is, but for this: of records in columns only the first 16 of each 256 are searched for fields that are
 * named by symbols or not enumerable. Where others have such a field it is left out.
 */
export interface Batch {
  readonly values: readonly unknown[];
  /** Each as long as there are values. */
  readonly lists: readonly (readonly number[] | undefined)[];
  readonly last: unknown;
}

/** A batch, or why there is none. */
export type DecodedBatch =
  | { readonly kind: "batch"; readonly batch: Batch }
  | { readonly kind: "corrupt"; readonly reason: string };

/** Where the values stand: in their array, in that of the batch. */
const valuesDepth = 1;

/**
 * Encodes a batch into bytes of its own.
 *
 * @param path How error messages name the list of values.
 * @param headroom How many bytes to leave free before the encoding, for a header of the caller's.
 * @throws {SluiceError} `UNENCODABLE_VALUE` naming the place, when a value would not come back exactly.
 */
export function encodeBatch({ values, lists, last }: Batch, path: string, headroom: number): Uint8Array {
  const output = startMsgpack(valuesDepth + 1 + maxValueDepth);
  try {
    output.count(2 + lists.length, 0x90, 0xdc);
    if (!writeColumns(output, values, valuesDepth)) write(values, valuesDepth);
    for (const list of lists) {
      output.ready();
      if (list === undefined) output.byte(0xc0);
      else writeNumbers(output, list);
    }
    forgetShapes();
    write(last, valuesDepth);
  } catch (error) {
    if (error === inexact) throw refusal(values, path, valuesDepth + maxValueDepth);
    const said = messageOf(error);
    const message = `Cannot encode ${path}: reading it fails: ${said}; use plain values`;
    throw new SluiceError("UNENCODABLE_VALUE", message, { cause: error });
  }
  return output.take(headroom);
}

/**
 * Decodes a batch of `count` values and `lists` lists. Never throws, whatever the bytes; what it gives back shares no memory
 * with them.
 */
export function decodeBatch(bytes: Uint8Array, count: number, lists: number): DecodedBatch {
  const reader = new ColumnsReader(bytes);
  try {
    if (reader.array() !== 2 + lists) return { kind: "corrupt", reason: `no array of ${2 + lists}` };
    const values = reader.values(count, maxValueDepth);
    const read: (readonly number[] | undefined)[] = [];
    while (read.length < lists) read.push(reader.numbers(count));
    const last = reader.value(maxValueDepth);
    if (reader.left > 0) return { kind: "corrupt", reason: `${reader.left} bytes after the value` };
    return { kind: "batch", batch: { values, lists: read, last } };
  } catch (error) {
    if (error instanceof MalformedColumns) return { kind: "corrupt", reason: error.message };
    return { kind: "corrupt", reason: messageOf(error) };
  }
}
