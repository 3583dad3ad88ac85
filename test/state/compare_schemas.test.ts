import { type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { compareSchemas, fillDefaults } from "../../runtime/state/compare_schemas.ts";
import { evolve, migrating, refusalOf } from "../../runtime/state/migration.ts";

const schemas = suite("the comparison of schemas");

/** As a snapshot holds it. */
const stored = (schema: TSchema) => JSON.parse(JSON.stringify(schema)) as Record<string, unknown>;

const N = Type.Number();
const I = Type.Integer();
const S = Type.String();

const passes: readonly (readonly [what: string, old: TSchema, now: TSchema])[] = [
  ["nothing changed", Type.Object({ a: N, b: S }), Type.Object({ b: S, a: N })],
  ["annotations", Type.Object({ a: N }), Type.Object({ a: Type.Number({ description: "of it", title: "A" }) }, { $id: "x" })],
  ["an optional field is new", Type.Object({ a: N }), Type.Object({ a: N, b: Type.Optional(S) })],
  ["a field is gone", Type.Object({ a: N, b: S }), Type.Object({ a: N })],
  ["required becomes optional", Type.Object({ a: N }), Type.Object({ a: Type.Optional(N) })],
  ["integer to number", Type.Object({ a: Type.Array(I) }), Type.Object({ a: Type.Array(N) })],
  ["into a union", Type.Object({ a: N }), Type.Object({ a: Type.Union([S, N]) })],
  ["a union of more", Type.Union([N, S]), Type.Union([S, Type.Null(), N])],
  ["a literal to its type", Type.Literal("a"), S],
  ["a literal to more literals", Type.Literal("a"), Type.Union([Type.Literal("a"), Type.Literal("b")])],
  ["anything", Type.Object({ a: N }), Type.Unknown()],
  ["wider bounds", Type.Number({ minimum: 1, maximum: 5 }), Type.Number({ minimum: 0 })],
  ["a longer string", Type.String({ maxLength: 5 }), Type.String({ maxLength: 6 })],
  ["records", Type.Record(Type.String(), I), Type.Record(Type.String(), N)],
  ["tuples", Type.Tuple([I, S]), Type.Tuple([N, S])],
  ["other fields, of a closed object", Type.Object({ a: N }, { additionalProperties: false }), Type.Object({ a: N })],
];

for (const [what, old, now] of passes) {
  schemas(`passes: ${what}`, () => assert.equal(compareSchemas(stored(old), now), { kind: "compatible" }));
}

const refused: readonly (readonly [what: string, old: TSchema, now: TSchema, path: string, reason: RegExp])[] = [
  ["a required field is new", Type.Object({ a: N }), Type.Object({ a: N, b: S }), "/b", /new and required, and has no default/],
  [
    "optional becomes required",
    Type.Object({ a: Type.Optional(N) }),
    Type.Object({ a: N }),
    "/a",
    /was optional and is required/,
  ],
  [
    "another type",
    Type.Object({ a: Type.Object({ b: N }) }),
    Type.Object({ a: Type.Object({ b: S }) }),
    "/a/b",
    /was number and is string/,
  ],
  ["number to integer", Type.Array(N), Type.Array(I), "/*", /was number and is integer/],
  ["a narrower bound", N, Type.Number({ minimum: 0 }), "", /had no minimum 0/],
  ["a lower bound", Type.Number({ maximum: 5 }), Type.Number({ maximum: 4 }), "", /had maximum 5, not maximum 4/],
  ["a pattern", S, Type.String({ pattern: "^a" }), "", /pattern/],
  ["a branch is gone", Type.Union([N, S]), N, "", /was string and is number/],
  ["a literal is another", Type.Literal("a"), Type.Literal("b"), "", /was "a" and is "b"/],
  ["a type to a literal", S, Type.Literal("a"), "", /was string and is "a"/],
  ["not anything any more", Type.Unknown(), N, "", /could be anything/],
  [
    "a closed object lost a field",
    Type.Object({ a: N, b: N }, { additionalProperties: false }),
    Type.Object({ a: N }, { additionalProperties: false }),
    "/b",
    /was removed, and the schema allows no other fields/,
  ],
  [
    "an open object is closed",
    Type.Object({ a: N }),
    Type.Object({ a: N }, { additionalProperties: false }),
    "",
    /were allowed and are not any more/,
  ],
  ["an object to a record", Type.Object({ a: N }), Type.Record(Type.String(), N), "", /was object and is a record/],
  ["a tuple grew", Type.Tuple([N]), Type.Tuple([N, N]), "", /had minItems 1, not minItems 2/],
  [
    "a default inside a union",
    Type.Union([Type.Object({ a: N }), S]),
    Type.Union([Type.Object({ a: N, b: Type.Number({ default: 1 }) }), S]),
    "",
    /union/,
  ],
  ["a name that must be escaped", Type.Object({ "a/b~": N }), Type.Object({ "a/b~": S }), "/a~1b~0", /was number/],
];

for (const [what, old, now, path, reason] of refused) {
  schemas(`refuses, naming the field: ${what}`, () => {
    const verdict = compareSchemas(stored(old), now);
    assert.is(verdict.kind, "refused");
    if (verdict.kind !== "refused") return;
    assert.is(verdict.path, path);
    assert.match(verdict.reason, reason);
  });
}

schemas("defaults are filled in at every depth, and the old value stays as it was", () => {
  const Old = Type.Object({
    a: Type.Array(Type.Object({ x: N })),
    r: Type.Record(Type.String(), Type.Object({})),
    o: Type.Optional(N),
  });
  const Now = Type.Object({
    a: Type.Array(Type.Object({ x: N, y: Type.Array(N, { default: [1] }) })),
    r: Type.Record(Type.String(), Type.Object({ z: Type.String({ default: "none" }) })),
    o: Type.Number({ default: 7 }),
  });
  assert.equal(compareSchemas(stored(Old), Now), { kind: "needs defaults", paths: ["/a/*/y", "/r/*/z", "/o"] });
  const old = Object.freeze({ a: [Object.freeze({ x: 1 }), Object.freeze({ x: 2 })], r: { k: Object.freeze({}) } });
  const filled = fillDefaults(stored(Old), Now, old) as Record<string, unknown>;
  assert.equal(filled, { a: [{ x: 1, y: [1] }, { x: 2, y: [1] }], r: { k: { z: "none" } }, o: 7 });
  const [first, second] = filled["a"] as { y: number[] }[];
  assert.is.not(first?.y, second?.y, "no value shares its default with another");
  assert.equal(old, { a: [{ x: 1 }, { x: 2 }], r: { k: {} } });
  assert.equal(fillDefaults(stored(Old), Now, { ...old, o: 3 }), { ...filled, o: 3 });
});

schemas("fields with names of Object.prototype are fields like others", () => {
  const Old = Type.Object({ a: N });
  const Now = Type.Object({ a: N, toString: Type.String({ default: "s" }), constructor: Type.Optional(N) });
  assert.equal(compareSchemas(stored(Old), Now), { kind: "needs defaults", paths: ["/toString"] });
  assert.is((fillDefaults(stored(Old), Now, { a: 1 }) as { toString: unknown }).toString, "s");
  const Proto = Type.Object(JSON.parse('{"__proto__":{"type":"number","default":1}}') as Record<string, TSchema>);
  fillDefaults(stored(Type.Object({})), Proto, {});
  assert.is(({} as { polluted?: unknown }).polluted, undefined);
});

const leaf = fc.constantFrom<TSchema>(
  N,
  I,
  S,
  Type.Boolean(),
  Type.Null(),
  Type.Number({ minimum: 0 }),
  Type.Literal("l"),
  Type.Unknown(),
);
const { schema } = fc.letrec<{ schema: TSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    leaf,
    tie("schema").map((items) => Type.Array(items)),
    fc.tuple(tie("schema"), tie("schema")).map((items) => Type.Tuple(items)),
    fc.tuple(tie("schema"), tie("schema")).map((branches) => Type.Union(branches)),
    tie("schema").map((value) => Type.Record(Type.String(), value)),
    fc.record({
      fields: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.tuple(tie("schema"), fc.boolean(), fc.boolean())),
      closed: fc.boolean(),
    }).map(({ fields, closed }) =>
      Type.Object(
        Object.fromEntries(
          Object.entries(fields).map(([name, [of, optional, withDefault]]) => {
            const given = withDefault ? { ...of, default: Value.Create(of) as unknown } : of;
            return [name, optional ? Type.Optional(given) : given];
          }),
        ),
        closed ? { additionalProperties: false } : {},
      )
    ),
  ),
}));

