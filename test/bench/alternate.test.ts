import { suite } from "uvu";
import * as assert from "uvu/assert";
import { alternate, bestShare, type Measured, share } from "../../bench/alternate.ts";
import { spread } from "../../bench/spread.ts";
import { broken } from "../../bench/suites/guard.ts";

const test = suite("benchmarks");

const side = (name: string, cpuMs: readonly number[]): Measured => ({ name, answer: 1, wallMs: cpuMs, cpuMs, othersCpuCores: 0 });

test("sides take turns, in reverse every other round, and the warm-up does not count", async () => {
  const order: string[] = [];
  const named = (name: string) => ({ name, run: () => order.push(name) * 0 });
  const measured = await alternate([named("a"), named("b")], 2);
  assert.is(order.join(""), "baabba");
  assert.equal(measured.map(({ name, wallMs }) => [name, wallMs.length]), [["a", 2], ["b", 2]]);
});

test("sides that compute different things are not compared", async () => {
  const sides = [{ name: "right", run: () => 42 }, { name: "wrong", run: () => Promise.resolve(41) }];
  let said = "";
  await alternate(sides, 1).catch((error: Error) => (said = error.message));
  assert.match(said, /right.*42.*wrong.*41|wrong.*41.*right.*42/);
});

test("a share is that of the same round, its best that of the best rounds", () => {
  const [base, half] = [side("base", [10, 20, 30]), side("half", [20, 40, 100])];
  assert.equal(share(base, half, "cpuMs"), spread([0.5, 0.5, 0.3]));
  assert.is(bestShare(base, half), 0.5);
});

test("the guard says which bound does not hold, and by how much", () => {
  const bounds = [{ name: "job", base: "loop", least: 0.25 }];
  assert.equal(broken([side("loop", [10, 50]), side("job", [40, 400])], bounds), []);
  assert.equal(broken([side("loop", [10]), side("job", [50])], bounds), ["job reaches 20 % of loop, at least 25 % is expected"]);
});

test("percentiles are of the nearest rank", () => {
  const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(spread(samples), { p50: 50, p95: 95, max: 100, min: 1, mean: 50.5 });
  assert.equal(spread([7]), { p50: 7, p95: 7, max: 7, min: 7, mean: 7 });
});

test.run();
