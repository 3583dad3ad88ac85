import { Buffer } from "node:buffer";
import {
  bigintBound,
  depthCeiling,
  hasHiddenFields,
  hasNamedElements,
  hasOwnKeys,
  maxContainers,
  reservedKey,
} from "./exactness.ts";

/**
 * Writes values as the msgpack that `msgpack_scan.ts` describes and msgpackr reads, and looks in the same pass whether they
 * would come back exactly. A walk of its own before msgpackr's packer, which changes values silently, cost as much again as
 * the packing.
 *
 * Records (plain objects) name their fields once: the first of its shape defines an id, the others refer to it. Ids are dealt
 * out anew in every encoding, so that each stands alone; when all 64 are in use the oldest is defined anew.
 */

/** Thrown when a value is not exact; whoever catches it looks for the place. */
const inexact: Error = new Error("inexact");

interface Shape {
  readonly names: readonly string[];
  /** -1 when it is not defined in this encoding, or not any more. */
  id: number;
}

const firstId = 0x40;
const idCount = 64;

// The writer's state lives in the module, so that the recursion carries two arguments only. It never suspends.
let target: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
let view = viewOf(target);
let at = 0;
/** Up to here every fixed-size piece fits without asking. */
let safeEnd = target.length - 16;
let depthLimit = 0;
let containersLeft = 0;
let shapes: Shape[] = [];
let definitions = 0;
/** The shape last written at each depth: that of the next record there, as a rule. Names in it are known to be good. */
const lastShape: (Shape | undefined)[] = new Array<Shape | undefined>(depthCeiling).fill(undefined);
/** Longer records are dictionaries: their names are not kept. */
const keptNames = 64;
/** A larger buffer is let go after use. */
const keptBytes = 4 * 1024 * 1024;

/**
 * Encodes a value into bytes of its own, `headroom` zero bytes in front. Undefined when it would not come back exactly, or
 * nests deeper than `depth`.
 */
export function writeMsgpack(value: unknown, depth: number, headroom: number): Uint8Array | undefined {
  at = 0;
  depthLimit = Math.min(depth, depthCeiling);
  containersLeft = maxContainers;
  for (const shape of shapes) shape.id = -1;
  shapes = [];
  definitions = 0;
  try {
    write(value, 0);
  } catch (error) {
    if (error === inexact) return undefined;
    throw error;
  }
  const bytes = new Uint8Array(headroom + at);
  bytes.set(target.subarray(0, at), headroom);
  if (target.length > keptBytes) setTarget(Buffer.allocUnsafeSlow(64 * 1024));
  return bytes;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function setTarget(buffer: Buffer): void {
  target = buffer;
  view = viewOf(buffer);
  safeEnd = buffer.length - 16;
}

/** Makes room for `bytes` more, and a fixed-size piece behind them. */
function reserve(bytes: number): void {
  if (at + bytes <= safeEnd) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(target.length * 2, at + bytes + 64));
  larger.set(target.subarray(0, at));
  setTarget(larger);
}

function write(value: unknown, depth: number): void {
  if (at > safeEnd) reserve(64);
  switch (typeof value) {
    case "string":
      writeString(value);
      return;
    case "number":
      writeNumber(value);
      return;
    case "boolean":
      target[at++] = value ? 0xc3 : 0xc2;
      return;
    case "undefined":
      target[at++] = 0xd4;
      target[at++] = 0;
      target[at++] = 0;
      return;
    case "bigint":
      writeBigint(value);
      return;
    case "object":
      if (value === null) target[at++] = 0xc0;
      else writeObject(value, depth);
      return;
    default:
      throw inexact;
  }
}

