/**
 * The engine under random jobs, modes, schedules, faults and crashes against a plain loop: 3,000 seeds on Node, 500 elsewhere;
 * in CI those of the day.
 * Then, what those seeds came to: a run that captured nothing or restored nothing would prove nothing.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { takesUpTo } from "../limit.ts";
import { seeds } from "../seeds.ts";
import { runScenario } from "./scenario.ts";
import { describeViolations, Tally } from "./tally.ts";

takesUpTo(1_200_000);

const test = suite("simulation");
const all = seeds(3_000, 500);
const chunkSeeds = 100;
const tally = new Tally();

for (let at = 0; at < all.length; at += chunkSeeds) {
  const chunk = all.slice(at, at + chunkSeeds);
  test(`seeds ${chunk[0]} to ${chunk.at(-1)} give what a plain loop gives`, async () => {
    const wrong: string[] = [];
    for (const seed of chunk) {
      const outcome = await runScenario(seed);
      tally.add(outcome);
      if (outcome.violations.length > 0) wrong.push(describeViolations(outcome));
    }
    assert.is(wrong.length, 0, wrong.join("\n"));
  });
}

test("the same seed gives the same run, event by event", async () => {
  for (const seed of all.slice(0, 25)) {
    const first = await runScenario(seed);
    const second = await runScenario(seed);
    assert.is(second.trace, first.trace, `seed ${seed} differs from run to run`);
    assert.is.not(first.trace, "");
  }
});

test("different seeds give different runs", async () => {
  const traces = new Set<string>();
  for (const seed of all.slice(0, 10)) traces.add((await runScenario(seed)).trace);
  assert.is(traces.size, Math.min(10, all.length));
});

test("the seeds took checkpoints in every mode, with records in flight that were captured and restored", () => {
  if (all.length < 500) return;
  for (const mode of ["aligned", "unaligned", "timeout 2 ms", "at-least-once"]) {
    assert.ok((tally.modes.get(mode) ?? 0) > 0, `no seed ran in mode ${mode}`);
  }
  const figures = [
    "completed",
    "aborted",
    "restarts",
    "captured",
    "recovered",
    "single",
    "fedBack",
    "rescales",
    "rerouted",
    "replicas",
    "spills",
    "spillsCaptured",
  ] as const;
  for (const figure of figures) {
    assert.ok(tally.of(figure) > 0, `no ${figure} in any seed:\n${tally.lines().join("\n")}`);
  }
  for (const line of tally.lines()) console.log(`  ${line}`);
});

test("every kind of fault happened", () => {
  if (all.length < 500) return;
  const ofOperators = ["process", "snapshot", "prepare", "commit", "kill", "rescale", "savepoint", "return to savepoint"];
  const ofMessages = ["lost", "duplicated", "corrupted"];
  const outages = ["cut", "one-way cut", "disconnect"];
  const ofConnections = [...outages, ...outages.map((kind) => `long ${kind}`), "broker restart", "given up"];
  for (const fault of [...ofOperators, ...ofMessages, ...ofConnections]) {
    assert.ok((tally.faults.get(fault) ?? 0) > 0, `no seed had a fault "${fault}"`);
  }
});

test.run();
