import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { encodeValue } from "../../actors/codec.ts";
import type { SluiceError } from "../../actors/error.ts";
import { decodeTable, encodeTable, isTable, type Table } from "../../actors/table_codec.ts";
import { exactDifference } from "./exact_difference.ts";
import { encodableValue, recordsAlike } from "./values.ts";

const tables = suite("tables");

const depth = 68;

function encoded(table: Table): Uint8Array {
  const bytes = encodeTable(table, "table", depth, false);
  if (bytes === undefined) throw new Error("was not encoded");
  return bytes;
}

function decoded(bytes: Uint8Array): Table {
  const result = decodeTable(bytes, depth);
  if (result.kind === "corrupt") throw new Error(`refused: ${result.reason}`);
  return result.table;
}

/** A list of as many values as another has rows. */
const listsBeside: readonly ((rows: number) => fc.Arbitrary<readonly unknown[]>)[] = [
  fc.integer(),
  fc.nat({ max: 100 }),
  fc.integer({ min: 2_147_483_000, max: 2_147_484_000 }),
  fc.integer({ min: -2_147_484_000, max: -2_147_483_000 }),
  fc.double(),
  fc.string({ unit: "binary-ascii", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.constantFrom<unknown>(0, -0, 1),
  fc.constantFrom<unknown>(true, null, undefined, 7n),
  encodableValue,
].map((value) => (rows) => fc.array(value, { minLength: rows, maxLength: rows }));

const anyTable = recordsAlike.chain((records) =>
  fc.tuple(fc.constantFrom(...listsBeside), fc.constantFrom(...listsBeside)).chain((lists) =>
    fc.tuple(lists[0](records.length), lists[1](records.length)).map(([first, last]): Table => [first, records, last])
  )
);

tables("bring back every list exactly: records alike, numbers, texts, and anything else", () => {
  fc.assert(
    fc.property(anyTable, (table) => {
      const bytes = encoded(table);
      assert.ok(isTable(bytes));
      assert.is(exactDifference(table, decoded(bytes), "table"), undefined);
    }),
    { seed: 12, numRuns: 700 },
  );
});

tables("of one row come back", () => {
  for (const value of [1, -0, "a", null, undefined, { a: 1 }, [1, 2], new Map([[1, 2]]), 5n]) {
    assert.is(exactDifference([["k"], [value]], decoded(encoded([["k"], [value]])), "table"), undefined);
  }
});

tables("are told apart from arrays of lists that were encoded as one value", () => {
  const lists: readonly Table[] = [
    [["a"], [1]],
    [[], []],
    [[1]],
    [Array.from({ length: 20 }, (_, at) => at), new Array(20).fill("x")],
    [Array.from({ length: 70_000 }, (_, at) => at)],
  ];
  for (const table of lists) assert.not.ok(isTable(encodeValue(table, "lists")));
  assert.not.ok(isTable(encodeValue([Buffer.of(1, 2), new Uint8Array(3)], "chunks")));
  for (const rows of [1, 63, 64, 255, 256, 65_536]) {
    const keys = Array.from({ length: rows }, (_, at) => at);
    assert.ok(isTable(encoded([keys])));
    assert.equal(decoded(encoded([keys])), [keys]);
  }
});

tables("whose rows repeat are not encoded beyond what a reader would believe", () => {
  const rows = (count: number): Table => [new Array(count).fill("k"), new Array(count).fill(true)];
  assert.equal(decoded(encoded(rows(50))), rows(50));
  assert.is(encodeTable(rows(1_000), "table", depth, false), undefined);
});

tables("give whole numbers back as they were at the edges of 32 bits", () => {
  for (const edge of [-0x8000_0000, 0x7fff_ffff, 0xffff_ffff, Number.MAX_SAFE_INTEGER - 300, Number.MIN_SAFE_INTEGER]) {
    for (const spread of [1, 200, 60_000, 70_000]) {
      const numbers = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => edge - (edge > 0 ? 1 : -1) * Math.floor(at * spread / 7));
      const table: Table = [numbers, numbers.map((n) => ({ n, other: "x" }))];
      if (numbers.every(Number.isSafeInteger)) {
        assert.is(exactDifference(table, decoded(encoded(table)), `from ${edge}`), undefined);
      }
    }
  }
});

tables("refuse what would not come back exactly, and name the place", () => {
  const keys = Array.from({ length: 20 }, (_, at) => at);
  const withOdd = (odd: unknown): Table => [keys, keys.map((key) => key === 12 ? odd : { x: key })];
  const cases: readonly (readonly [Table, RegExp])[] = [
    [withOdd({ x: () => {} }), /^Cannot encode table\[1\]\[12\]\.x: it is a function/],
    [withOdd({ x: "half \ud83d" }), /^Cannot encode table\[1\]\[12\]\.x: the string holds half/],
    [withOdd(Object.defineProperty({ x: 1 }, "y", { value: 1 })), /^Cannot encode table\[1\]\[12\]\.y: .* not enumerable/],
    [withOdd(Symbol("s")), /^Cannot encode table\[1\]\[12\]: it is a symbol/],
    [[keys, keys.map((key) => `${key}\ud83d`)], /^Cannot encode table\[1\]\[0\]: the string holds half/],
  ];
  for (const [table, message] of cases) {
    try {
      encoded(table);
      assert.unreachable(String(message));
    } catch (error) {
      assert.is((error as SluiceError).code, "UNENCODABLE_VALUE", String(error));
      assert.match((error as SluiceError).message, message);
    }
  }
});

tables("nest values as deep as an array of lists does, and no deeper", () => {
  const nested = (levels: number): unknown => levels === 0 ? 1 : [nested(levels - 1)];
  for (const wrap of [(value: unknown) => value, (value: unknown) => ({ value, n: 1 })]) {
    const levels = wrap(1) === 1 ? 66 : 65;
    const table = (deep: number): Table => [Array.from({ length: 20 }, (_, at) => at), new Array(20).fill(wrap(nested(deep)))];
    assert.is(exactDifference(table(levels), decoded(encoded(table(levels))), "table"), undefined);
    assert.throws(() => encoded(table(levels + 1)), /nests deeper/);
    assert.throws(() => encodeValue(table(levels + 1), "lists", depth), /nests deeper/);
  }
});

tables("that are malformed are refused, with the reason", () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [[3, [1, [1, 2]]], /a column has not 3 values/],
    [[3, [1, [1, 2, 3]], [5, 1]], /unknown kind 5/],
    [[3, 7], /no array where one should be/],
    [[3, new Map()], /records of 0 fields/],
    [[0, [0, 1]], /claims 0 rows/],
    [[0.5, [0, 1]], /claims 0.5 rows/],
    [[-1, [0, 1]], /claims -1 rows/],
    [["3", [0, 1]], /claims 3 rows/],
  ];
  for (const [given, reason] of cases) {
    const result = decodeTable(encodeValue(given, "body", depth + 2), depth);
    assert.ok(result.kind === "corrupt", `was taken where ${reason} was to be said`);
    assert.match(result.reason, reason);
  }
  const good = encodeValue([3, [0, 1]], "body");
  assert.equal(decoded(good), [[1, 1, 1]]);
  assert.equal(decodeTable(Uint8Array.of(...good, 0), depth), { kind: "corrupt", reason: "1 bytes after the table" });
});