function writeNumber(value: number): void {
  if (value >>> 0 === value && !(value === 0 && 1 / value < 0)) {
    if (value < firstId) target[at++] = value;
    else if (value < 0x100) {
      target[at++] = 0xcc;
      target[at++] = value;
    } else if (value < 0x1_0000) {
      target[at++] = 0xcd;
      target[at++] = value >> 8;
      target[at++] = value;
    } else {
      target[at++] = 0xce;
      view.setUint32(at, value);
      at += 4;
    }
  } else if (value >> 0 === value && value < 0) {
    if (value >= -0x20) target[at++] = value;
    else if (value >= -0x80) {
      target[at++] = 0xd0;
      target[at++] = value;
    } else if (value >= -0x8000) {
      target[at++] = 0xd1;
      view.setInt16(at, value);
      at += 2;
    } else {
      target[at++] = 0xd2;
      view.setInt32(at, value);
      at += 4;
    }
  } else {
    target[at++] = 0xcb;
    view.setFloat64(at, value);
    at += 8;
  }
}

function writeString(value: string): void {
  const units = value.length;
  reserve(units * 3 + 5);
  // The text is written where it stands if all of it is ASCII, and moved if its header turns out longer.
  const guess = units < 0x20 ? 1 : units < 0x100 ? 2 : units < 0x1_0000 ? 3 : 5;
  const bytes = units < 0x40 ? writeShortText(value, at + guess) : writeLongText(value, at + guess);
  const header = bytes < 0x20 ? 1 : bytes < 0x100 ? 2 : bytes < 0x1_0000 ? 3 : 5;
  if (header !== guess) target.copyWithin(at + header, at + guess, at + guess + bytes);
  if (header === 1) target[at] = 0xa0 | bytes;
  else if (header === 2) {
    target[at] = 0xd9;
    target[at + 1] = bytes;
  } else if (header === 3) {
    target[at] = 0xda;
    view.setUint16(at + 1, bytes);
  } else {
    target[at] = 0xdb;
    view.setUint32(at + 1, bytes);
  }
  at += header + bytes;
}

function writeLongText(text: string, from: number): number {
  if (!text.isWellFormed()) throw inexact;
  return target.write(text, from, "utf8");
}

/** UTF-8 by hand: a call out of the engine costs more than a short text. */
function writeShortText(text: string, from: number): number {
  let to = from;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) target[to++] = unit;
    else if (unit < 0x800) {
      target[to++] = unit >> 6 | 0xc0;
      target[to++] = unit & 0x3f | 0x80;
    } else if ((unit & 0xf800) !== 0xd800) {
      target[to++] = unit >> 12 | 0xe0;
      target[to++] = unit >> 6 & 0x3f | 0x80;
      target[to++] = unit & 0x3f | 0x80;
    } else {
      const low = text.charCodeAt(++index);
      if (unit >= 0xdc00 || (low & 0xfc00) !== 0xdc00) throw inexact;
      const point = 0x1_0000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
      target[to++] = point >> 18 | 0xf0;
      target[to++] = point >> 12 & 0x3f | 0x80;
      target[to++] = point >> 6 & 0x3f | 0x80;
      target[to++] = point & 0x3f | 0x80;
    }
  }
  return to - from;
}

function writeBigint(value: bigint): void {
  if (BigInt.asIntN(64, value) === value) {
    target[at++] = 0xd3;
    view.setBigInt64(at, value);
    at += 8;
  } else if (BigInt.asUintN(64, value) === value) {
    target[at++] = 0xcf;
    view.setBigUint64(at, value);
    at += 8;
  } else {
    if (value >= bigintBound || value < -bigintBound) throw inexact;
    const words: bigint[] = [];
    for (let rest = value;; rest >>= 64n) {
      words.push(BigInt.asUintN(64, rest));
      if (BigInt.asIntN(64, rest) === rest) break;
    }
    writeExtensionHeader(0x42, words.length * 8);
    for (const word of words.reverse()) {
      view.setBigUint64(at, word);
      at += 8;
    }
  }
}

/** Header and type of an extension with a body of `bytes` bytes, for which there is room then. */
function writeExtensionHeader(type: number, bytes: number): void {
  reserve(bytes + 8);
  if (bytes === 16) target[at++] = 0xd8;
  else if (bytes < 0x100) {
    target[at++] = 0xc7;
    target[at++] = bytes;
  } else if (bytes < 0x1_0000) {
    target[at++] = 0xc8;
    view.setUint16(at, bytes);
    at += 2;
  } else {
    target[at++] = 0xc9;
    view.setUint32(at, bytes);
    at += 4;
  }
  target[at++] = type;
}

