import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { crc32c } from "../../actors/checksum.ts";

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

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  }
  return ~crc >>> 0;
}

checksum.run();
