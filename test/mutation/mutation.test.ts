import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { takesUpTo } from "../limit.ts";
import { projectRoot } from "../runner/discover.ts";
import { editsOf, mutated } from "./mutant.ts";
import { mutants } from "./mutants.ts";
import { Workshop } from "./workshop.ts";

takesUpTo(600_000);

const test = suite("mutants");

test("every mutant still applies: what it replaces stands in the code exactly once", () => {
  for (const mutant of mutants) {
    const texts = new Map<string, string>();
    for (const edit of editsOf(mutant)) {
      const text = texts.get(edit.file) ?? readFileSync(join(projectRoot, edit.file), "utf8");
      const changed = mutated(text, edit);
      assert.is.not(changed, text, `${mutant.name} changes nothing`);
      texts.set(edit.file, changed);
    }
    if (mutant.killer !== undefined) assert.ok(existsSync(join(projectRoot, mutant.killer)), `${mutant.name}: ${mutant.killer}`);
  }
});

test("mutants have names of their own, and say what goes wrong", () => {
  assert.is(new Set(mutants.map(({ name }) => name)).size, mutants.length);
  assert.ok(mutants.length >= 25);
  for (const { name, why } of mutants) assert.ok(why.length > 20, name);
});

/** Each scenario of protocol 14 that is played in `test/scenarios/` by what this list stands for. */
const scenarios = [1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 17, 19, 20, 21, 22];

test("each scenario has a mutant that takes its rule out, and names the test that must notice", () => {
  for (const scenario of scenarios) {
    const own = mutants.filter((mutant) => mutant.scenario === scenario);
    assert.ok(own.length > 0, `scenario ${scenario} has none`);
    for (const { name, killer } of own) assert.match(killer ?? "", /^test\/scenarios\//, name);
  }
});

/** Seeds that the simulation gets for each of them: far more than it needs. */
const seeds = 60;

/** Of the aligner, of capture, of acknowledgement and of recovery: those found soonest, in half a minute of work. */
const soon = [
  "a late barrier reopens an aborted checkpoint",
  "starts an older checkpoint after a newer one",
  "waits for a barrier that was overtaken",
  "6: an unaligned barrier starts the snapshot before the aligned inputs have theirs",
  "drops the first captured frame, unproven",
  "captures frames behind the barrier that wait",
  "2: a barrier that overtakes leaves the open batch behind it",
  "acknowledges before the capture is whole",
  "completes without the last acknowledgement",
  "does not restore committables",
  "commits only what belongs to the completed id",
  "10: what was prepared for an aborted checkpoint is forgotten by the next snapshot",
];

let workshop: Workshop | undefined;
test.before(() => void (workshop = new Workshop()));
test.after(() => workshop?.[Symbol.dispose]());

for (const name of soon) {
  test(`a mutant is killed: ${name}`, async () => {
    const mutant = mutants.find((mutant) => mutant.name === name);
    assert.ok(mutant, "it is not in the list");
    const verdict = await (workshop as Workshop).try(mutant as (typeof mutants)[number], seeds);
    assert.is(verdict.kind, "killed", `it survived ${verdict.by}`);
  });
}

test.run();
