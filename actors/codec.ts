import { Buffer } from "node:buffer";
import { Unpackr } from "msgpackr";
import { messageOf, SluiceError } from "./error.ts";
import { maxValueDepth, refusal } from "./exactness.ts";
import { scanMsgpack, scanMsgpackValue } from "./msgpack_scan.ts";
import { writeMsgpack } from "./msgpack_writer.ts";

/**
 * Values as bytes: msgpack with record definitions inline, so that every encoding stands alone.
 *
 * **A value comes back exactly as it went in, or it does not go in.** Kept: null, undefined, booleans, well-formed strings,
 * numbers (with `-0`, `NaN`, infinities), bigints up to 8 KiB, plain objects, arrays, `Map` (with any keys), `Set`, `Date`,
 * typed arrays, `Buffer`, `ArrayBuffer`, `DataView`; nested up to 64 deep. Refused: all else, such as functions, symbols,
 * instances of classes, arrays with holes, cycles.
 *
 * {@link encodeValue} looks at all of it. Where many records alike are written together in columns, as in frames between
 * processes and chunks of keyed state, only some of them are searched for fields that are named by symbols or not enumerable:
 * see `isSearched` in `exactness.ts`.
 *
 * A value is what can be read from it, so some things about objects are not part of it: that two fields hold the same
 * object (they come back as two equal ones), getters (their result is kept), frozenness, where in a buffer a view stands.
 */

/** What a decoder refuses to look at. */
export interface DecodeLimits {
  /** Longer input is corrupt. @default 268_435_456 */
  readonly maxBytes?: number;
  /** Deeper nesting is corrupt. @default 64 */
  readonly maxDepth?: number;
}

/** A value, or why there is none. */
export type Decoded =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "corrupt"; readonly reason: string };

/** The limit on encoded bytes of {@link decodeValue}, unless told otherwise. */
export const defaultMaxDecodeBytes = 256 * 1024 * 1024;

const unpacker = new Unpackr({ useRecords: true, mapsAsObjects: false, moreTypes: true, copyBuffers: true });

/**
 * Encodes a value into bytes of its own.
 *
 * @param path How error messages name the value.
 * @param depth How many containers it may nest.
 * @param headroom How many bytes to leave free before the encoding, for a header of the caller's.
 * @param known Whether all of it was encoded before and has not changed since, which saves the search for hidden fields.
 * @throws {SluiceError} `UNENCODABLE_VALUE` naming the place in it and the remedy, when it would not come back exactly.
 */
export function encodeValue(
  value: unknown,
  path: string = "value",
  depth: number = maxValueDepth,
  headroom: number = 0,
  known: boolean = false,
): Uint8Array {
  let bytes: Uint8Array | undefined;
  try {
    bytes = writeMsgpack(value, depth, headroom, known);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (bytes === undefined) throw refusal(value, path, depth);
  return bytes;
}

/** Code of the value's own runs while it is read, such as a getter. */
function unreadable(path: string, cause: unknown): SluiceError {
  const said = messageOf(cause);
  return new SluiceError("UNENCODABLE_VALUE", `Cannot encode ${path}: reading it fails: ${said}; use plain values`, { cause });
}

/**
 * Decodes one value. Never throws, whatever the bytes; what it gives back shares no memory with them.
 *
 * Text that is no UTF-8 reads with U+FFFD in it.
 */
export function decodeValue(bytes: Uint8Array, limits: DecodeLimits = {}): Decoded {
  const maxBytes = limits.maxBytes ?? defaultMaxDecodeBytes;
  if (bytes.length > maxBytes) return { kind: "corrupt", reason: `${bytes.length} bytes are over the limit of ${maxBytes}` };
  const reason = scanMsgpack(bytes, limits.maxDepth ?? maxValueDepth);
  if (reason !== undefined) return { kind: "corrupt", reason };
  try {
    return { kind: "value", value: unpacker.unpack(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) };
  } catch (error) {
    return { kind: "corrupt", reason: messageOf(error) };
  }
}

/** A value that was read from among others, and where it ends; or why there is none. */
export type DecodedAt =
  | { readonly kind: "value"; readonly value: unknown; readonly end: number }
  | { readonly kind: "corrupt"; readonly reason: string };

/** Decodes the value that starts at `start`, nested at most `maxDepth` deep, as {@link decodeValue} does. */
export function decodeValueAt(bytes: Uint8Array, start: number, maxDepth: number): DecodedAt {
  const end = scanMsgpackValue(bytes, start, maxDepth);
  if (typeof end === "string") return { kind: "corrupt", reason: end };
  try {
    return { kind: "value", value: unpacker.unpack(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)), end };
  } catch (error) {
    return { kind: "corrupt", reason: messageOf(error) };
  }
}

/** How deep {@link estimateBytes} looks. */
const estimateDepth = 8;

/**
 * About how many bytes the value would encode to, in a batch of others like it: cheap enough to be asked of samples.
 * Takes any value, also one that cannot be encoded.
 */
export function estimateBytes(value: unknown, depth: number = estimateDepth): number {
  switch (typeof value) {
    case "string":
      return value.length + (value.length < 32 ? 1 : 3);
    case "number":
      if (!Number.isInteger(value) || value > 0xffff_ffff || value < -0x8000_0000) return 9;
      return value >= 0 && value < 64 ? 1 : value > -128 && value < 256 ? 2 : 5;
    case "bigint":
      return 9;
    case "undefined":
      return 3;
    case "object":
      return value === null ? 1 : estimateObjectBytes(value, depth);
    default:
      return 1;
  }
}

function estimateObjectBytes(object: object, depth: number): number {
  if (ArrayBuffer.isView(object) || object instanceof ArrayBuffer) return object.byteLength + 4;
  if (object instanceof Date) return 10;
  if (depth === 0) return 16;
  let bytes = 3;
  if (Array.isArray(object)) return bytes + estimateArrayBytes(object, depth - 1);
  if (object instanceof Set) {
    for (const item of object) bytes += estimateBytes(item, depth - 1);
  } else if (object instanceof Map) {
    for (const [key, item] of object) bytes += estimateBytes(key, depth - 1) + estimateBytes(item, depth - 1);
  } else {
    // The names of fields are written once per batch.
    bytes = 1;
    for (const key in object) bytes += estimateBytes((object as Record<string, unknown>)[key], depth - 1);
  }
  return bytes;
}

/** The elements of an array that {@link estimateBytes} looks at. */
const estimateElements = 64;

function estimateArrayBytes(array: readonly unknown[], depth: number): number {
  const seen = Math.min(array.length, estimateElements);
  let bytes = 0;
  for (let index = 0; index < seen; index++) bytes += estimateBytes(array[index], depth);
  return seen === 0 ? 0 : Math.ceil(bytes * (array.length / seen));
}
