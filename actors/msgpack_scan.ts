import { depthCeiling, maxBigintBytes } from "./exactness.ts";

/**
 * A look over msgpack bytes before they are decoded. It allocates next to nothing and follows the bytes without recursion, so
 * that a length, count or depth that the bytes only claim costs nothing.
 *
 * It accepts what the codec's encoder writes and no other extension:
 *
 * | bytes             | meaning                                                                             |
 * |-------------------|-------------------------------------------------------------------------------------|
 * | `d4 72 id array`  | defines record `id` (0x40-0x7f) by its field names; the values of one record follow |
 * | `40`-`7f`         | the values of another record of that id                                             |
 * | `d4 73 00 array`  | Set                                                                                 |
 * | `d4 00 00`        | undefined                                                                           |
 * | ext `ff`          | Date                                                                                |
 * | ext `74`          | typed array, ArrayBuffer, DataView, by the first byte                               |
 * | ext `42`          | bigint of more than 64 bits                                                         |
 */

/** Bytes per element, by the code of extension 0x74: Int8Array … BigUint64Array, five codes unused, ArrayBuffer, DataView. */
const elementBytes: readonly number[] = [1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 0, 0, 0, 0, 0, 1, 1];

const recordNameBytes: readonly number[] = [...new TextEncoder().encode("__proto__")];

const valuesLeft = new Float64Array(depthCeiling + 1);
const fieldsOf = new Int32Array(64);

/** Why the bytes are no single well-formed value nested at most `maxDepth` deep; undefined when they are one. */
export function scanMsgpack(bytes: Uint8Array, maxDepth: number): string | undefined {
  const at = scanMsgpackValue(bytes, 0, maxDepth);
  if (typeof at === "string") return at;
  return at === bytes.length ? undefined : `${bytes.length - at} bytes after the value`;
}

/** Where the well-formed value ends that starts at `start` and nests at most `maxDepth` deep; or why there is none. */
export function scanMsgpackValue(bytes: Uint8Array, start: number, maxDepth: number): number | string {
  const end = bytes.length;
  const limit = Math.min(maxDepth, depthCeiling);
  fieldsOf.fill(-1);
  let at = start;
  let depth = 0;
  valuesLeft[0] = 1;
  for (;;) {
    while (valuesLeft[depth] === 0) {
      if (depth === 0) return at;
      depth--;
    }
    (valuesLeft[depth] as number)--;
    if (at >= end) return "it ends too early";
    const token = bytes[at++] as number;
    let skip = 0;
    let open = -1;
    if (token < 0x40 || token >= 0xe0) continue;
    if (token < 0x80) {
      open = fieldsOf[token - 0x40] as number;
      if (open < 0) return `record ${token} is not defined`;
    } else if (token < 0x90) {
      open = (token - 0x80) * 2;
    } else if (token < 0xa0) {
      open = token - 0x90;
    } else if (token < 0xc0) {
      skip = token - 0xa0;
    } else {
      switch (token) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          continue;
        case 0xc4:
        case 0xd9:
          if (at + 1 > end) return "it ends too early";
          skip = 1 + (bytes[at] as number);
          break;
        case 0xc5:
        case 0xda:
          if (at + 2 > end) return "it ends too early";
          skip = 2 + uint16(bytes, at);
          break;
        case 0xc6:
        case 0xdb:
          if (at + 4 > end) return "it ends too early";
          skip = 4 + uint32(bytes, at);
          break;
        case 0xcc:
        case 0xd0:
          skip = 1;
          break;
        case 0xcd:
        case 0xd1:
          skip = 2;
          break;
        case 0xca:
        case 0xce:
        case 0xd2:
          skip = 4;
          break;
        case 0xcb:
        case 0xcf:
        case 0xd3:
          skip = 8;
          break;
        case 0xdc:
          if (at + 2 > end) return "it ends too early";
          open = uint16(bytes, at);
          at += 2;
          break;
        case 0xdd:
          if (at + 4 > end) return "it ends too early";
          open = uint32(bytes, at);
          at += 4;
          break;
        case 0xde:
          if (at + 2 > end) return "it ends too early";
          open = uint16(bytes, at) * 2;
          at += 2;
          break;
        case 0xdf:
          if (at + 4 > end) return "it ends too early";
          open = uint32(bytes, at) * 2;
          at += 4;
          break;
        case 0xd4: {
          if (at + 2 > end) return "it ends too early";
          const type = bytes[at] as number;
          const content = bytes[at + 1] as number;
          at += 2;
          if (type === 0x72) {
            if (content < 0x40 || content > 0x7f) return `record id ${content} is out of range`;
            const names = scanNames(bytes, at);
            if (typeof names === "string") return names;
            at = namesEnd;
            fieldsOf[content - 0x40] = names;
            open = names;
          } else if (type === 0x73) {
            // The array that follows stands in for the set: same depth, one value.
            if (content !== 0 || at >= end) return "a set is malformed";
            const next = bytes[at] as number;
            if ((next < 0x90 || next > 0x9f) && next !== 0xdc && next !== 0xdd) return "a set is malformed";
            (valuesLeft[depth] as number)++;
            continue;
          } else if (type === 0 ? content !== 0 : type !== 0xff || content !== 0xff) {
            return `unknown extension ${type}`;
          } else continue;
          break;
        }
        case 0xc7:
        case 0xc8:
        case 0xc9:
        case 0xd6:
        case 0xd7:
        case 0xd8: {
          const header = token === 0xc7 ? 1 : token === 0xc8 ? 2 : token === 0xc9 ? 4 : 0;
          if (at + header + 1 > end) return "it ends too early";
          const length = header === 0
            ? 4 << (token - 0xd6)
            : header === 1
            ? bytes[at] as number
            : header === 2
            ? uint16(bytes, at)
            : uint32(bytes, at);
          at += header;
          if (length > end - at - 1) return "it ends too early";
          const reason = refuseExtension(bytes, at, length);
          if (reason !== undefined) return reason;
          skip = 1 + length;
          break;
        }
        default:
          return `unknown token 0x${token.toString(16)}`;
      }
    }
    if (open < 0) {
      if (skip > end - at) return "it ends too early";
      at += skip;
    } else {
      if (open > end - at) return `it claims ${open} values in ${end - at} bytes`;
      if (depth >= limit) return `it nests deeper than ${limit} levels`;
      valuesLeft[++depth] = open;
    }
  }
}