function writeObject(object: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype === Object.prototype) writeRecord(object as Record<string, unknown>, depth);
  else if (prototype === Array.prototype) writeArray(object as readonly unknown[], depth);
  else if (prototype === Map.prototype) writeMap(object as ReadonlyMap<unknown, unknown>, depth);
  else if (prototype === Set.prototype) writeSet(object as ReadonlySet<unknown>, depth);
  else if (prototype === Date.prototype) writeDate(object as Date);
  else if (prototype === Buffer.prototype) writeBuffer(object as Buffer);
  else writeBinary(object, prototype as object | null);
}

function enter(depth: number): void {
  if (depth >= depthLimit || --containersLeft < 0) throw inexact;
}

function writeRecord(record: Record<string, unknown>, depth: number): void {
  enter(depth);
  let shape = lastShape[depth];
  let names = 0;
  if (shape !== undefined) {
    const known = shape.names;
    for (const name in record) {
      if (known[names] !== name) {
        names = -1;
        break;
      }
      names++;
    }
    if (names !== known.length) shape = undefined;
  }
  if (shape === undefined || shape.id < 0) shape = definedShape(shape?.names ?? namesOf(record));
  if (shape.id >= 0) target[at++] = shape.id;
  else define(shape);
  if (shape.names.length <= keptNames) lastShape[depth] = shape;
  if (hasHiddenFields(record, shape.names.length)) throw inexact;
  let written = 0;
  for (const name in record) {
    write(record[name], depth + 1);
    written++;
  }
  // More come from a prototype that was tampered with, fewer from a getter that deletes.
  if (written !== shape.names.length) throw inexact;
}

function namesOf(record: Record<string, unknown>): readonly string[] {
  const names = Object.keys(record);
  for (const name of names) if (name === reservedKey || !name.isWellFormed()) throw inexact;
  return names;
}

/** The shape with these names that this encoding has defined; or a new one, to be defined. */
function definedShape(names: readonly string[]): Shape {
  for (const shape of shapes) {
    const known = shape.names;
    if (known.length !== names.length) continue;
    let same = 0;
    while (same < names.length && known[same] === names[same]) same++;
    if (same === names.length) return shape;
  }
  return { names, id: -1 };
}

function define(shape: Shape): void {
  const slot = definitions++ % idCount;
  const replaced = shapes[slot];
  if (replaced !== undefined) replaced.id = -1;
  shapes[slot] = shape;
  shape.id = firstId + slot;
  target[at++] = 0xd4;
  target[at++] = 0x72;
  target[at++] = shape.id;
  writeCount(shape.names.length, 0x90, 0xdc);
  for (const name of shape.names) writeString(name);
  reserve(16);
}

/** The header of an array or map: up to 15 in one byte, else with 16 or 32 bits. */
function writeCount(count: number, fixed: number, long: number): void {
  if (count < 0x10) target[at++] = fixed | count;
  else if (count < 0x1_0000) {
    target[at++] = long;
    view.setUint16(at, count);
    at += 2;
  } else {
    target[at++] = long + 1;
    view.setUint32(at, count);
    at += 4;
  }
}

function writeArray(array: readonly unknown[], depth: number): void {
  enter(depth);
  const length = array.length;
  writeCount(length, 0x90, 0xdc);
  for (let index = 0; index < length; index++) {
    const item = array[index];
    if (item === undefined && !(index in array)) throw inexact;
    write(item, depth + 1);
  }
  if (hasNamedElements(array)) throw inexact;
}

function writeMap(map: ReadonlyMap<unknown, unknown>, depth: number): void {
  enter(depth);
  if (hasOwnKeys(map)) throw inexact;
  let left = map.size;
  writeCount(left, 0x80, 0xde);
  for (const [key, value] of map) {
    write(key, depth + 1);
    write(value, depth + 1);
    left--;
  }
  if (left !== 0) throw inexact;
}

