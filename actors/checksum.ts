import * as zlib from "node:zlib";

/**
 * CRC-32 (of Ethernet, gzip and zlib: reflected polynomial 0xedb88320), the checksum of everything that leaves the process.
 *
 * The runtime's own is asked where it pays. Short runs of bytes, and runtimes that have none, go by eight bytes a step:
 * M. E. Kounavis and F. L. Berry, "A Systematic Approach to Building High Performance Software-Based CRC Generators" (2005).
 */

const polynomial = 0xedb88320;

/** The runtime's own: there since Node 20.15. */
const native = (zlib as { readonly crc32?: (bytes: Uint8Array, initial?: number) => number }).crc32;

/** Shorter runs are done before a call out of the engine has begun. */
const nativeBytes = 512;

/** At `256 * k + b`: what byte `b` contributes when `k` zero bytes follow it. */
const table: Int32Array = makeTable();

function makeTable(): Int32Array {
  const all = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
    all[byte] = crc;
  }
  for (let at = 256; at < all.length; at++) {
    const previous = all[at - 256] as number;
    all[at] = (previous >>> 8) ^ (all[previous & 0xff] as number);
  }
  return all;
}

/** Whether words of memory have their lowest byte first, as the steps of eight bytes take them. */
const lowestFirst = new Uint8Array(new Int32Array([1]).buffer)[0] === 1;

/**
 * The CRC-32 of the bytes, as an unsigned 32-bit number.
 *
 * @param initial The checksum of the bytes before these: `crc32(b, crc32(a))` is the checksum of `a` followed by `b`.
 */
export function crc32(bytes: Uint8Array, initial: number = 0): number {
  if (native !== undefined && bytes.length >= nativeBytes) return native(bytes, initial);
  return crc32ByTable(bytes, initial);
}

/** The same without the runtime's help. */
export function crc32ByTable(bytes: Uint8Array, initial: number = 0): number {
  const end = bytes.length;
  let crc = ~initial;
  let at = 0;
  // Up to where words begin in memory, eight bytes a step as two words, and what is left.
  const head = lowestFirst ? Math.min(-bytes.byteOffset & 3, end) : end;
  while (at < head) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at++] as number)) & 0xff] as number);
  const words = new Int32Array(bytes.buffer, end === head ? 0 : bytes.byteOffset + head, ((end - head) >>> 3) * 2);
  for (let word = 0; word < words.length; word += 2) {
    const first = crc ^ (words[word] as number);
    const second = words[word + 1] as number;
    crc = (table[0x700 + (first & 0xff)] as number) ^ (table[0x600 + ((first >>> 8) & 0xff)] as number) ^
      (table[0x500 + ((first >>> 16) & 0xff)] as number) ^ (table[0x400 + (first >>> 24)] as number) ^
      (table[0x300 + (second & 0xff)] as number) ^ (table[0x200 + ((second >>> 8) & 0xff)] as number) ^
      (table[0x100 + ((second >>> 16) & 0xff)] as number) ^ (table[second >>> 24] as number);
  }
  at += words.length * 4;
  while (at < end) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at++] as number)) & 0xff] as number);
  return ~crc >>> 0;
}

/** `powers[k]` is x to the power of 8 * 2^k, modulo the polynomial: what 2^k zero bytes multiply a checksum by. */
const powers: readonly number[] = makePowers();

function makePowers(): readonly number[] {
  let power = 1 << 30;
  for (let squarings = 0; squarings < 3; squarings++) power = multiply(power, power);
  const all = [power];
  while (all.length < 53) all.push(power = multiply(power, power));
  return all;
}

/** The product of two polynomials modulo that of the checksum; the highest bit is the coefficient of 1. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ polynomial;
  }
  return product;
}

/**
 * The checksum of two runs of bytes one after the other, from theirs: no byte is read again.
 *
 * After M. Adler's `crc32_combine` in zlib: appending zero bytes is a multiplication.
 */
export function joinChecksums(first: number, second: number, secondBytes: number): number {
  let shifted = first;
  let left = secondBytes;
  for (let power = 0; left > 0; power++) {
    if (left % 2 === 1) shifted = multiply(shifted, powers[power] as number);
    left = Math.floor(left / 2);
  }
  return (shifted ^ second) >>> 0;
}
