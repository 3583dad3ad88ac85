import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { decodeValue, encodeValue } from "../../actors/codec.ts";
import { exactDifference } from "./exact_difference.ts";
import { encodableValue } from "./values.ts";

const hostile = suite("codec, hostile bytes");

const bytesOf = (...parts: readonly (number | string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "number" ? [part] : typeof part === "string" ? [...new TextEncoder().encode(part)] : [...part]
    ),
  );

function reasonOf(bytes: Uint8Array): string {
  const decoded = decodeValue(bytes);
  if (decoded.kind === "value") throw new Error(`was decoded: ${String(decoded.value)}`);
  return decoded.reason;
}

hostile("refuses what is no single well-formed value, with the reason", () => {
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [bytesOf(), /ends too early/],
    [bytesOf(0xc1), /unknown token 0xc1/],
    [bytesOf(1, 2), /1 bytes after the value/],
    [bytesOf(0x91, 0xc1), /unknown token 0xc1/],
    [bytesOf(0x93, 1, 2), /claims 3 values in 2 bytes/],
    [bytesOf(0x92, 0x90), /claims|too early/],
    [bytesOf(0x40), /record 64 is not defined/],
    [bytesOf(0x92, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1, 0x41), /record 65 is not defined/],
    [bytesOf(0xd4, 0x72, 0x3f, 0x90), /record id 63 is out of range/],
    [bytesOf(0xd4, 0x72, 0x40, 0x91, 0x01, 1), /a field name is no string/],
    [bytesOf(0xd4, 0x72, 0x40, 0xa1, 0x61, 1), /field names of a record are no list/],
    [bytesOf(0xd4, 0x72, 0x40, 0x91, 0xa9, "__proto__", 0x80), /a field is named __proto__/],
    [bytesOf(0xd5, 0x72, 0x40, 0, 0x90), /unknown token 0xd5/],
    [bytesOf(0xd4, 0x73, 0, 1), /a set is malformed/],
    [bytesOf(0xd4, 0x73, 0, 0xa1, 0x61), /a set is malformed/],
    [bytesOf(0xd4, 0x73, 0), /a set is malformed/],
    [bytesOf(0xd4, 0, 1), /unknown extension 0/],
    [bytesOf(0xd4, 0x65, 0, 0x93, 0xa1, 0x61, 0xa1, 0x62, 0xc0), /unknown extension 101/],
    [bytesOf(0xd4, 0x78, 0, 0x92, 0xa1, 0x61, 0xa0), /unknown extension 120/],
    [bytesOf(0xd6, 0x69, [0, 0, 0, 1], 0x90), /unknown extension 105/],
    [bytesOf(0xd6, 0x70, [0, 0, 0, 1]), /unknown extension 112/],
    [bytesOf(0xd6, 0x62, [0, 0, 0, 1], 0xa0, 0xa0), /unknown extension 98/],
    [bytesOf(0xc7, 5, 0xff, [1, 2, 3, 4, 5]), /a date is malformed/],
    [bytesOf(0xc7, 0, 0x42), /a bigint is out of range/],
    [bytesOf(0xc8, [0x20, 0x01], 0x42, new Array<number>(0x2001).fill(1)), /a bigint is out of range/],
    [bytesOf(0xc7, 4, 0x74, 8, [1, 2, 3]), /a typed array is malformed/],
    [bytesOf(0xc7, 2, 0x74, 11, 0), /a typed array is malformed/],
    [bytesOf(0xc7, 2, 0x74, 18, 0), /a typed array is malformed/],
    [bytesOf(0xc7, 0, 0x74), /a typed array is malformed/],
    [bytesOf(0xd9, 10, "short"), /ends too early/],
    [bytesOf(0xcb, [1, 2, 3]), /ends too early/],
    [bytesOf(0xd4, 0x72), /ends too early/],
    [bytesOf(0xd4, 0x72, 0x40), /field names of a record are no list/],
    [bytesOf(0xd4, 0x72, 0x40, 0x92, 0xa1, 0x61), /ends too early|claims/],
  ];
  for (const [bytes, reason] of cases) assert.match(reasonOf(bytes), reason);
});

