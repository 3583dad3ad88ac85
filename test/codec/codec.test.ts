import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { runInNewContext } from "node:vm";
import { decodeValue, encodeValue, estimateBytes } from "../../actors/codec.ts";
import { SluiceError } from "../../actors/error.ts";
import { exactDifference } from "./exact_difference.ts";
import { encodableValue } from "./values.ts";

const codec = suite("codec");

function roundTrip(value: unknown): unknown {
  const decoded = decodeValue(encodeValue(value));
  if (decoded.kind === "corrupt") throw new Error(`refused its own bytes: ${decoded.reason}`);
  return decoded.value;
}

function assertExact(value: unknown): void {
  assert.is(exactDifference(value, roundTrip(value), "value"), undefined);
}

function refusalOf(value: unknown): string {
  try {
    encodeValue(value);
  } catch (error) {
    assert.instance(error, SluiceError);
    assert.is((error as SluiceError).code, "UNENCODABLE_VALUE");
    return (error as SluiceError).message;
  }
  throw new Error("was encoded");
}

codec("brings back every kind of value exactly", () => {
  const wide = new Uint8Array(300).map((_, index) => index);
  const samples: readonly unknown[] = [
    ...[null, undefined, true, false, 0, -0, 1, -1, 31, 32, 63, 64, 127, 128, 255, 256, 65_535, 65_536, -32, -33, -128, -129],
    ...[-32_768, -32_769, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER, 0.1, 5e-324],
    ...[NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_SAFE_INTEGER],
    ...[0n, -1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 63n), -(2n ** 63n) - 1n, -(2n ** 64n), 7n ** 999n],
    ...["", "a", "é", "日本", "😀", "\0", "x".repeat(31), "x".repeat(32), "é".repeat(255), "日".repeat(70_000), "\ufffd"],
    ...[
      new Date(0),
      new Date(NaN),
      new Date(-1),
      new Date(1),
      new Date(1_700_000_000_123),
      new Date(8.64e15),
      new Date(-8.64e15),
    ],
    ...[new Date(2 ** 32 * 1_000), new Date(2 ** 32 * 1_000 + 1), new Date(-1_001), new Date(4_294_967_295_999)],
    ...[[], {}, [[]], [{}], { a: undefined }, [undefined, null], new Map(), new Set(), new Map([[{ a: 1 }, -0]])],
    ...[new Map<unknown, unknown>([[NaN, 1], ["1", 2], [1, 3], [1n, 4], [null, 5], [[1], 6], [new Map(), 7]])],
    ...[new Set([-0, 1]), new Set([{}, {}, []]), wide, wide.subarray(3, 9), wide.buffer, new DataView(wide.buffer, 4, 20)],
    ...[new Int8Array([-1]), new Uint8ClampedArray([300]), new Int16Array([-2]), new Uint16Array([65_535]), new Int32Array([-3])],
    ...[new Uint32Array([4]), new Float32Array([0.5, -0, NaN]), new Float64Array([0.1]), new BigInt64Array([-5n])],
    ...[new BigUint64Array([2n ** 64n - 1n]), new Float64Array(0), new ArrayBuffer(0), Buffer.from("bytes"), Buffer.alloc(0)],
    ...[{ constructor: "Boeing", hasOwnProperty: 1, toJSON: 2, length: 3, then: 4, "": 5, "a b": 6, "日": 7, 2: 8, 1: 9 }],
    ...[{ __keys__: 0, read: 1, read0: 2, isShared: true, highByte: 0, transitions: [] }, [{ a: 1 }, { b: 1 }, { a: 1, b: 1 }, {
      b: 1,
      a: 1,
    }]],
  ];
  for (const sample of samples) assertExact(sample);
  assertExact(samples);
});

codec("brings back generated values of all kinds exactly", () => {
  fc.assert(fc.property(encodableValue, assertExact), { seed: 20_240_601, numRuns: 2_000 });
});

codec("brings back more record shapes than the packer has ids for, also when each comes several times", () => {
  const records: unknown[] = [];
  for (let round = 0; round < 6; round++) {
    for (let shape = 0; shape < 150; shape++) records.push({ [`field${shape}`]: shape, round, [`other${shape % 7}`]: -0 });
  }
  assertExact(records);
  assertExact(Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index])));
});

codec("brings back -0 anywhere without touching the value it was given", () => {
  const value = Object.freeze({ a: [-0, 0, new Map([["k", -0]])], s: new Set(["x"]), d: new Date(5), f: new Float64Array([-0]) });
  assertExact(value);
  assertExact([-0, { x: 0, y: -0 }]);
});