/** Values of a schema; not all of them. */
function valueOf(of: TSchema, random: () => number): unknown {
  const { type, anyOf, items, properties, patternProperties, required = [] } = of as unknown as {
    readonly type?: string;
    readonly anyOf?: readonly TSchema[];
    readonly items?: TSchema | readonly TSchema[];
    readonly properties?: Readonly<Record<string, TSchema>>;
    readonly patternProperties?: Readonly<Record<string, TSchema>>;
    readonly required?: readonly string[];
  };
  if (anyOf !== undefined) return valueOf(anyOf[Math.floor(random() * anyOf.length)] as TSchema, random);
  if ("const" in of) return (of as unknown as { const: unknown }).const;
  if (Array.isArray(items)) return (items as readonly TSchema[]).map((item) => valueOf(item, random));
  if (type === "array") return Array.from({ length: Math.floor(random() * 3) }, () => valueOf(items as TSchema, random));
  if (patternProperties !== undefined) {
    return Object.fromEntries(
      ["k", "l"].filter(() => random() < 0.5).map((key) => [key, valueOf(Object.values(patternProperties)[0]!, random)]),
    );
  }
  if (type === "object") {
    const own = Object.entries(properties ?? {}).filter(([name]) => required.includes(name) || random() < 0.5);
    return Object.fromEntries(own.map(([name, field]) => [name, valueOf(field, random)]));
  }
  if (type === "number") return Math.floor(random() * 3) + ((of as { minimum?: number }).minimum === undefined ? random() : 0);
  if (type === "integer") return Math.floor(random() * 3);
  if (type === "string") return random() < 0.5 ? "l" : "m";
  if (type === "boolean") return random() < 0.5;
  return null;
}

