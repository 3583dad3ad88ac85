import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { decodeBatch, encodeBatch } from "../../actors/batch_codec.ts";
import { decodeValue, encodeValue } from "../../actors/codec.ts";
import type { SluiceError } from "../../actors/error.ts";
import { exactDifference } from "./exact_difference.ts";
import { recordsAlike } from "./values.ts";

const columns = suite("columns");

const encoded = (values: readonly unknown[]): Uint8Array => encodeBatch({ values, lists: [], last: null }, "record", 0);

function decoded(bytes: Uint8Array, count: number): readonly unknown[] {
  const result = decodeBatch(bytes, count, 0);
  if (result.kind === "corrupt") throw new Error(`refused: ${result.reason}`);
  return result.batch.values;
}

const roundTrip = (values: readonly unknown[]): readonly unknown[] => decoded(encoded(values), values.length);

/** What stands in the place of the values: a map where they are in columns. */
function written(values: readonly unknown[]): unknown {
  const body = decodeValue(encoded(values), { maxDepth: 70 });
  assert.ok(body.kind === "value");
  return (body.value as readonly unknown[])[0];
}

function records(count: number, make: (at: number) => Record<string, unknown>): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

function columnOf(make: (at: number) => unknown): readonly unknown[] {
  const map = written(records(100, (at) => ({ filler: at * 7919 % 97, field: make(at) })));
  return (map as ReadonlyMap<string, readonly unknown[]>).get("field") as readonly unknown[];
}

columns("bring back every list of records exactly, also with one of another shape among them", () => {
  let inColumns = 0;
  fc.assert(
    fc.property(recordsAlike, (values) => {
      assert.is(exactDifference(values, roundTrip(values), "values"), undefined);
      if (written(values) instanceof Map) inColumns++;
    }),
    { seed: 33, numRuns: 700 },
  );
  assert.ok(inColumns > 300, `only ${inColumns} lists were in columns`);
});

columns("are as narrow as their values let them be", () => {
  assert.equal(columnOf((at) => 1_700_000_000_000 + at), [3, 1_700_000_000_000, Uint8Array.from({ length: 100 }, (_, at) => at)]);
  assert.equal(columnOf((at) => at * 655 - 1), [3, -1, Uint16Array.from({ length: 100 }, (_, at) => at * 655)]);
  assert.equal(columnOf((at) => at * 43_000_000), [3, 0, Uint32Array.from({ length: 100 }, (_, at) => at * 43_000_000)]);
  for (const odd of [-0, NaN, Infinity, 0.5, 2 ** 53, 2 ** 33]) {
    const column = columnOf((at) => at === 50 ? odd : at);
    const expected = [2, Float64Array.from({ length: 100 }, (_, at) => at === 50 ? odd : at)];
    assert.is(exactDifference(expected, column, "column"), undefined);
  }
  assert.equal(columnOf(() => 7), [0, 7]);
  assert.equal(columnOf(() => "order placed"), [0, "order placed"]);
  assert.equal(columnOf(() => undefined), [0, undefined]);
  assert.equal(columnOf((at) => "x".repeat(at % 3)), [
    4,
    [3, 0, Uint8Array.from({ length: 100 }, (_, at) => at % 3)],
    Buffer.alloc(99, "x"),
  ]);
  assert.equal(columnOf((at) => `é${at}`)[0], 1);
  assert.equal(columnOf((at) => at % 2 === 0)[0], 1);
  assert.equal(columnOf(() => ({ nested: 1 }))[0], 1);
});

columns("are left out where records are few, differ, have no field, or are none", () => {
  const alike = records(20, (at) => ({ a: at, b: at }));
  assert.instance(written(alike), Map);
  const rows: readonly (readonly unknown[])[] = [
    alike.slice(0, 7),
    [...alike, { b: 1, a: 1 }],
    [...alike, { a: 1 }],
    [...alike, { a: 1, b: 1, c: 1 }],
    [...alike, null],
    [...alike, [1]],
    [...alike, new Map()],
    records(20, () => ({})),
    records(20, (at) => Object.fromEntries(Array.from({ length: 65 }, (_, field) => [`f${field}`, at]))),
    // A reader could not tell that so many fields are really there.
    records(200, () => Object.fromEntries(Array.from({ length: 40 }, (_, field) => [`f${field}`, 1]))),
  ];
  for (const values of rows) {
    assert.instance(written(values), Array);
    assert.is(exactDifference(values, roundTrip(values), "values"), undefined);
  }
});

columns("read each field once, and keep what a getter gave", () => {
  let reads = 0;
  const values = records(20, (at) => ({
    a: at,
    get b(): unknown {
      return reads++ === 30 ? "text" : at;
    },
  }));
  assert.equal(roundTrip(values), records(20, (at) => ({ a: at, b: at })));
  assert.is(reads, 20);
  const back = roundTrip(values);
  assert.is(reads, 40);
  assert.equal(back, records(20, (at) => ({ a: at, b: at === 10 ? "text" : at })));
});

