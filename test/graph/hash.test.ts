import { Buffer } from "node:buffer";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hashDouble, hashString, keyHashName } from "../../runtime/graph/hash.ts";
import { hashKey, type Key, keyGroupOf } from "../../runtime/graph/key.ts";

const hashes = suite("hash");

/** MurmurHash3 x86 32 over bytes, written from its published description: the yardstick for the one over UTF-16 units. */
function murmur(bytes: Uint8Array, seed: number): number {
  const scramble = (word: number) => {
    const k = Math.imul(word, 0xcc9e2d51);
    return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tailAt = bytes.length - bytes.length % 4;
  let hash = seed;
  for (let at = 0; at < tailAt; at += 4) {
    hash ^= scramble(view.getInt32(at, true));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= tailAt; at--) tail = (tail << 8) | bytes[at]!;
  hash ^= scramble(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

hashes("the yardstick gives MurmurHash3's published values", () => {
  const text = (of: string) => new TextEncoder().encode(of);
  assert.is(murmur(text(""), 0) >>> 0, 0);
  assert.is(murmur(text(""), 1) >>> 0, 0x514e28b7);
  assert.is(murmur(text("hello"), 0) >>> 0, 0x248bfa47);
  assert.is(murmur(text("The quick brown fox jumps over the lazy dog"), 0x9747b28c) >>> 0, 0x2fa826cd);
});

hashes("a string's hash is MurmurHash3 of its UTF-16 bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.integer(), (text, seed) => {
      assert.is(hashString(text, seed), murmur(Buffer.from(text, "utf16le"), seed));
    }),
    { seed: 4, numRuns: 2_000 },
  );
});

hashes("a fraction's hash is MurmurHash3 of its IEEE 754 bytes", () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      assert.is(hashDouble(value), murmur(new Uint8Array(new Float64Array([value]).buffer), 0x64626c65));
    }),
    { seed: 5, numRuns: 1_000 },
  );
});

/** Which key group a key has decides where its state lies in every snapshot ever taken: these values never change. */
const golden: readonly [Key, number][] = [
  [0, 0x00000000],
  [-0, 0x00000000],
  [1, 0x514e28b7],
  [-1, 0x81f16f39],
  [42, 0x087fcd5c],
  [2_147_483_647, 0xf9cc0ea8],
  [-2_147_483_648, 0x6d3c65a0],
  [2_147_483_648, 0x925c13b0],
  [0.5, 0x6f7e6518],
  [-1.5, 0x03c8fdce],
  [1e300, 0x04b73535],
  [Infinity, 0x7b11ebc3],
  [-Infinity, 0xeac92d4c],
  [5e-324, 0xb037dcdf],
  [Number.MAX_SAFE_INTEGER, 0x91355d3b],
  ["", 0x00000000],
  ["a", 0x6f49d11a],
  ["ab", 0x165860ca],
  ["abc", 0x42b016c3],
  ["ada", 0x6368b066],
  ["JFK", 0x379525d1],
  ["日本", 0xa4a1f0f3],
  ["\u{1f600}", 0x56065e39],
  ["x".repeat(40), 0xe5c884b6],
  [true, 0xdee09ef5],
  [false, 0x2c40be61],
  [0n, 0x5848e5d3],
  [1n, 0x94f293ce],
  [-1n, 0xeebd6590],
  [2n ** 64n, 0xad7079bb],
  [["a"], 0xe26f895a],
  [["a", 1], 0x5f62a2f5],
  [[1, "a"], 0xaaa31bc3],
  [["ab"], 0xd5d9d2e2],
  [["a", "b"], 0xbe4c69e9],
  [[0], 0x171e8426],
  [[true, 7n, 0.5, "x"], 0xe04ff22f],
];

hashes("the hash of every kind of key is what it always was", () => {
  assert.is(keyHashName, "murmur3-utf16");
  for (const [key, hash] of golden) assert.is(hashKey(key) >>> 0, hash, `hash of ${String(key)}`);
});

hashes("a key group is the hash scaled to the number of groups", () => {
  for (const [key, hash] of golden) {
    for (const groups of [1, 2, 3, 100, 128, 32_768]) {
      assert.is(keyGroupOf(key, groups), Number(BigInt(hash) * BigInt(groups) >> 32n));
    }
  }
});

hashes.run();