/** A schema that is nearly the same: something in it is added, taken away, widened or narrowed. */
function edited(of: TSchema, random: () => number): TSchema {
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const { type, properties, required = [], items, additionalProperties } = of as unknown as {
    readonly type?: string;
    readonly properties?: Readonly<Record<string, TSchema>>;
    readonly required?: readonly string[];
    readonly items?: TSchema;
    readonly additionalProperties?: boolean;
  };
  if (type === "array" && !Array.isArray(items) && random() < 0.8) return Type.Array(edited(items as TSchema, random));
  if (type === "object" && properties !== undefined && random() < 0.9) {
    const fields = Object.entries(properties).flatMap(([name, field]) => {
      if (random() < 0.1) return [];
      const now = random() < 0.3 ? edited(field, random) : field;
      const given = random() < 0.3 ? { ...now, default: Value.Create(now) as unknown } : now;
      return [[name, random() < 0.8 === required.includes(name) ? given : Type.Optional(given)] as const];
    });
    const fresh = pick<TSchema | undefined>(undefined, Type.Optional(N), { ...I, default: 3 }, S);
    const all = fresh === undefined ? fields : [...fields, ["fresh", fresh] as const];
    return Type.Object(
      Object.fromEntries(all),
      additionalProperties === false && random() < 0.8 ? { additionalProperties: false } : {},
    );
  }
  return pick<TSchema>(Type.Union([of, S]), Type.Unknown(), of, type === "integer" ? N : S, Type.Array(of));
}

schemas("what passes is right: every value of the old schema is, defaults filled in, one of the new", () => {
  const verdicts = { compatible: 0, "needs defaults": 0, refused: 0 };
  fc.assert(
    fc.property(schema, fc.integer(), (old, seed) => {
      const chance = new SeededRandom(`schemas ${seed}`);
      const random = (): number => chance.int(1_000) / 1_000;
      const now = edited(old, random);
      const verdict = compareSchemas(stored(old), now);
      verdicts[verdict.kind]++;
      if (verdict.kind === "refused") return;
      for (let round = 0; round < 5; round++) {
        const value = valueOf(old, random);
        assert.ok(Value.Check(old, value), "the test makes values that are none");
        const given = verdict.kind === "compatible" ? value : fillDefaults(stored(old), now, value);
        assert.ok(Value.Check(now, given), `${JSON.stringify(value)} of ${JSON.stringify(old)} became ${JSON.stringify(given)}`);
      }
    }),
    { numRuns: 3_000 },
  );
  assert.ok(verdicts.compatible > 200 && verdicts.refused > 200 && verdicts["needs defaults"] > 20, JSON.stringify(verdicts));
});

const Euros = Type.Object({ euros: N });
const Cents = Type.Object({ cents: I });
const Money = Type.Object({ cents: I, currency: S });

schemas("a migration is chosen by the schema it comes from; several are nested", () => {
  const One = migrating(Cents, { from: Euros, migrate: ({ euros }) => ({ cents: euros * 100 }) });
  const Two = migrating(migrating(Money, { from: Euros, migrate: ({ euros }) => ({ cents: euros * 100, currency: "EUR" }) }), {
    from: Cents,
    migrate: ({ cents }) => ({ cents, currency: "EUR" }),
  });
  const convert = (old: TSchema, now: TSchema, value: unknown): unknown => {
    const evolution = evolve(stored(old), now);
    if (evolution.kind === "refused") return refusalOf(evolution);
    return evolution.kind === "as it is" ? value : evolution.convert(value);
  };
  assert.equal(convert(Euros, One, { euros: 1.5 }), { value: { cents: 150 } });
  assert.equal(convert(Cents, One, { cents: 1 }), { cents: 1 });
  assert.equal(convert(Euros, Two, { euros: 2 }), { value: { cents: 200, currency: "EUR" } });
  assert.equal(convert(Cents, Two, { cents: 3 }), { value: { cents: 3, currency: "EUR" } });
  assert.equal(convert(Money, Two, { cents: 3, currency: "CHF" }), { cents: 3, currency: "CHF" });
  assert.match(convert(S, Two, "x") as string, /the value: it was string and is object/);
  // One from a wider schema takes what passes as it.
  assert.equal(convert(Type.Object({ euros: I }), One, { euros: 2 }), { value: { cents: 200 } });
  assert.equal(convert(Euros, Cents, { euros: 2 }), "field /cents: it is new and required, and has no default");
});

schemas("where there was no schema, or there is none, there is nothing to compare", () => {
  assert.equal(evolve(undefined, N), { kind: "as it is" });
  assert.equal(evolve(stored(N), undefined), { kind: "as it is" });
});

schemas.run();
