import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import deno from "../../deno.json" with { type: "json" };
import manifest from "../../package.json" with { type: "json" };
import tsconfig from "../../tsconfig.json" with { type: "json" };
import { projectRoot } from "../runner/discover.ts";
import { skip } from "../skip.ts";
import { matches, projectSources } from "./sources.ts";

const inStep = suite("package.json and deno.json");
const exists = (path: string): boolean => existsSync(join(projectRoot, path));

/** The export map as subpath -> source file, from the files that the build makes. */
const sourceOf = (built: string): string => "./" + built.replace(/^\.?\/?dist\//, "").replace(/\.js$/, ".ts");
const entries = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  typeof target === "string" ? [] : [{ subpath, ...target }]
);

inStep("every export has a source file, and its types lie beside it", () => {
  for (const { subpath, types, default: built } of entries) {
    assert.is(types, built.replace(/\.js$/, ".d.ts"), subpath);
    assert.ok(exists(sourceOf(built)), `exports["${subpath}"]: ${sourceOf(built)} is missing`);
  }
});

inStep("both export the same subpaths, and unbuilt they resolve to the sources", () => {
  const sources = Object.fromEntries(entries.map(({ subpath, default: built }) => [subpath, sourceOf(built)]));
  const named = Object.fromEntries(
    Object.entries(sources).map(([subpath, file]) => [join(manifest.name, subpath).replace(/\/$/, ""), file]),
  );
  assert.equal(deno.exports, sources);
  assert.equal(deno.imports, named, "the import map holds only our own subpaths");
  const paths = Object.fromEntries(Object.entries(tsconfig.compilerOptions.paths).map(([name, files]) => [name, files[0]]));
  assert.equal(paths, named, "tsconfig.json: paths");
});

inStep("both have the same version and licence", () => {
  assert.is(deno.version, manifest.version);
  assert.is(deno.license, manifest.license);
});

inStep("every npm script is a deno task that does the same", () => {
  const tasks: Record<string, string> = deno.tasks;
  // By its path: the task shell would take the bare name for the package's script, and run the program as JavaScript.
  const own = "node_modules/.bin/deno";
  const expected = Object.entries(manifest.scripts)
    .filter(([name]) => name !== "prepack")
    .map((
      [name, command],
    ) => [
      name,
      command.replaceAll(/\bdeno /g, `${own} `).replaceAll(/\btsx /g, `${own} run -A `).replaceAll("npm run", `${own} task`),
    ]);
  assert.equal(tasks, Object.fromEntries(expected));
});

for (const [name, command] of Object.entries(manifest.scripts)) {
  const file = /^tsx (\S+\.ts)/.exec(command)?.[1];
  if (file === undefined) continue;
  inStep(`npm run ${name} has its file`, () => {
    if (!exists(file)) skip(`${file} is not there yet`);
  });
}

inStep("every program of the package has its source file", () => {
  for (const [name, built] of Object.entries(manifest.bin)) {
    if (!exists(sourceOf(built))) return skip(`${name}: ${sourceOf(built)} is not there yet`);
  }
});

inStep("the lock file has every package's checksum and no registry's address", () => {
  const lock = JSON.parse(readFileSync(join(projectRoot, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; resolved?: string; integrity?: string }>;
  };
  for (const [path, entry] of Object.entries(lock.packages)) {
    assert.is(entry.resolved, undefined, path);
    assert.ok(path === "" || entry.integrity !== undefined, `${path} has no checksum`);
  }
  assert.is(lock.packages[""]?.version, manifest.version);
});

inStep("the pages mention every npm script", () => {
  const pages = projectSources().filter(({ path }) => /^(README|CONTRIBUTING|docs\/.*)\.md$/.test(path));
  const text = pages.map((page) => page.text).join("\n");
  for (const name of Object.keys(manifest.scripts)) {
    const mention = name === "test" ? /\bnpm test\b/ : new RegExp(String.raw`\bnpm run ${name}(?![\w:])`);
    if (name !== "prepack") assert.match(text, mention, `no page mentions the script ${name}`);
  }
});

inStep("every npm script that a page mentions exists", () => {
  for (const { path, text } of projectSources().filter((source) => source.path.endsWith(".md"))) {
    for (const { line, match } of matches(text, /\bnpm run ([a-z][\w:]*)/g)) {
      assert.ok(Object.hasOwn(manifest.scripts, match[1] ?? ""), `${path}:${line}: there is no script ${match[1]}`);
    }
  }
});

inStep.run();