function writeSet(set: ReadonlySet<unknown>, depth: number): void {
  enter(depth);
  if (hasOwnKeys(set)) throw inexact;
  target[at++] = 0xd4;
  target[at++] = 0x73;
  target[at++] = 0;
  let left = set.size;
  writeCount(left, 0x90, 0xdc);
  for (const item of set) {
    write(item, depth + 1);
    left--;
  }
  if (left !== 0) throw inexact;
}

/** msgpack's timestamps of 32, 64 and 96 bits; an invalid date is msgpackr's one byte. */
function writeDate(date: Date): void {
  if (hasOwnKeys(date)) throw inexact;
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1_000);
  const nanoseconds = (ms - seconds * 1_000) * 1_000_000;
  if (Number.isNaN(ms)) {
    target[at++] = 0xd4;
    target[at++] = 0xff;
    target[at++] = 0xff;
  } else if (seconds >= 0 && seconds < 0x1_0000_0000) {
    const isWhole = nanoseconds === 0;
    target[at++] = isWhole ? 0xd6 : 0xd7;
    target[at++] = 0xff;
    if (!isWhole) {
      view.setUint32(at, nanoseconds * 4);
      at += 4;
    }
    view.setUint32(at, seconds);
    at += 4;
  } else {
    target[at++] = 0xc7;
    target[at++] = 12;
    target[at++] = 0xff;
    view.setUint32(at, nanoseconds);
    view.setBigInt64(at + 4, BigInt(seconds));
    at += 12;
  }
}

function writeBuffer(buffer: Buffer): void {
  if (!(buffer.buffer instanceof ArrayBuffer)) throw inexact;
  const bytes = buffer.length;
  reserve(bytes + 5);
  if (bytes < 0x100) {
    target[at++] = 0xc4;
    target[at++] = bytes;
  } else if (bytes < 0x1_0000) {
    target[at++] = 0xc5;
    view.setUint16(at, bytes);
    at += 2;
  } else {
    target[at++] = 0xc6;
    view.setUint32(at, bytes);
    at += 4;
  }
  target.set(buffer, at);
  at += bytes;
}

/** msgpackr's codes of binary values. */
const binaryCodes: ReadonlyMap<object | null, number> = new Map<object | null, number>([
  [Int8Array.prototype, 0],
  [Uint8Array.prototype, 1],
  [Uint8ClampedArray.prototype, 2],
  [Int16Array.prototype, 3],
  [Uint16Array.prototype, 4],
  [Int32Array.prototype, 5],
  [Uint32Array.prototype, 6],
  [Float32Array.prototype, 7],
  [Float64Array.prototype, 8],
  [BigInt64Array.prototype, 9],
  [BigUint64Array.prototype, 10],
  [ArrayBuffer.prototype, 16],
  [DataView.prototype, 17],
]);

function writeBinary(object: object, prototype: object | null): void {
  const code = binaryCodes.get(prototype);
  if (code === undefined) throw inexact;
  let bytes: Uint8Array;
  if (ArrayBuffer.isView(object)) {
    if (!(object.buffer instanceof ArrayBuffer) || (code === 17 && hasOwnKeys(object))) throw inexact;
    bytes = new Uint8Array(object.buffer, object.byteOffset, object.byteLength);
  } else {
    const buffer = object as ArrayBuffer & { readonly resizable?: boolean };
    if (buffer.resizable === true || hasOwnKeys(buffer)) throw inexact;
    bytes = new Uint8Array(buffer);
  }
  // One byte more than the content: its code.
  const length = bytes.length + 1;
  reserve(length + 8);
  if (length < 0x100) {
    target[at++] = 0xc7;
    target[at++] = length;
  } else if (length < 0x1_0000) {
    target[at++] = 0xc8;
    view.setUint16(at, length);
    at += 2;
  } else {
    target[at++] = 0xc9;
    view.setUint32(at, length);
    at += 4;
  }
  target[at++] = 0x74;
  target[at++] = code;
  target.set(bytes, at);
  at += bytes.length;
}
