import { suite } from "uvu";
import * as assert from "uvu/assert";
import { codeViolations } from "./error_codes.ts";
import { holds, listed, projectSources } from "./sources.ts";

const errors = suite("error codes");
const sources = projectSources();

errors("every error code of the project has its row in docs/errors.md", () => {
  const page = sources.find(({ path }) => path === "docs/errors.md");
  holds(codeViolations(sources, page ?? { path: "docs/errors.md", text: "" }));
});

const page = { path: "docs/errors.md", text: "| Code | When | Remedy |\n| --- | --- | --- |\n| `A_CODE` | now | do |\n" };

errors("a code without a row is found, however it is raised", () => {
  const ways = ['throw new SluiceError("B_CODE", m)', 'class B extends SluiceError { constructor() { super("B_CODE", m); } }'];
  ways.push('throw new SluiceError(\n  "B_CODE",\n  m)', 'fail("B_CODE"); function fail(c) { throw new SluiceError(c, m) }');
  for (const way of ways) {
    const text = `new SluiceError("A_CODE", m);\n${way}`;
    const found = codeViolations([{ path: "actors/a.ts", text }], page);
    assert.is(found.length, 1, way);
    assert.match(listed(found), "raises B_CODE");
  }
});

errors("a row that nothing raises, or without a remedy, or out of order is found", () => {
  const text = page.text + "| `C_CODE` | later | |\n| `B_CODE` | never | do |\n";
  const raised = [{ path: "actors/a.ts", text: 'new SluiceError("A_CODE", m); new SluiceError("C_CODE", m);' }];
  const found = listed(codeViolations(raised, { path: "docs/errors.md", text }));
  assert.match(found, "C_CODE needs both");
  assert.match(found, "lists B_CODE, which nothing raises");
  assert.match(found, "lists B_CODE after C_CODE");
});

errors.run();
