import { Buffer } from "node:buffer";
import fc from "fast-check";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.string({ unit: "binary-ascii", maxLength: 300 }),
);

const fieldName = fc.oneof(
  fc.constantFrom("a", "b", "id", "user", "constructor", "hasOwnProperty", "toString", "valueOf", "length", "0", "17", "", "a b"),
  fc.string({ unit: "grapheme", maxLength: 12 }),
).filter((name) => name !== "__proto__");

const leaf = fc.oneof(
  { weight: 5, arbitrary: text },
  { weight: 3, arbitrary: fc.integer() },
  { weight: 3, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
  { weight: 2, arbitrary: fc.constantFrom(null, undefined, true, false, -0, NaN, Infinity, -Infinity) },
  { weight: 2, arbitrary: fc.bigInt() },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 600n), max: 2n ** 600n }) },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: false }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  { weight: 1, arbitrary: fc.float64Array({ maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc.oneof(fc.int16Array(), fc.uint32Array(), fc.float32Array(), fc.int8Array(), fc.uint8ClampedArray()),
  },
  { weight: 1, arbitrary: fc.oneof(fc.bigInt64Array(), fc.bigUint64Array()) },
  { weight: 1, arbitrary: fc.uint8Array().map((bytes) => bytes.slice().buffer) },
  { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
);

/** Any value that the codec promises to bring back. */
export const encodableValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 6 }),
    fc.dictionary(fieldName, tie("value"), { maxKeys: 6, noNullPrototype: true }),
    fc.array(fc.record({ user: text, at: fc.integer(), extra: tie("value") }, { noNullPrototype: true }), { maxLength: 5 }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).value;

const ascii = fc.string({ unit: "binary-ascii", maxLength: 40 });

/** What a column may be made of. */
const cell: fc.Arbitrary<fc.Arbitrary<unknown>> = fc.oneof(
  fc.constantFrom<fc.Arbitrary<unknown>[]>(
    fc.nat({ max: 255 }),
    fc.integer({ min: -300, max: 300 }),
    fc.integer({ min: 1_700_000_000_000, max: 1_700_000_050_000 }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.constantFrom(0, -0, 1, NaN),
    fc.boolean(),
    ascii,
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.constantFrom("", "x", "a string that comes again"),
    fc.oneof(fc.integer(), fc.constant(undefined), ascii),
  ),
  fc.oneof(leaf, encodableValue).map((value) => fc.constant(value)),
  fc.constant(encodableValue),
);

/** Records with the same fields in the same order, of which one may be of another shape. */
export const recordsAlike: fc.Arbitrary<readonly unknown[]> = fc.tuple(
  fc.dictionary(fieldName, cell, { minKeys: 1, maxKeys: 5, noNullPrototype: true }).chain((cells) =>
    fc.array(fc.record(cells, { noNullPrototype: true }), { minLength: 8, maxLength: 20 })
  ),
  fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.tuple(fc.nat(), encodableValue) }),
).map(([records, odd]) => {
  const values: unknown[] = [...records];
  if (odd !== null) values[odd[0] % values.length] = odd[1];
  return values;
});
