import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { crc32, crc32ByTable, joinChecksums } from "../../actors/checksum.ts";

const checksum = suite("crc32");

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

checksum("has the check value of the catalogue, and those of zlib", () => {
  assert.is(crc32(ascii("123456789")), 0xcbf43926);
  assert.is(crc32(new Uint8Array(32)), 0x190a55ad);
  assert.is(crc32(new Uint8Array(32).fill(0xff)), 0xff6cab0b);
  assert.is(crc32(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x91267e8a);
});

checksum("of nothing is zero", () => {
  assert.is(crc32(new Uint8Array(0)), 0);
});

checksum("agrees with the bit by bit definition at every length and alignment", () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => (index * 151) & 0xff);
  for (let from = 0; from < 9; from++) {
    for (let to = from; to < bytes.length; to++) {
      const part = bytes.subarray(from, to);
      assert.is(crc32(part), bitwise(part), `${from}..${to}`);
    }
  }
});

checksum("of long runs is that of the table, whoever computes it", () => {
  const bytes = Uint8Array.from({ length: 3_000 }, (_, index) => (index * 197) >> 3 & 0xff);
  for (const to of [511, 512, 513, 1_024, 3_000]) {
    for (const from of [0, 1, 3, 8]) {
      const part = bytes.subarray(from, to);
      assert.is(crc32(part), crc32ByTable(part), `${from}..${to}`);
      assert.is(crc32(part, 0x1234_5678), crc32ByTable(part, 0x1234_5678), `${from}..${to}, from another checksum`);
    }
  }
});

checksum("can be taken piece by piece", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 80 }), (a, b) => {
      assert.is(crc32(b, crc32(a)), crc32(Uint8Array.from([...a, ...b])));
    }),
    { seed: 1, numRuns: 300 },
  );
});

checksum("of two runs is joined from theirs", () => {
  const bytes = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 73) & 0xff);
  for (const [from, to] of [[0, 0], [0, 1], [7, 7], [7, 12], [100, 5_000], [5_000, 5_000], [1, 4_097]] as const) {
    const first = bytes.subarray(0, from);
    const second = bytes.subarray(from, to);
    assert.is(joinChecksums(crc32(first), crc32(second), second.length), crc32(bytes.subarray(0, to)), `${from}, ${to}`);
  }
});

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb88320;
  }
  return ~crc >>> 0;
}

checksum.run();
