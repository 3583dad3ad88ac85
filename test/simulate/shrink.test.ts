import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { canonical } from "../../runtime/simulation/canonical.ts";
import { drawFaults, type FaultGround, possibleKinds } from "../../runtime/simulation/fault_draw.ts";
import { faultKinds } from "../../runtime/simulation/fault.ts";
import { parseReplay, printReplay } from "../../runtime/simulation/replay.ts";
import { shrink } from "../../runtime/simulation/shrink.ts";
import { SeededRandom } from "../../actors/seeded_random.ts";

const shrinking = suite("shrinking");

shrinking("finds the elements that a failure needs, whichever they are, in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.array(fc.nat(39), { maxLength: 4 }), async (length, chosen) => {
      const list = Array.from({ length }, (_, at) => at);
      const needed = [...new Set(chosen)].filter((at) => at < length).sort((a, b) => a - b);
      const found = await shrink(list, (part) => Promise.resolve(needed.every((at) => part.includes(at))), 10_000);
      assert.equal(found, needed);
    }),
  );
});

shrinking("of a failure that needs one of two, one is left", async () => {
  const fails = (part: readonly number[]) => Promise.resolve(part.includes(3) || part.includes(8));
  assert.is((await shrink([1, 2, 3, 4, 5, 6, 7, 8], fails, 100)).length, 1);
});

shrinking("ends after so many tries with what it has", async () => {
  let tries = 0;
  const found = await shrink(Array.from({ length: 100 }, (_, at) => at), (part) => {
    tries++;
    return Promise.resolve(part.includes(1) && part.includes(90));
  }, 5);
  assert.ok(tries <= 5);
  assert.ok(found.includes(1) && found.includes(90));
});

shrinking.run();

const schedules = suite("fault schedules");

const ground: FaultGround = {
  spanMs: 100,
  processes: ["a", "b", "c"],
  networked: true,
  sources: ["in"],
  sinks: ["out"],
  transactional: ["out"],
  without: [],
};

schedules("are plain JSON, and come back from what is printed", () => {
  for (let seed = 0; seed < 200; seed++) {
    const faults = drawFaults(new SeededRandom(seed), faultKinds, ground);
    const replay = { job: "j", seed, faults: [...faults] };
    assert.equal(parseReplay(printReplay(replay)), replay);
  }
});

schedules("have every kind in some seed, and one at least in each", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const faults = drawFaults(new SeededRandom(seed), faultKinds, ground);
    assert.ok(faults.length > 0);
    for (const { kind } of faults) seen.add(kind);
  }
  assert.equal([...seen].sort(), [...faultKinds]);
});

schedules("a kind that is left out changes nothing about the others, but which one is sure", () => {
  for (let seed = 0; seed < 50; seed++) {
    const all = drawFaults(new SeededRandom(seed), faultKinds, ground);
    const some = drawFaults(new SeededRandom(seed), faultKinds.filter((kind) => kind !== "crash"), ground);
    const known = new Set(all.map((fault) => JSON.stringify(fault)));
    const others = some.filter((fault) => !known.has(JSON.stringify(fault)));
    assert.ok(new Set(others.map(({ kind }) => kind)).size <= 1, JSON.stringify(others));
  }
});

schedules("know nothing of networks where there is none", () => {
  const kinds = possibleKinds({ ...ground, networked: false });
  for (const kind of ["loss", "delay", "duplicate", "corrupt", "partition", "disconnect"]) {
    assert.not(kinds.includes(kind as never));
  }
});

schedules.run();

const canonically = suite("the canonical text of a value");

canonically("is the same whatever the order of fields, and tells apart what JSON confuses", () => {
  assert.is(canonical({ a: 1, b: [2] }), canonical({ b: [2], a: 1 }));
  assert.is(canonical(new Map([[1, 2], [3, 4]])), canonical(new Map([[3, 4], [1, 2]])));
  const different = [0, -0, NaN, 1n, 1, "1", null, undefined, [], {}, new Map(), new Set(), new Date(0), new Uint8Array(1), [
    undefined,
  ]];
  assert.is(new Set(different.map(canonical)).size, different.length);
});

canonically.run();
