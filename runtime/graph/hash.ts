/**
 * The hash of keys, `murmur3-utf16`: which key group a key belongs to is decided by it, so it is a format. It never changes
 * under this name, and gives the same in every runtime and on every machine.
 *
 * | key                      | hash                                                                                  |
 * |--------------------------|---------------------------------------------------------------------------------------|
 * | number in int32 (−0 → 0) | MurmurHash3's 32-bit finalizer of the number                                          |
 * | any other number         | MurmurHash3 x86 32 of its IEEE 754 bytes, low word first, seed {@link doubleSeed}     |
 * | string                   | MurmurHash3 x86 32 of its UTF-16 units, little-endian, seed 0                         |
 * | boolean                  | the finalizer of {@link falseWord} or {@link trueWord}                                |
 * | bigint                   | as the string of its decimal digits, with seed {@link bigintSeed}                     |
 * | tuple                    | MurmurHash3 x86 32 of the hashes of its items, four bytes each, seed {@link tupleSeed} |
 *
 * MurmurHash3 is Austin Appleby's, in the public domain. Whole numbers take the finalizer alone, because it already spreads
 * consecutive ones and is the hot path of most jobs.
 */

/** The name that snapshots and plans give this hash. */
export const keyHashName = "murmur3-utf16";

export const doubleSeed = 0x64626c65;
export const bigintSeed = 0x62696769;
export const tupleSeed = 0x74757065;
export const falseWord = 0x66616c73;
export const trueWord = 0x74727565;

/** MurmurHash3's 32-bit finalizer: a bijection of 32-bit words. The result is signed. */
export function finalize32(word: number): number {
  word ^= word >>> 16;
  word = Math.imul(word, 0x85ebca6b);
  word ^= word >>> 13;
  word = Math.imul(word, 0xc2b2ae35);
  return word ^ (word >>> 16);
}

/** Mixes the next four bytes into a running MurmurHash3 x86 32. */
export function mix32(hash: number, word: number): number {
  hash ^= scramble(word);
  hash = (hash << 13) | (hash >>> 19);
  return (Math.imul(hash, 5) + 0xe6546b64) | 0;
}

/** The hash of a string's UTF-16 units, as they are: well-formedness is the caller's to check. */
export function hashString(text: string, seed: number): number {
  const { length } = text;
  const pairs = length & ~1;
  let hash = seed;
  for (let at = 0; at < pairs; at += 2) hash = mix32(hash, text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
  if (pairs !== length) hash ^= scramble(text.charCodeAt(pairs));
  return finalize32(hash ^ (length << 1));
}

const double = new DataView(new ArrayBuffer(8));

/** The hash of a number's IEEE 754 bytes. */
export function hashDouble(value: number): number {
  double.setFloat64(0, value, true);
  return finalize32(mix32(mix32(doubleSeed, double.getInt32(0, true)), double.getInt32(4, true)) ^ 8);
}

function scramble(word: number): number {
  word = Math.imul(word, 0xcc9e2d51);
  word = (word << 15) | (word >>> 17);
  return Math.imul(word, 0x1b873593);
}

/** A word of 32 bits as 8 hexadecimal digits. */
export function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
