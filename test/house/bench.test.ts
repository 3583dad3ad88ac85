import { suite } from "uvu";
import * as assert from "uvu/assert";
import { projectSources } from "./sources.ts";

const test = suite("benchmark suites");
const files = projectSources().filter(({ path }) => /^bench\/suites\/[^/]+\.ts$/.test(path));

test("the first line of each suite is the question that it answers", () => {
  assert.ok(files.length > 0);
  for (const { path, text } of files) assert.match(text.split("\n")[0] ?? "", /^\/\*\* [A-Z].*\? \*\/$/, path);
});

test("the page about benchmarks names every suite", () => {
  const page = projectSources().find(({ path }) => path === "docs/benchmarks.md");
  for (const { path } of files) {
    const name = path.replace(/^.*\/|\.ts$/g, "");
    assert.ok(page?.text.includes(`\`${name}\``), `docs/benchmarks.md says nothing of ${name}`);
  }
});

test.run();
