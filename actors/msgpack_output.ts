import { Buffer } from "node:buffer";
import { bigintBound, hasOwnKeys } from "./exactness.ts";

/** Thrown when a value is not exact; whoever catches it looks for the place. */
export const inexact: Error = new Error("inexact");

/** A larger buffer is let go after use. */
const keptBytes = 4 * 1024 * 1024;
const startBytes = 64 * 1024;

/** Integers from here to 0x7f would read as ids of records. */
const fixintEnd = 0x40;

/** Short texts are joined to pieces of about so many units. */
const pieceUnits = 8_192;

/** Behind `safeEnd` there is room for this many bytes: any header, number or date. */
const slackBytes = 16;

/**
 * msgpack's pieces, one after the other in a buffer that grows: leaves, and what stands before other values. `ready` has to be
 * called before every value: then there is room for any piece of fixed size.
 */
export class MsgpackOutput {
  private target: Buffer = Buffer.allocUnsafeSlow(startBytes);
  private at = 0;
  private view: DataView = viewOf(this.target);
  private safeEnd = startBytes - slackBytes;

  /** Starts anew. */
  reset(): void {
    this.at = 0;
  }

  /** How many bytes were written. */
  get position(): number {
    return this.at;
  }

  /** Takes back all that was written behind `position`. */
  rewind(position: number): void {
    this.at = position;
  }

  /** A copy of all that was written, `headroom` zero bytes in front. */
  take(headroom: number): Uint8Array {
    const bytes = new Uint8Array(headroom + this.at);
    bytes.set(this.target.subarray(0, this.at), headroom);
    if (this.target.length > keptBytes) this.use(Buffer.allocUnsafeSlow(startBytes));
    return bytes;
  }

  /** Makes room for pieces of fixed size. */
  ready(): void {
    if (this.at > this.safeEnd) this.reserve(slackBytes);
  }

  /** One byte as it is: an id, or a piece of one byte. */
  byte(value: number): void {
    this.target[this.at++] = value;
  }

  /** The three bytes of a tag: what follows belongs to it. */
  tag(type: number, content: number): void {
    this.target[this.at++] = 0xd4;
    this.target[this.at++] = type;
    this.target[this.at++] = content;
  }

  private use(buffer: Buffer): void {
    this.target = buffer;
    this.view = viewOf(buffer);
    this.safeEnd = buffer.length - slackBytes;
  }

