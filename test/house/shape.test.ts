import { suite } from "uvu";
import * as assert from "uvu/assert";
import { busyDoors, leftovers, maxFileLines, maxLineChars, maxMedianLines } from "./shape.ts";
import { medianLines, namelessFiles, silencedTests, tooLong } from "./shape.ts";
import { holds, projectSources } from "./sources.ts";

const shape = suite("shape");
const sources = projectSources();

shape("the project's files and lines can be read in one sitting", () => {
  holds(tooLong(sources));
  assert.ok(medianLines(sources) <= maxMedianLines, `the median file has ${medianLines(sources)} lines, over ${maxMedianLines}`);
});

shape("the project's files are named for what they hold", () => {
  holds(namelessFiles(sources));
});

shape("nothing in the project is left for later or switched off", () => {
  holds(leftovers(sources));
  holds(silencedTests(sources));
});

shape("the project's mod.ts files only re-export", () => {
  holds(busyDoors(sources));
});

shape("a file or a line that is too long is found", () => {
  assert.is(tooLong([{ path: "actors/a.ts", text: "a;\n".repeat(maxFileLines) }]).length, 0);
  assert.is(tooLong([{ path: "actors/a.ts", text: "a;\n".repeat(maxFileLines + 1) }]).length, 1);
  assert.is(tooLong([{ path: "actors/a.ts", text: "a".repeat(maxLineChars + 1) }]).length, 1);
});

shape("a category's name is found, in folders and in parts", () => {
  for (const path of ["actors/utils.ts", "runtime/helpers/a.ts", "actors/types.ts", "test/codec_helpers.ts"]) {
    assert.is(namelessFiles([{ path, text: "" }]).length, 1, path);
  }
  assert.equal(namelessFiles([{ path: "actors/typed_ref.ts", text: "" }, { path: "test/types/job.ts", text: "" }]), []);
});

shape("what is left over is found", () => {
  const bad = [`// ${"TO"}DO later`, `// @ts-${"ignore"}`, "const a = b as any;", "function f(a: any) {}"];
  for (const text of bad) assert.is(leftovers([{ path: "actors/a.ts", text }]).length, 1, text);
  assert.equal(leftovers([{ path: "actors/a.ts", text: "// @ts-expect-error: as any as can be" }]), []);
});

shape("a silenced test is found", () => {
  for (const text of ["orders.only('a', f)", "orders.skip('a', f)"]) {
    assert.is(silencedTests([{ path: "test/a.test.ts", text }]).length, 1, text);
  }
  assert.equal(silencedTests([{ path: "test/a.test.ts", text: 'return skip("no moon");' }]), []);
});

shape("a mod.ts with code of its own is found", () => {
  const exports = '/** Doc. */\nexport { a } from "./a.ts";\nexport type { B } from "./b.ts";\nexport * from "./c.ts";\n';
  assert.equal(busyDoors([{ path: "actors/mod.ts", text: exports }]), []);
  assert.is(busyDoors([{ path: "actors/mod.ts", text: exports + "export const d = 1;\n" }]).length, 1);
});

shape.run();