columns("give up on records that a getter changes while they are read, and keep what is there then", () => {
  const values: Record<string, unknown>[] = records(20, (at) => ({ a: at, b: at }));
  const growing = {
    get a(): number {
      (values[15] as Record<string, unknown>)["c"] = 1;
      return 5;
    },
    b: 5,
  };
  values[5] = growing;
  assert.instance(written(values), Array);
  assert.equal(roundTrip(values)[15], { a: 15, b: 15, c: 1 });
  const shrinking = {
    get a(): number {
      delete (values[15] as Record<string, unknown>)["b"];
      return 5;
    },
    b: 5,
  };
  const before: Record<string, unknown>[] = records(20, (at) => ({ a: at, b: at }));
  before[5] = shrinking;
  values.splice(0, 20, ...before);
  assert.equal(roundTrip(values)[15], { a: 15 });
});

columns("refuse what would not come back exactly, and name the record and the place", () => {
  class Point {
    x = 1;
    y = "text";
  }
  const withHole = [1, 2, 3];
  delete withHole[1];
  const hidden = (key: string | symbol, enumerable: boolean): object =>
    Object.defineProperty({ x: 1, y: "text" }, key, { value: 1, enumerable });
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{ x: 1, y: "half \ud83d" }, /^Cannot encode record\[12\]\.y: the string holds half of a surrogate pair/],
    [{ x: 1, y: (): void => {} }, /^Cannot encode record\[12\]\.y: it is a function/],
    [{ x: Symbol("s"), y: "text" }, /^Cannot encode record\[12\]\.x: it is a symbol/],
    [{ x: withHole, y: "text" }, /^Cannot encode record\[12\]\.x\[1\]: the array has a hole/],
    [{ x: new Point(), y: "text" }, /^Cannot encode record\[12\]\.x: it is an instance of Point/],
    [new Point(), /^Cannot encode record\[12\]: it is an instance of Point/],
    [hidden("z", false), /^Cannot encode record\[12\]\.z: the field is not enumerable/],
    [hidden(Symbol("z"), true), /^Cannot encode record\[12\]\[Symbol\(z\)\]: a symbol cannot name a field/],
    [hidden(Symbol("z"), false), /^Cannot encode record\[12\]\[Symbol\(z\)\]: a symbol cannot name a field/],
    [Object.assign(Object.create(null), { x: 1, y: "text" }), /^Cannot encode record\[12\]: it is an object without prototype/],
  ];
  for (const [odd, message] of cases) {
    const values: unknown[] = records(20, (at) => ({ x: at, y: `text ${at}` }));
    values[12] = odd;
    try {
      encoded(values);
      assert.unreachable(String(message));
    } catch (error) {
      assert.is((error as SluiceError).code, "UNENCODABLE_VALUE", String(error));
      assert.match((error as SluiceError).message, message);
    }
  }
  const reserved = records(20, (at) => JSON.parse(`{ "a": ${at}, "__proto__": 1 }`) as Record<string, unknown>);
  assert.throws(() => encoded(reserved), /Cannot encode record\[0\]\.__proto__: the name is reserved/);
  const half = records(20, (at) => ({ "\ud83d": at }));
  assert.throws(() => encoded(half), /the name holds half of a surrogate pair/);
  // Together the two halves would be a letter.
  const halves = records(20, (at) => ({ half: at % 2 === 0 ? "\ud83d" : "\ude00" }));
  assert.throws(() => encoded(halves), /Cannot encode record\[0\]\.half: the string holds half of a surrogate pair/);
  const failing = records(20, () => ({
    get a(): number {
      throw new Error("no such thing");
    },
  }));
  assert.throws(() => encoded(failing), /Cannot encode record: reading it fails: no such thing/);
});

/** Plain records, but for those `at` some places, which have a field that no loop finds. */
function withHidden(count: number, key: string | symbol, enumerable: boolean, at: (row: number) => boolean): unknown[] {
  const plain = records(count, (row) => ({ x: row, y: `text ${row}` }));
  return plain.map((record, row) => at(row) ? Object.defineProperty(record, key, { value: 1, enumerable }) : record);
}

columns("refuse records all of which have a field named by a symbol, or one that is not enumerable", () => {
  for (const count of [8, 16, 17, 256, 1_000]) {
    const all = (): boolean => true;
    assert.throws(() => encoded(withHidden(count, Symbol("z"), true, all)), /record\[0\]\[Symbol\(z\)\]: a symbol cannot name/);
    assert.throws(() => encoded(withHidden(count, Symbol("z"), false, all)), /record\[0\]\[Symbol\(z\)\]: a symbol cannot name/);
    assert.throws(() => encoded(withHidden(count, "z", false, all)), /record\[0\]\.z: the field is not enumerable/);
  }
});

