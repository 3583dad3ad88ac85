import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SluiceError } from "../../actors/error.ts";
import {
  canonicalKey,
  hashKey,
  type Key,
  keyGroupOf,
  keyIdentity,
  type KeyItem,
  keyText,
  ownerOf,
  rangeOf,
} from "../../runtime/graph/key.ts";

const keys = suite("keys");

/** What no key may be, with what the message says of it. */
const refused: readonly [unknown, string][] = [
  [undefined, "undefined"],
  [null, "null"],
  [NaN, "NaN"],
  [{ user: 1 }, "an object"],
  [Object.create(null), "an object"],
  [new Date(0), "a Date"],
  [() => 1, "a function"],
  [Symbol("k"), "a symbol"],
  ["a\ud800", "an ill-formed string"],
  ["\udc00".padStart(50, "a"), "an ill-formed string"],
  ["\udc00\ud800", "an ill-formed string"],
  [[], "an empty array"],
  [["a", undefined], "item 1 is undefined"],
  [[NaN], "item 0 is NaN"],
  [[1, ["a"]], "item 1 is an array"],
  [["\ud83d"], "item 0 is an ill-formed string"],
];

/** A part of a key, numbers of every kind among them. */
const item: fc.Arbitrary<KeyItem> = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "0", "1", "true", "n1;", "s1:a", "1n"),
  fc.constantFrom(0, -0, 1, 1n, 0n, true, false),
  fc.bigInt(),
);
const key: fc.Arbitrary<Key> = fc.oneof(item, fc.array(item, { minLength: 1, maxLength: 4 }));

/** Whether two keys are the same, by definition. */
function same(a: Key, b: Key): boolean {
  if (typeof a === "object" || typeof b === "object") {
    return typeof a === "object" && typeof b === "object" && a.length === b.length && a.every((one, at) => one === b[at]);
  }
  return a === b;
}

keys("what is no key is refused everywhere, naming the operator, what came, and the remedy", () => {
  for (const [wrong, said] of refused) {
    for (
      const act of [
        () => keyGroupOf(wrong as Key, 128, "count"),
        () => keyIdentity(wrong as Key, "count"),
        () => hashKey(wrong as Key, "count"),
      ]
    ) {
      assert.throws(act, (error: unknown) => {
        assert.instance(error, SluiceError);
        assert.is((error as SluiceError).code, "KEY_INVALID");
        assert.match((error as SluiceError).message, said);
        assert.match((error as SluiceError).message, "of count");
        return true;
      });
    }
  }
});

keys("well-formed strings are keys, surrogate pairs and long ones among them", () => {
  for (const text of ["", "a", "\ud83d\ude00", "x\ud83d\ude00", "\ud83d\ude00".repeat(40), "\uffff", "日本", "\0"]) {
    assert.is(keyIdentity(text), text);
    assert.ok(keyGroupOf(text, 128) >= 0);
  }
});

keys("two keys have one identity exactly when they are the same key", () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      assert.is(keyIdentity(a) === keyIdentity(b), same(a, b));
    }),
    { seed: 1, numRuns: 3_000, examples: [[1, "1"], [["a", "b"], ["ab"]], [0, -0], [[0], [-0]], [["1"], [1]], [[1, 2], [12]]] },
  );
});

keys("the same key has the same hash, and a group within the groups", () => {
  fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 32_768 }), (a, groups) => {
      const copy = typeof a === "object" ? [...a] : a;
      assert.is(hashKey(copy), hashKey(a));
      assert.is(hashKey(canonicalKey(a)), hashKey(a));
      const group = keyGroupOf(a, groups);
      assert.ok(Number.isInteger(group) && group >= 0 && group < groups);
    }),
    { seed: 2, numRuns: 3_000 },
  );
});

keys("a canonical key has no negative zero and is otherwise the key", () => {
  assert.ok(Object.is(canonicalKey(-0), 0));
  const [zero, text] = canonicalKey([-0, "a"] as const);
  assert.ok(Object.is(zero, 0));
  assert.is(text, "a");
  const tuple = ["a", 1] as const;
  assert.is(canonicalKey(tuple), tuple);
  assert.is(canonicalKey("x"), "x");
});

keys("key groups are dealt out evenly over keys of every kind", () => {
  const kinds: Record<string, (n: number) => Key> = {
    "small integers": (n) => n,
    "strings": (n) => `user-${n}`,
    "fractions": (n) => n + 0.5,
    "big integers": (n) => BigInt(n),
    "pairs": (n) => [n % 100, `${Math.floor(n / 100)}`],
  };
  for (const [kind, make] of Object.entries(kinds)) {
    const sizes = new Array<number>(128).fill(0);
    for (let n = 0; n < 128 * 100; n++) sizes[keyGroupOf(make(n), 128)]!++;
    // 100 on average; a fair draw leaves 50..150 with a probability below one in a million per group
    assert.ok(Math.min(...sizes) > 50 && Math.max(...sizes) < 150, `${kind}: ${Math.min(...sizes)}..${Math.max(...sizes)}`);
  }
});

keys("every key group belongs to exactly one subtask, and ranges differ by at most one", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400 }).chain((groups) => fc.tuple(fc.constant(groups), fc.integer({ min: 1, max: groups }))),
      ([groups, parallelism]) => {
        let next = 0;
        for (let subtask = 0; subtask < parallelism; subtask++) {
          const { first, last } = rangeOf(subtask, parallelism, groups);
          assert.is(first, next);
          for (let group = first; group <= last; group++) assert.is(ownerOf(group, parallelism, groups), subtask);
          const size = last - first + 1;
          assert.ok(size === Math.floor(groups / parallelism) || size === Math.ceil(groups / parallelism));
          next = last + 1;
        }
        assert.is(next, groups);
      },
    ),
    { seed: 3, numRuns: 300 },
  );
});

keys("a key is shown as one would write it, and not at any length", () => {
  assert.is(keyText("ada"), '"ada"');
  assert.is(keyText(7n), "7n");
  assert.is(keyText(["ada", 7, true]), '["ada", 7, true]');
  assert.ok(keyText("x".repeat(5_000)).length <= 100);
});

keys.run();