codec("gives the same bytes for the same value whatever was encoded before", () => {
  const record = { user: "u1", amount: 1.5, tags: ["a"], nested: { x: 1 } };
  const first = encodeValue([record, record]);
  encodeValue([{ amount: 1 }, { tags: 2, user: 3 }, { nested: { y: 1 } }]);
  assert.throws(() => encodeValue([record, { deep: [() => {}] }]));
  assert.equal(encodeValue([record, record]), first);
  fc.assert(
    fc.property(encodableValue, encodableValue, encodableValue, (value, one, another) => {
      encodeValue(one);
      const afterOne = encodeValue(value);
      encodeValue(another);
      assert.equal(encodeValue(value), afterOne);
    }),
    { seed: 12, numRuns: 500 },
  );
  const nested = { a: { a: { a: 1 } } };
  const bytes = encodeValue(nested);
  encodeValue([{ a: { b: { a: 1 } } }, { a: [{ a: { a: 1 } }] }]);
  assert.equal(encodeValue(nested), bytes);
});

codec("keeps nesting of 64 levels and refuses 65, in both directions", () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level++) {
      value = level % 3 === 0 ? [value] : level % 3 === 1 ? { v: value } : new Set([value]);
    }
    return value;
  };
  assertExact(nested(64));
  assert.match(refusalOf(nested(65)), /nests deeper than 64 levels/);
  const bytes = new Uint8Array(66).fill(0x91);
  bytes[64] = 1;
  assert.is(decodeValue(bytes.subarray(0, 65)).kind, "value");
  bytes[64] = 0x91;
  bytes[65] = 1;
  assert.equal(decodeValue(bytes), { kind: "corrupt", reason: "it nests deeper than 64 levels" });
});

codec("refuses what would not come back, naming the place and the remedy", () => {
  class Point {
    x = 1;
  }
  const cycle: Record<string, unknown> = { name: "c" };
  cycle["self"] = { back: [cycle] };
  const withSymbol = { a: 1, [Symbol("tag")]: 2 };
  const hidden = Object.defineProperty({ a: 1 }, "b", { value: 2, enumerable: false });
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  const polluted = JSON.parse('{"a": {"__proto__": {"admin": true}}}') as unknown;
  const dated = Object.assign(new Date(0), { zone: "UTC" });
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [() => 1, /^Cannot encode value: it is a function; leave it out/],
    [{ user: { onLogin: (): void => {} } }, /^Cannot encode value\.user\.onLogin: it is a function; /],
    [[1, Symbol("s")], /^Cannot encode value\[1\]: it is a symbol; /],
    [{ at: new Point() }, /^Cannot encode value\.at: it is an instance of Point, .*; keep its fields as a plain object$/],
    [[new Error("x")], /value\[0\]: it is an instance of Error/],
    [/x/, /instance of RegExp/],
    [new URL("http://a.b"), /instance of URL/],
    [Promise.resolve(), /instance of Promise/],
    [new WeakMap(), /instance of WeakMap/],
    [Object(1), /instance of Number/],
    [new (class extends Map {})(), /an unnamed class/],
    [new (class Mine extends Uint8Array {})(2), /instance of Mine/],
    [new Uint8Array(new SharedArrayBuffer(2)), /shared between threads; copy it with slice\(\)$/],
    [Object.create(null), /an object without prototype; copy it into a plain object/],
    [cycle, /^Cannot encode value\.self\.back\[0\]: it contains itself; refer to the other object by an id/],
    [sparse, /^Cannot encode value\[1\]: the array has a hole there; fill it/],
    [new Array(3), /value\[0\]: the array has a hole/],
    ["\ud800", /^Cannot encode value: the string holds half of a surrogate pair; call toWellFormed\(\)/],
    [{ "\udc00": 1 }, /the name holds half of a surrogate pair/],
    [polluted, /^Cannot encode value\.a\.__proto__: the name is reserved; rename the field$/],
    [withSymbol, /^Cannot encode value\[Symbol\(tag\)\]: a symbol cannot name a field/],
    [hidden, /^Cannot encode value\.b: the field is not enumerable/],
    [
      (function (..._: unknown[]): unknown {
        return arguments;
      })(1),
      /a symbol cannot name a field/,
    ],
    [/b/.exec("abc"), /^Cannot encode value: the array has named properties too; copy its elements/],
    [new Map([["k", { f: Symbol.iterator }]]), /^Cannot encode value\.get\("k"\)\.f: it is a symbol/],
    [new Map([[{ f: (): void => {} }, 1]]), /^Cannot encode value\.keys\(\)\[0\]\.f: it is a function/],
    [new Set([1, new Point()]), /^Cannot encode value\.values\(\)\[1\]: it is an instance of Point/],
    [Object.assign(new Map(), { name: 1 }), /^Cannot encode value\.name: only the entries are kept/],
    [dated, /^Cannot encode value\.zone: only the entries are kept/],
    [1n << 65_600n, /the bigint has more than 8192 bytes; keep it as a string/],
    [{ "a b": { "日": NaN, f: globalThis.eval } }, /^Cannot encode value\["a b"\]\.f: it is a function/],
    [runInNewContext("[1]"), /instance of Array/],
  ];
  for (const [value, message] of cases) {
    const found = refusalOf(value);
    assert.match(found, message);
    assert.match(refusalOf([{ deep: value }]), /^Cannot encode value\[0\]\.deep/);
  }
});