columns("search the first 16 of each 256 records for hidden fields; what others have of these is left out", () => {
  const plain = records(600, (row) => ({ x: row, y: `text ${row}` }));
  for (let row = 0; row < 600; row++) {
    const single = withHidden(600, Symbol("z"), true, (other) => other === row);
    if (row % 256 < 16) {
      const message = new RegExp(`^Cannot encode record\\[${row}\\]\\[Symbol\\(z\\)\\]: a symbol cannot name a field`);
      assert.throws(() => encoded(single), message);
    } else {
      assert.is(exactDifference(plain, roundTrip(single), `values but for ${row}`), undefined);
    }
  }
});

columns("are exact about what is inside records that are not searched, and about lists of records that differ", () => {
  const tagged = (): object => ({ a: 1, [Symbol("z")]: 1 });
  const inside = records(600, (row) => ({ x: row, y: row === 200 ? tagged() : { a: 1 } }));
  assert.throws(() => encoded(inside), /record\[200\]\.y\[Symbol\(z\)\]: a symbol cannot name a field/);
  const differing = withHidden(600, Symbol("z"), true, (row) => row === 200);
  differing[599] = { other: 1 };
  assert.throws(() => encoded(differing), /record\[200\]\[Symbol\(z\)\]: a symbol cannot name a field/);
});

columns("take values as deep as the codec does, and no deeper", () => {
  const nested = (levels: number): unknown => levels === 0 ? 1 : [nested(levels - 1)];
  const deep = records(20, (at) => ({ at, deep: nested(63) }));
  assert.instance((decodeValue(encoded(deep), { maxDepth: 80 }) as { value: readonly unknown[] }).value[0], Map);
  assert.is(exactDifference(deep, roundTrip(deep), "values"), undefined);
  assert.throws(() => encoded(records(20, (at) => ({ at, deep: nested(64) }))), /record\[0\].* deeper than 64/);
});

columns("that are malformed are refused, with the reason", () => {
  const bytes = (map: unknown, ...lists: readonly unknown[]): Uint8Array => encodeValue([map, ...lists, null], "body", 70);
  const of = (column: unknown): Uint8Array => bytes(new Map([["a", column]]));
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [of([0, [1]]), /ends too early|nests deeper|a constant is an object/],
    [of([0, new Uint8Array(3)]), /a constant is an object/],
    [of([1, [1, 2]]), /a column has not 3 values/],
    [of([1, "abc"]), /a column has not 3 values/],
    [of([2, new Float64Array(2)]), /no typed array of 3 numbers/],
    [of([2, new Uint8Array(3)]), /of another type/],
    [of([3, 0, new Float64Array(3)]), /of another type/],
    [of([3, 0, new Int8Array(3)]), /no typed array of 3 numbers/],
    [of([3, 0, new Uint16Array(2)]), /no typed array of 3 numbers/],
    [of([3, 0.5, new Uint8Array(3)]), /no whole number/],
    [of([3, "0", new Uint8Array(3)]), /no whole number/],
    [of([4, [0, 1], Buffer.alloc(4)]), /strings of 3 bytes in 4/],
    [of([4, [0, -1], Buffer.alloc(3)]), /a string has no length/],
    [of([4, [2, Float64Array.of(0.5, 0.5, 1)], Buffer.of(1, 2)]), /a string has no length/],
    [of([4, null, Buffer.alloc(3)]), /a column of strings has no bytes/],
    [of([4, [0, 1], "abc"]), /a column of strings has no bytes/],
    [of([5, 1]), /unknown kind 5/],
    [of([0, 1, 2]), /unknown kind 0/],
    [of([]), /unknown kind/],
    [of(7), /no array where one should be/],
    [bytes(new Map()), /records of 0 fields/],
    [bytes(new Map([[1, [1, [1, 2, 3]]]])), /no text where some should be/],
    [bytes(new Map(["b", "1"].map((name) => [name, [1, [1, 2, 3]]]))), /in an order that no object has/],
    [bytes(new Map([["__proto__", [1, [1, 2, 3]]]])), /a field is named __proto__/],
    [bytes(new Map(Array.from({ length: 65 }, (_, at) => [`f${at}`, [1, [1, 2, 3]]]))), /records of 65 fields/],
  ];
  for (const [given, reason] of cases) {
    const result = decodeBatch(given, 3, 0);
    assert.ok(result.kind === "corrupt", `was taken where ${reason} was to be said`);
    assert.match(result.reason, reason);
  }
  const twice = bytes(new Map([["a", [1, [1, 2, 3]]], ["b", [1, [1, 2, 3]]]]));
  twice[twice.indexOf(0x62)] = 0x61;
  assert.equal(decodeBatch(twice, 3, 0), { kind: "corrupt", reason: "a field is named twice" });
  const rows = [{ a: 1 }, { a: 2 }, { a: 3 }];
  for (const list of [[0, "text"], [1, [1, 2, 3]], [4, [0, 1], Buffer.alloc(3)], [0], "text", new Float64Array(3)]) {
    assert.is(decodeBatch(bytes(rows, list), 3, 1).kind, "corrupt");
  }
  assert.is(decodeBatch(bytes(rows, [0, 5]), 3, 1).kind, "batch");
  assert.is(decodeBatch(bytes(rows, [0, 5]), 2, 1).kind, "corrupt");
  assert.is(decodeBatch(bytes(rows, [0, 5]), 3, 2).kind, "corrupt");
});