hostile("refuses lengths, counts and depths that are only claimed, at no cost", () => {
  const filler = new Array<number>(64).fill(0xff);
  const large = [0xff, 0xff, 0xff, 0xff];
  const bombs: readonly Uint8Array[] = [
    ...[0xc6, 0xdb, 0xdd, 0xdf, 0xc9].map((token) => bytesOf(token, large, filler)),
    ...[0xc5, 0xda, 0xdc, 0xde, 0xc8].map((token) => bytesOf(token, [0xff, 0xff], filler)),
    bytesOf(0xd4, 0x72, 0x40, 0xdd, large, filler),
    bytesOf(0xd4, 0x73, 0, 0xdd, large, filler),
    // Every level claims as much as could still be there.
    bytesOf(...Array.from({ length: 60 }, (): readonly number[] => [0xdc, 0x0f, 0xff]), new Array<number>(4_200).fill(0x90)),
    new Uint8Array(1_000_000).fill(0x91),
    new Uint8Array(1_000_000).fill(0x81),
    new Uint8Array(1_000_000).map((_, index) => index % 3 === 0 ? 0xd4 : index % 3 === 1 ? 0x73 : 0),
    new Uint8Array(1_000_000).map((_, index) => [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61][index % 6] as number),
  ];
  const before = process.memoryUsage();
  for (const bomb of bombs) assert.is(decodeValue(bomb).kind, "corrupt");
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(grown < 8_000_000, `memory grew by ${grown} bytes`);
});

hostile("refuses more bytes than it is told to take before it looks at them", () => {
  assert.equal(decodeValue(new Uint8Array(11), { maxBytes: 10 }), {
    kind: "corrupt",
    reason: "11 bytes are over the limit of 10",
  });
  assert.is(decodeValue(encodeValue([[1]]), { maxDepth: 2 }).kind, "value");
  assert.is(decodeValue(encodeValue([[1]]), { maxDepth: 1 }).kind, "corrupt");
});

hostile("puts no prototype and no code into what it decodes", () => {
  const map = decodeValue(bytesOf(0x81, 0xa9, "__proto__", 0x81, 0xa5, "admin", 0xc3));
  assert.ok(map.kind === "value" && map.value instanceof Map);
  assert.is(({} as { admin?: unknown }).admin, undefined);
  const name = "a:0,[(globalThis.polluted=1)]:1,b";
  const record = bytesOf(
    0x96,
    0xd4,
    0x72,
    0x40,
    0x91,
    0xa0 + 31,
    name.slice(0, 31),
    1,
    ...[2, 3, 4, 5, 6].flatMap((value) => [0x40, value]),
  );
  const decoded = decodeValue(record);
  assert.ok(decoded.kind === "value" && (decoded.value as readonly unknown[]).length === 6);
  assert.is((globalThis as { polluted?: unknown }).polluted, undefined);
});

hostile("takes random bytes without throwing, and what it accepts can be encoded again", () => {
  let accepted = 0;
  const tokens = fc.constantFrom(
    0x90,
    0x91,
    0x92,
    0x93,
    0x81,
    0xa1,
    0xd4,
    0x72,
    0x40,
    0x41,
    0x73,
    0,
    1,
    0xc0,
    0xc7,
    0x74,
    0xff,
    0xd6,
    0xcb,
    0xdc,
    0xd9,
  );
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.array(tokens, { maxLength: 24 }).map((list) => Uint8Array.from(list))),
      (bytes) => {
        const decoded = decodeValue(bytes);
        if (decoded.kind === "corrupt") return;
        accepted++;
        const again = decodeValue(encodeValue(decoded.value));
        assert.ok(again.kind === "value" && exactDifference(decoded.value, again.value, "value") === undefined);
      },
    ),
    { seed: 7, numRuns: 20_000 },
  );
  assert.ok(accepted > 500, `only ${accepted} were accepted`);
});

hostile("takes flipped bits, cut ends and swapped bytes of real encodings without throwing", () => {
  fc.assert(
    fc.property(encodableValue, fc.nat(), fc.nat(), fc.nat({ max: 2 }), (value, first, second, way) => {
      const bytes = encodeValue(value);
      const at = first % bytes.length;
      if (way === 0) bytes[at] = (bytes[at] as number) ^ (1 << (second % 8));
      else if (way === 1) {
        const other = second % bytes.length;
        [bytes[at], bytes[other]] = [bytes[other] as number, bytes[at] as number];
      }
      const decoded = decodeValue(way === 2 ? bytes.subarray(0, at) : bytes);
      if (way === 2) assert.is(decoded.kind, "corrupt");
    }),
    { seed: 11, numRuns: 3_000 },
  );
});

hostile("still decodes well after having refused", () => {
  const value = [{ a: 1, b: "x".repeat(100) }, { a: 2, b: "é".repeat(100) }];
  const bytes = encodeValue(value);
  for (let cut = 0; cut < bytes.length; cut++) assert.is(decodeValue(bytes.subarray(0, cut)).kind, "corrupt");
  assert.equal(decodeValue(bytes), { kind: "value", value });
});

hostile.run();