codec("names the value as it is told to", () => {
  assert.throws(() => encodeValue({ f: () => {} }, "record 3 of map"), /Cannot encode record 3 of map\.f: /);
});

codec("names the place of a value that cannot be read, such as one with a getter that throws", () => {
  const value = {
    get mood(): string {
      throw new Error("not today");
    },
  };
  assert.match(refusalOf(value), /^Cannot encode value: reading it fails: not today/);
});

codec("refuses an object seen by ever more paths instead of writing for ever", () => {
  let value: unknown = {};
  for (let level = 0; level < 60; level++) value = [value, value];
  assert.match(refusalOf([value, () => {}]), /holds more than 4194304 objects, counted each time they are seen/);
});

codec("writes an object that is seen twice as two equal ones", () => {
  const shared = { a: 1 };
  const back = roundTrip([shared, shared]) as readonly unknown[];
  assert.equal(back, [{ a: 1 }, { a: 1 }]);
  assert.is.not(back[0], back[1]);
});

codec("gives back nothing that shares memory with the input", () => {
  const value = [new Uint8Array([1, 2, 3]), Buffer.from([4, 5, 6]), new ArrayBuffer(4), "text", new Float64Array([1]), 2n ** 70n];
  const bytes = encodeValue(value);
  const decoded = decodeValue(bytes);
  bytes.fill(0xff);
  assert.is(decoded.kind, "value");
  if (decoded.kind === "value") assert.is(exactDifference(value, decoded.value, "value"), undefined);
});

codec("gives bytes that later encodings leave alone, in a buffer of their own", () => {
  const first = encodeValue({ a: "one" });
  const copy = first.slice();
  for (let index = 0; index < 50; index++) encodeValue({ a: "x".repeat(index * 100) });
  encodeValue("y".repeat(6_000_000));
  encodeValue("z");
  assert.equal(first, copy);
  assert.is(first.buffer.byteLength, first.length);
  assert.is(Object.getPrototypeOf(first), Uint8Array.prototype);
});

codec("decodes from the middle of a larger buffer", () => {
  const bytes = encodeValue([1, "two", { three: new Uint8Array([3]) }, "x".repeat(200)]);
  const larger = new Uint8Array(bytes.length + 20).fill(0x91);
  larger.set(bytes, 7);
  const decoded = decodeValue(larger.subarray(7, 7 + bytes.length));
  assert.equal(decoded, decodeValue(bytes));
});

codec("has stable bytes", () => {
  const hex = (value: unknown): string => Buffer.from(encodeValue(value)).toString("hex");
  assert.is(hex([{ a: 1, b: "x" }, { a: 2, b: "y" }]), "92d4724092a161a16201a1784002a179");
  assert.is(hex([-0, undefined, null, 64, -1, 2 ** 40]), "96cb8000000000000000d40000c0cc40ffcb4270000000000000");
  assert.is(hex(new Map([["k", new Set([1])]])), "81a16bd4730091" + "01");
  assert.is(hex([5n, 2n ** 64n, new Date(1_000)]), "93d30000000000000005d84200000000000000010000000000000000d6ff00000001");
  assert.is(hex([new Uint16Array([1]), new ArrayBuffer(1), Buffer.from([7])]), "93c703740401" + "00" + "c702741000" + "c40107");
});

codec("estimates within a factor of two what a batch of records takes", () => {
  const records = Array.from({ length: 500 }, (_, index) => ({
    user: `user-${index % 90}`,
    at: 1_700_000_000_000 + index,
    amount: index * 1.25,
    items: [index, index + 1],
    nested: { ok: true, note: "été" },
  }));
  const real = encodeValue(records).length;
  const estimate = estimateBytes(records);
  assert.ok(estimate > real / 2 && estimate < real * 2, `${estimate} for ${real}`);
  const cycle: unknown[] = [];
  cycle.push(cycle, () => {}, Symbol("s"), 5n, new Map([[1, new Set([2])]]), new Uint8Array(100), null, undefined, "ab");
  assert.ok(estimateBytes(cycle) > 100);
});

codec.run();