columns("that claim more records than there is room for are refused at no cost", () => {
  const bomb = encodeValue([new Map(Array.from({ length: 64 }, (_, at) => [`f${at}`, [0, 1]])), null], "body", 70);
  const before = process.memoryUsage();
  for (const count of [1_000, 1 << 20, 0xffff_ffff]) {
    const result = decodeBatch(bomb, count, 0);
    assert.ok(result.kind === "corrupt");
    assert.match(result.reason, /it claims \d+ records of 64 fields in \d+ bytes/);
  }
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(grown < 4_000_000, `memory grew by ${grown} bytes`);
});

columns("with flipped bits and cut ends are decoded without throwing, and what is accepted can be encoded again", () => {
  let accepted = 0;
  fc.assert(
    fc.property(recordsAlike, fc.nat(), fc.nat({ max: 7 }), (values, place, bit) => {
      const bytes = encoded(values);
      const at = place % bytes.length;
      assert.is(decodeBatch(bytes.subarray(0, at), values.length, 0).kind, "corrupt");
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      const result = decodeBatch(bytes, values.length, 0);
      if (result.kind === "corrupt") return;
      accepted++;
      const again = result.batch.values;
      assert.is(exactDifference(again, roundTrip(again), "values"), undefined);
    }),
    { seed: 34, numRuns: 1_000 },
  );
  assert.ok(accepted > 100, `only ${accepted} were accepted`);
});

columns("of many strings, and of long ones, are written piece by piece, and one by one where the last is not of ASCII", () => {
  const lines = (count: number, last: string): Record<string, unknown>[] =>
    records(count, (at) => ({ at, line: at === count - 1 ? last : `${at} `.repeat(at === 700 ? 5_000 : 4) }));
  for (const count of [8, 600, 1_500, 4_096]) {
    for (const last of ["", "the end", "z".repeat(20_000), "the end \u00e9"]) {
      const values = lines(count, last);
      assert.is(exactDifference(values, roundTrip(values), "values"), undefined);
      const column = (written(values) as ReadonlyMap<string, readonly unknown[]>).get("line") as readonly unknown[];
      assert.is(column[0], last.endsWith("\u00e9") ? 1 : 4);
    }
  }
});

columns("of more shapes than have places of their own, with one to ten fields, come back as they went, by turns", () => {
  const kinds: readonly ((at: number) => unknown)[] = [
    (at) => at,
    (at) => at * 200 - 7,
    (at) => at * 3_000_000,
    (at) => at / 3,
    () => 5,
    (at) => `text ${at}`,
    (at) => at % 3 === 0 ? null : { at },
    (at) => 0x7fff_ffff - 500 + at,
    (at) => -0x8000_0000 + at,
    () => undefined,
  ];
  for (let round = 0; round < 3; round++) {
    for (let fields = 1; fields <= kinds.length; fields++) {
      for (const count of [8, 256, 257, 1_000]) {
        const values = records(count, (at) => {
          const name = (field: number): string => `f${field * 7 % 10}`;
          return Object.fromEntries(
            Array.from({ length: fields }, (_, field) => [name(field), kinds[(field + round) % 10]?.(at)]),
          );
        });
        const back = roundTrip(values);
        assert.is(exactDifference(values, back, "values"), undefined);
        assert.equal(Object.keys(back[count - 1] as object), Object.keys(values[0] as object));
      }
    }
  }
});

columns("give strings that keep little but themselves in memory", () => {
  const bytes = encoded(records(512, (at) => ({ id: at.toString().padStart(36, "0") })));
  const kept: unknown[] = [];
  const before = process.memoryUsage().heapUsed;
  for (let frame = 0; frame < 8_000; frame++) kept.push((decoded(bytes, 512)[frame % 512] as { id: string }).id);
  const grown = process.memoryUsage().heapUsed - before;
  // All of their bytes together are 147 MB.
  assert.ok(grown < 70_000_000, `${kept.length} strings keep ${grown} bytes`);
});

columns.run();
