import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { crc32c, joinChecksums } from "../../actors/checksum.ts";

const checksum = suite("crc32c");

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

checksum("has the published values of RFC 3720 and the Castagnoli check value", () => {
  assert.is(crc32c(ascii("123456789")), 0xe3069283);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c);
});

checksum("of nothing is zero", () => {
  assert.is(crc32c(new Uint8Array(0)), 0);
});

checksum("agrees with the bit by bit definition at every length and alignment", () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => (index * 151) & 0xff);
  for (let from = 0; from < 9; from++) {
    for (let to = from; to < bytes.length; to++) {
      const part = bytes.subarray(from, to);
      assert.is(crc32c(part), bitwise(part), `${from}..${to}`);
    }
  }
});

checksum("can be taken piece by piece", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 80 }), (a, b) => {
      assert.is(crc32c(b, crc32c(a)), crc32c(Uint8Array.from([...a, ...b])));
    }),
    { seed: 1, numRuns: 300 },
  );
});

checksum("of two runs is joined from theirs", () => {
  const bytes = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 73) & 0xff);
  for (const [from, to] of [[0, 0], [0, 1], [7, 7], [7, 12], [100, 5_000], [5_000, 5_000], [1, 4_097]] as const) {
    const first = bytes.subarray(0, from);
    const second = bytes.subarray(from, to);
    assert.is(joinChecksums(crc32c(first), crc32c(second), second.length), crc32c(bytes.subarray(0, to)), `${from}, ${to}`);
  }
});

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  }
  return ~crc >>> 0;
}

checksum.run();
