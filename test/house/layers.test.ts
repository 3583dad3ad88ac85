import { suite } from "uvu";
import * as assert from "uvu/assert";
import manifest from "../../package.json" with { type: "json" };
import { foreignImports, importCircles, importsOf, scatteredImports, upwardImports } from "./layers.ts";
import { holds, listed, projectSources } from "./sources.ts";

const layers = suite("layers");
const sources = projectSources();
const dependencies = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)];

layers("the project's imports go downward only", () => {
  holds(upwardImports(sources));
});

layers("no files of the project import each other in a circle", () => {
  holds(importCircles(sources));
});

layers("the project's imports end in .ts or name a dependency in its place", () => {
  holds(foreignImports(sources, dependencies));
});

layers("an upward import is found in every form", () => {
  const forms = ['import { a } from "../runtime/graph/a.ts";', 'export * from "../runtime/graph/a.ts";'];
  forms.push('import type { A } from "../runtime/graph/a.ts";', 'import "../runtime/graph/a.ts";');
  forms.push('const a = await import("../runtime/graph/a.ts");', 'import {\n  a,\n} from "../runtime/graph/a.ts";');
  for (const text of forms) {
    assert.is(upwardImports([{ path: "actors/b.ts", text }]).length, 1, text);
  }
});

layers("an import downward, or within a layer, is not objected to", () => {
  const text = 'import { a } from "../graph/a.ts";\nimport { b } from "./b.ts";\nimport { c } from "../../actors/c.ts";';
  assert.equal(upwardImports([{ path: "runtime/task/d.ts", text }]), []);
});

layers("an import in a comment or a string is none", () => {
  assert.equal(importsOf({ path: "a.ts", text: '/**\n * import { a } from "sluice";\n */\nexport const b = 1;' }), []);
});

layers("imports are told apart: at run time or for types only, and on which line", () => {
  const text = 'import type { A } from "./a.ts";\nimport { type B } from "./b.ts";\nimport { c, type D } from "./c.ts";';
  assert.equal(importsOf({ path: "e.ts", text }), [
    { line: 1, specifier: "./a.ts", isValue: false },
    { line: 2, specifier: "./b.ts", isValue: false },
    { line: 3, specifier: "./c.ts", isValue: true },
  ]);
});

layers("a circle is found and its path is printed", () => {
  const circle = [
    { path: "actors/a.ts", text: 'import { b } from "./b.ts";' },
    { path: "actors/b.ts", text: 'import { a } from "./a.ts";' },
  ];
  assert.match(listed(importCircles(circle)), "actors/a.ts -> actors/b.ts -> actors/a.ts");
});

layers("an import without its ending and a package that is no dependency are found", () => {
  const text = 'import { a } from "./a";\nimport { b } from "left-pad";';
  assert.is(foreignImports([{ path: "actors/c.ts", text }], dependencies).length, 2);
});

layers("the project imports nats from one folder only, and what is optional, too", () => {
  for (const name of ["nats", ...Object.keys(manifest.optionalDependencies)]) holds(scatteredImports(sources, name));
});

layers("a second folder that imports nats is found", () => {
  const text = 'import { connect } from "nats";';
  const users = ["runtime/nats/a.ts", "runtime/nats/b.ts", "runtime/task/c.ts"].map((path) => ({ path, text }));
  assert.equal(scatteredImports(users, "nats").map(({ path }) => path), ["runtime/task/c.ts"]);
});

layers.run();
