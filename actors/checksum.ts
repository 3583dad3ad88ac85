/**
 * CRC-32C (Castagnoli: reflected polynomial 0x82f63b78), the checksum of everything that leaves the process.
 *
 * Eight bytes a step, after M. E. Kounavis and F. L. Berry, "A Systematic Approach to Building High Performance
 * Software-Based CRC Generators" (2005).
 */

const polynomial = 0x82f63b78;

/** `tables[k][b]`: what byte `b` contributes when `k` zero bytes follow it. */
const tables: readonly Int32Array[] = makeTables();
const [table0, table1, table2, table3, table4, table5, table6, table7] = tables as readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function makeTables(): readonly Int32Array[] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
    first[byte] = crc;
  }
  const all = [first];
  for (let zeros = 1; zeros < 8; zeros++) {
    const previous = all[zeros - 1] as Int32Array;
    all.push(previous.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] as number)));
  }
  return all;
}

/**
 * The CRC-32C of the bytes, as an unsigned 32-bit number.
 *
 * @param initial The checksum of the bytes before these: `crc32c(b, crc32c(a))` is the checksum of `a` followed by `b`.
 */
export function crc32c(bytes: Uint8Array, initial: number = 0): number {
  const end = bytes.length;
  const lastStep = end - 8;
  let crc = ~initial;
  let at = 0;
  while (at <= lastStep) {
    crc ^= (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc = (table7[crc & 0xff] as number) ^ (table6[(crc >>> 8) & 0xff] as number) ^
      (table5[(crc >>> 16) & 0xff] as number) ^ (table4[crc >>> 24] as number) ^
      (table3[bytes[at + 4] as number] as number) ^ (table2[bytes[at + 5] as number] as number) ^
      (table1[bytes[at + 6] as number] as number) ^ (table0[bytes[at + 7] as number] as number);
    at += 8;
  }
  while (at < end) crc = (crc >>> 8) ^ (table0[(crc ^ (bytes[at++] as number)) & 0xff] as number);
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

/** The product of two polynomials modulo the Castagnoli one; the highest bit is the coefficient of 1. */
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