/** Where the last `scanNames` stopped. */
let namesEnd = 0;

/** The field names of a record definition at `at`: how many there are, or what is wrong. */
function scanNames(bytes: Uint8Array, start: number): number | string {
  const end = bytes.length;
  let at = start;
  const token = bytes[at++] ?? 0;
  let count: number;
  if (token >= 0x90 && token < 0xa0) count = token - 0x90;
  else if (token === 0xdc && at + 2 <= end) {
    count = uint16(bytes, at);
    at += 2;
  } else if (token === 0xdd && at + 4 <= end) {
    count = uint32(bytes, at);
    at += 4;
  } else return "the field names of a record are no list";
  if (count > end - at) return `it claims ${count} field names in ${end - at} bytes`;
  for (let index = 0; index < count; index++) {
    if (at >= end) return "it ends too early";
    const kind = bytes[at++] as number;
    let length: number;
    if (kind >= 0xa0 && kind < 0xc0) length = kind - 0xa0;
    else if (kind === 0xd9 && at + 1 <= end) length = bytes[at++] as number;
    else if (kind === 0xda && at + 2 <= end) {
      length = uint16(bytes, at);
      at += 2;
    } else if (kind === 0xdb && at + 4 <= end) {
      length = uint32(bytes, at);
      at += 4;
    } else return "a field name is no string";
    if (length > end - at) return "it ends too early";
    if (length === recordNameBytes.length && recordNameBytes.every((byte, offset) => bytes[at + offset] === byte)) {
      return "a field is named __proto__";
    }
    at += length;
  }
  namesEnd = at;
  return count;
}

/** What is wrong with an extension of `length` bytes whose type stands at `at`. */
function refuseExtension(bytes: Uint8Array, at: number, length: number): string | undefined {
  const type = bytes[at] as number;
  if (type === 0xff) return length === 4 || length === 8 || length === 12 ? undefined : "a date is malformed";
  if (type === 0x42) return length > 0 && length <= maxBigintBytes ? undefined : "a bigint is out of range";
  if (type !== 0x74) return `unknown extension ${type}`;
  const width = length === 0 ? 0 : elementBytes[bytes[at + 1] as number] ?? 0;
  return width > 0 && (length - 1) % width === 0 ? undefined : "a typed array is malformed";
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 0x10000 + uint16(bytes, at + 2);
}
