import { decodeBatch, type DecodedBatch, encodeBatch } from "../../actors/batch_codec.ts";
import { decodeValue } from "../../actors/codec.ts";
import { maxValueDepth } from "../../actors/exactness.ts";
import { elementCount, type Frame, type Mark } from "./frame.ts";
import type { FrameHeader } from "./message_header.ts";

/*
 * The body of a frame: one msgpack array of
 *
 * 0. the values: an array, or, where they are records alike, columns (`actors/columns_writer.ts`);
 * 1. their key groups, a column of numbers, or null;
 * 2. their timestamps, a column of numbers, or null;
 * 3. the mark: null, a watermark's timestamp, `[id]` of a barrier, `"idle"` or `"end"`.
 */

/** A frame's body, `headroom` zero bytes in front. @throws {SluiceError} `UNENCODABLE_VALUE`, as of `record` */
export function encodeBody({ values, keyGroups, timestamps, mark }: Frame, headroom: number): Uint8Array {
  return encodeBatch({ values, lists: [keyGroups, timestamps], last: encodeMark(mark) }, "record", headroom);
}

/** A frame, given its header and its body in this version of the format; or what is wrong. Never throws. */
export function decodeBody(header: FrameHeader, version: number, bytes: Uint8Array, maxRecords: number): Frame | string {
  const { seq, skip, cost, records, hasKeyGroups, hasTimestamps } = header;
  if (records > maxRecords) return `${records} records are over the limit of ${maxRecords}`;
  const decoded = version === 2 ? decodeRows(bytes, records) : decodeBatch(bytes, records, 2);
  if (decoded.kind === "corrupt") return decoded.reason;
  const { values, lists, last } = decoded.batch;
  const [keyGroups, timestamps] = lists;
  const mark = decodeMark(last);
  if (mark === "malformed" || (keyGroups !== undefined) !== hasKeyGroups || (timestamps !== undefined) !== hasTimestamps) {
    return "the body is not what its header says";
  }
  const frame: Frame = { seq, values, keyGroups, timestamps, mark, cost };
  return skip > elementCount(frame) ? "it skips more than it holds" : frame;
}

/** A body of version 2: the values are an array, the key groups an `Int32Array`, the timestamps a `Float64Array`. */
function decodeRows(bytes: Uint8Array, records: number): DecodedBatch {
  const decoded = decodeValue(bytes, { maxBytes: bytes.length, maxDepth: maxValueDepth + 2 });
  if (decoded.kind === "corrupt") return decoded;
  const body = decoded.value;
  if (!Array.isArray(body) || body.length !== 4) return { kind: "corrupt", reason: "the body is no frame" };
  const [values, groups, times, last] = body as readonly unknown[];
  const isGroups = groups === null || (groups instanceof Int32Array && groups.length === records);
  const isTimes = times === null || (times instanceof Float64Array && times.length === records);
  if (!Array.isArray(values) || values.length !== records || !isGroups || !isTimes) {
    return { kind: "corrupt", reason: "the body is not what its header says" };
  }
  const lists = [groups === null ? undefined : [...groups], times === null ? undefined : [...times]];
  return { kind: "batch", batch: { values: values as readonly unknown[], lists, last } };
}

function encodeMark(mark: Mark | undefined): unknown {
  if (mark === undefined) return null;
  switch (mark.kind) {
    case "watermark":
      return mark.timestamp;
    case "barrier":
      return [mark.id];
    default:
      return mark.kind;
  }
}

function decodeMark(encoded: unknown): Mark | undefined | "malformed" {
  if (encoded === null) return undefined;
  if (encoded === "idle" || encoded === "end") return { kind: encoded };
  if (typeof encoded === "number" && !Number.isNaN(encoded)) return { kind: "watermark", timestamp: encoded };
  if (!Array.isArray(encoded) || encoded.length !== 1) return "malformed";
  const id: unknown = encoded[0];
  return typeof id === "number" && Number.isSafeInteger(id) && id > 0 ? { kind: "barrier", id } : "malformed";
}