  /** Makes room for `bytes` more, and a piece of fixed size behind them. */
  private reserve(bytes: number): void {
    if (this.at + bytes <= this.safeEnd) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.target.length * 2, this.at + bytes + 64));
    larger.set(this.target.subarray(0, this.at));
    this.use(larger);
  }

  number(value: number): void {
    if (value >>> 0 === value && !(value === 0 && 1 / value < 0)) {
      if (value < fixintEnd) this.target[this.at++] = value;
      else if (value < 0x100) {
        this.target[this.at++] = 0xcc;
        this.target[this.at++] = value;
      } else if (value < 0x1_0000) {
        this.target[this.at++] = 0xcd;
        this.target[this.at++] = value >> 8;
        this.target[this.at++] = value;
      } else {
        this.target[this.at++] = 0xce;
        this.view.setUint32(this.at, value);
        this.at += 4;
      }
    } else if (value >> 0 === value && value < 0) {
      if (value >= -0x20) this.target[this.at++] = value;
      else if (value >= -0x80) {
        this.target[this.at++] = 0xd0;
        this.target[this.at++] = value;
      } else if (value >= -0x8000) {
        this.target[this.at++] = 0xd1;
        this.view.setInt16(this.at, value);
        this.at += 2;
      } else {
        this.target[this.at++] = 0xd2;
        this.view.setInt32(this.at, value);
        this.at += 4;
      }
    } else {
      this.target[this.at++] = 0xcb;
      this.view.setFloat64(this.at, value);
      this.at += 8;
    }
  }

  string(value: string): void {
    const units = value.length;
    this.reserve(units * 3 + 5);
    // The text is written where it stands if all of it is ASCII, and moved if its header turns out longer.
    const guess = units < 0x20 ? 1 : units < 0x100 ? 2 : units < 0x1_0000 ? 3 : 5;
    const bytes = units < 0x40 ? this.shortText(value, this.at + guess) : this.longText(value, this.at + guess);
    const header = bytes < 0x20 ? 1 : bytes < 0x100 ? 2 : bytes < 0x1_0000 ? 3 : 5;
    if (header !== guess) this.target.copyWithin(this.at + header, this.at + guess, this.at + guess + bytes);
    if (header === 1) this.target[this.at] = 0xa0 | bytes;
    else if (header === 2) {
      this.target[this.at] = 0xd9;
      this.target[this.at + 1] = bytes;
    } else if (header === 3) {
      this.target[this.at] = 0xda;
      this.view.setUint16(this.at + 1, bytes);
    } else {
      this.target[this.at] = 0xdb;
      this.view.setUint32(this.at + 1, bytes);
    }
    this.at += header + bytes;
  }

  private longText(text: string, from: number): number {
    if (!text.isWellFormed()) throw inexact;
    return this.target.write(text, from, "utf8");
  }

  /** UTF-8 by hand: a call out of the engine costs more than a short text. */
  private shortText(text: string, from: number): number {
    const { target } = this;
    const units = text.length;
    for (let index = 0; index < units; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return this.shortTextFrom(text, index, from) - from;
      target[from + index] = unit;
    }
    return units;
  }

  /** The rest of a short text behind `start` units of ASCII. */
  private shortTextFrom(text: string, start: number, from: number): number {
    let to = from + start;
    for (let index = start; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit < 0x80) this.target[to++] = unit;
      else if (unit < 0x800) {
        this.target[to++] = unit >> 6 | 0xc0;
        this.target[to++] = unit & 0x3f | 0x80;
      } else if ((unit & 0xf800) !== 0xd800) {
        this.target[to++] = unit >> 12 | 0xe0;
        this.target[to++] = unit >> 6 & 0x3f | 0x80;
        this.target[to++] = unit & 0x3f | 0x80;
      } else {
        const low = text.charCodeAt(++index);
        if (unit >= 0xdc00 || (low & 0xfc00) !== 0xdc00) throw inexact;
        const point = 0x1_0000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
        this.target[to++] = point >> 18 | 0xf0;
        this.target[to++] = point >> 12 & 0x3f | 0x80;
        this.target[to++] = point >> 6 & 0x3f | 0x80;
        this.target[to++] = point & 0x3f | 0x80;
      }
    }
    return to;
  }

  bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.target[this.at++] = 0xd3;
      this.view.setBigInt64(this.at, value);
      this.at += 8;
    } else if (BigInt.asUintN(64, value) === value) {
      this.target[this.at++] = 0xcf;
      this.view.setBigUint64(this.at, value);
      this.at += 8;
    } else {
      if (value >= bigintBound || value < -bigintBound) throw inexact;
      const words: bigint[] = [];
      for (let rest = value;; rest >>= 64n) {
        words.push(BigInt.asUintN(64, rest));
        if (BigInt.asIntN(64, rest) === rest) break;
      }
      this.extension(0x42, words.length * 8);
      for (const word of words.reverse()) {
        this.view.setBigUint64(this.at, word);
        this.at += 8;
      }
    }
  }

  /** Header and type of an extension with a body of `bytes` bytes, for which there is room then. */
  private extension(type: number, bytes: number): void {
    this.reserve(bytes + 8);
    if (bytes === 16) this.target[this.at++] = 0xd8;
    else if (bytes < 0x100) {
      this.target[this.at++] = 0xc7;
      this.target[this.at++] = bytes;
    } else if (bytes < 0x1_0000) {
      this.target[this.at++] = 0xc8;
      this.view.setUint16(this.at, bytes);
      this.at += 2;
    } else {
      this.target[this.at++] = 0xc9;
      this.view.setUint32(this.at, bytes);
      this.at += 4;
    }
    this.target[this.at++] = type;
  }

  /** The header of an array or map: up to 15 in one byte, else with 16 or 32 bits. */
  count(count: number, fixed: number, long: number): void {
    if (count < 0x10) this.target[this.at++] = fixed | count;
    else if (count < 0x1_0000) {
      this.target[this.at++] = long;
      this.view.setUint16(this.at, count);
      this.at += 2;
    } else {
      this.target[this.at++] = long + 1;
      this.view.setUint32(this.at, count);
      this.at += 4;
    }
  }

  /** msgpack's timestamps of 32, 64 and 96 bits; an invalid date is msgpackr's one byte. */
  date(date: Date): void {
    if (hasOwnKeys(date)) throw inexact;
    const ms = date.getTime();
    const seconds = Math.floor(ms / 1_000);
    const nanoseconds = (ms - seconds * 1_000) * 1_000_000;
    if (Number.isNaN(ms)) {
      this.tag(0xff, 0xff);
    } else if (seconds >= 0 && seconds < 0x1_0000_0000) {
      const isWhole = nanoseconds === 0;
      this.target[this.at++] = isWhole ? 0xd6 : 0xd7;
      this.target[this.at++] = 0xff;
      if (!isWhole) {
        this.view.setUint32(this.at, nanoseconds * 4);
        this.at += 4;
      }
      this.view.setUint32(this.at, seconds);
      this.at += 4;
    } else {
      this.target[this.at++] = 0xc7;
      this.target[this.at++] = 12;
      this.target[this.at++] = 0xff;
      this.view.setUint32(this.at, nanoseconds);
      this.view.setBigInt64(this.at + 4, BigInt(seconds));
      this.at += 12;
    }
  }

  buffer(buffer: Buffer): void {
    if (!(buffer.buffer instanceof ArrayBuffer)) throw inexact;
    this.bufferHeader(buffer.length);
    this.target.set(buffer, this.at);
    this.at += buffer.length;
  }

  /** The bytes of texts of ASCII, `units` in all, as one buffer; false, and nothing written, if they are none. */
  ascii(texts: readonly string[], units: number): boolean {
    const start = this.at;
    this.reserve(units + 5 + slackBytes);
    this.bufferHeader(units);
    for (let from = 0; from < texts.length;) {
      let end = from;
      let size = 0;
      while (end < texts.length && size < pieceUnits) size += (texts[end++] as string).length;
      // A call out of the engine costs more than a short text; and a long one is memory of its own, new to the caches.
      const text = end === from + 1 ? texts[from] as string : texts.slice(from, end).join("");
      // Other text takes more bytes than it has units, and there is room for some of them.
      if (this.target.write(text, this.at, size + slackBytes, "utf8") !== size) {
        this.at = start;
        return false;
      }
      this.at += size;
      from = end;
    }
    return true;
  }

  /** What stands before a buffer of `bytes` bytes, for which there is room then. */
  private bufferHeader(bytes: number): void {
    this.reserve(bytes + 5);
    if (bytes < 0x100) {
      this.target[this.at++] = 0xc4;
      this.target[this.at++] = bytes;
    } else if (bytes < 0x1_0000) {
      this.target[this.at++] = 0xc5;
      this.view.setUint16(this.at, bytes);
      this.at += 2;
    } else {
      this.target[this.at++] = 0xc6;
      this.view.setUint32(this.at, bytes);
      this.at += 4;
    }
  }

  binary(object: object, prototype: object | null): void {
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
    this.binaryHeader(code, bytes.length);
    this.target.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** What stands before a binary value of `bytes` bytes, for which there is room then. */
  private binaryHeader(code: number, bytes: number): void {
    // One byte more than the content: its code.
    const length = bytes + 1;
    this.reserve(length + 8);
    if (length < 0x100) {
      this.target[this.at++] = 0xc7;
      this.target[this.at++] = length;
    } else if (length < 0x1_0000) {
      this.target[this.at++] = 0xc8;
      this.view.setUint16(this.at, length);
      this.at += 2;
    } else {
      this.target[this.at++] = 0xc9;
      this.view.setUint32(this.at, length);
      this.at += 4;
    }
    this.target[this.at++] = 0x74;
    this.target[this.at++] = code;
  }

  /** `count` numbers from `from` on, as a `Float64Array`. */
  floats(numbers: Float64Array, from: number, count: number): void {
    const bytes = count * 8;
    this.binaryHeader(8, bytes);
    this.target.set(new Uint8Array(numbers.buffer, numbers.byteOffset + from * 8, bytes), this.at);
    this.at += bytes;
  }

  /** `count` whole numbers from `from` on, less `base`, as the narrowest unsigned typed array that holds up to `most`. */
  integers(numbers: Float64Array, from: number, count: number, base: number, most: number): void {
    if (most < 0x100) return this.narrow(numbers, from, count, base);
    const wide = most > 0xffff;
    const width = wide ? 4 : 2;
    this.binaryHeader(wide ? 6 : 4, count * width);
    for (let done = 0; done < count; done += piece) {
      const now = Math.min(piece, count - done);
      const start = from + done;
      if (wide) { for (let n = 0; n < now; n++) words[n] = (numbers[start + n] as number) - base; }
      else for (let n = 0; n < now; n++) halves[n] = (numbers[start + n] as number) - base;
      this.target.set(bytes.subarray(0, now * width), this.at);
      this.at += now * width;
    }
  }

  private narrow(numbers: Float64Array, from: number, count: number, base: number): void {
    this.binaryHeader(1, count);
    const { target, at } = this;
    for (let n = 0; n < count; n++) target[at + n] = (numbers[from + n] as number) - base;
    this.at = at + count;
  }
}

/** Whole numbers on their way to the buffer, where they may stand at any byte. A piece at a time. */
const piece = 4_096;
const bytes = new Uint8Array(piece * 4);
const halves = new Uint16Array(bytes.buffer);
const words = new Uint32Array(bytes.buffer);

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

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
