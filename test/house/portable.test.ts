import { suite } from "uvu";
import * as assert from "uvu/assert";
import { machineBound, strayAtTop } from "./portable.ts";
import { holds, projectSources } from "./sources.ts";

const portable = suite("portable");

portable("no file of the project is bound to one machine", () => {
  holds(machineBound(projectSources()));
});

portable("the top level holds only what belongs there", () => {
  holds(strayAtTop(projectSources()));
});

portable("a machine's path and a registry's address are found", () => {
  const bad = [`"/${"home"}/ann/sluice"`, `see /${"Users"}/ann`, `C:${"\\"}Users`, `https://${"registry"}.example.org/a`];
  for (const text of bad) assert.is(machineBound([{ path: "a.md", text }]).length, 1, text);
});

portable("relative paths and paths that exist everywhere are not objected to", () => {
  const fine = ["runtime/work/a.ts", "/tmp/sluice", "https://example.org/home/a", "./home/ann", "key:value"];
  for (const text of fine) holds(machineBound([{ path: "a.md", text }]));
});

portable("a stray file at the top is found", () => {
  assert.is(strayAtTop([{ path: "utils/a.ts", text: "" }, { path: "mod.ts", text: "" }]).length, 1);
});

portable.run();
