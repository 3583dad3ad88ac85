import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { SeededRandom } from "../../actors/seeded_random.ts";
import { systemRandom } from "../../actors/system_random.ts";

const random = suite("random");

random("draws the same golden values in every runtime", () => {
  const source = new SeededRandom("sluice");
  assert.is(source.next(), 0.3394103906074496);
  assert.is(source.int(1000), 826);
  assert.is(source.id(), "e7f1fff6508f73e0c01e7c5f1ad2a4ca");
  assert.is(source.fork("a").next(), 0.5496989761756251);
  assert.is(new SeededRandom(7).id(), "6dd60d8d4843d72f13d42d940d46b50f");
  assert.is(new SeededRandom("").id(), "6ab03720d271e240ad8a98826a6a2b77");
});

random("a fork depends on the seed and the name, not on what was drawn before", () => {
  const fresh = new SeededRandom("s");
  const used = new SeededRandom("s");
  for (let i = 0; i < 100; i++) used.next();
  assert.is(fresh.fork("x").id(), used.fork("x").id());
  assert.is.not(fresh.fork("x").id(), fresh.fork("y").id());
  assert.is.not(fresh.fork("x").fork("y").id(), fresh.fork("y").fork("x").id());
});

random("int stays within its bound, reaches every value, and refuses a bound that is none", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 20 }), (seed, bound) => {
      const source = new SeededRandom(seed);
      const seen = new Set<number>();
      for (let i = 0; i < bound * 60; i++) seen.add(source.int(bound));
      assert.ok([...seen].every((drawn) => drawn >= 0 && drawn < bound));
      assert.ok(seen.size >= bound - 1, `${seen.size} of ${bound} values`);
    }),
    { seed: 1, numRuns: 50 },
  );
  const wide = new SeededRandom(1);
  assert.ok(Array.from({ length: 200 }, () => wide.int(2 ** 40)).some((drawn) => drawn > 2 ** 32));
  for (const bound of [0, -1, 1.5, NaN, Infinity]) assert.throws(() => wide.int(bound), /whole number of at least 1/);
  assert.throws(() => wide.pick([]), /empty/);
});

random("draws are spread evenly and chance keeps to its probability", () => {
  const source = new SeededRandom("even");
  const tenths = new Array<number>(10).fill(0);
  let hits = 0;
  for (let i = 0; i < 50_000; i++) {
    tenths[Math.floor(source.next() * 10)]!++;
    if (source.chance(0.3)) hits++;
  }
  assert.ok(tenths.every((count) => Math.abs(count - 5000) < 350), tenths.join(" "));
  assert.ok(Math.abs(hits - 15_000) < 500, String(hits));
  assert.is(source.chance(0), false);
  assert.is(source.chance(1), true);
});

random("two system sources differ", () => {
  assert.is.not(systemRandom().id(), systemRandom().id());
  assert.match(systemRandom().id(), /^[0-9a-f]{32}$/);
});

random.run();
