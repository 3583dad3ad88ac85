import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../runner/discover.ts";
import { editsOf, mutated } from "./mutant.ts";
import { mutants } from "./mutants.ts";

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

test.run();