tables("that claim more rows than there is room for are refused at no cost", () => {
  const before = process.memoryUsage();
  for (const rows of [1_000, 1 << 20, 0xffff_ffff, Number.MAX_SAFE_INTEGER]) {
    const result = decodeTable(encodeValue([rows, ...new Array(14).fill([0, 1])], "body"), depth);
    assert.ok(result.kind === "corrupt");
    assert.match(result.reason, /it claims \d+ rows in \d+ bytes/);
  }
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(grown < 4_000_000, `memory grew by ${grown} bytes`);
});

tables("with flipped bits and cut ends are decoded without throwing, and what is accepted can be encoded again", () => {
  let accepted = 0;
  fc.assert(
    fc.property(anyTable, fc.nat(), fc.nat({ max: 7 }), (table, place, bit) => {
      const bytes = encoded(table);
      const at = place % bytes.length;
      assert.is(decodeTable(bytes.subarray(0, at), depth).kind, "corrupt");
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      const result = decodeTable(bytes, depth);
      if (result.kind === "corrupt") return;
      accepted++;
      for (const list of result.table) encodeValue(list, "list", depth);
    }),
    { seed: 5, numRuns: 1_500 },
  );
  assert.ok(accepted > 100, `only ${accepted} were accepted`);
});

tables.run();
