import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import tsconfig from "../../tsconfig.json" with { type: "json" };
import { takesUpTo } from "../limit.ts";
import { projectRoot } from "../runner/discover.ts";
import { findRuntime, ownRuntime } from "../runner/runtimes.ts";
import { onNode } from "../seeds.ts";
import { codeBlocks, denoFlags, firstExample, moduleDoc, pagePrograms, printsAsSaid } from "./code_blocks.ts";

takesUpTo(300_000);

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(projectRoot, "docs")).filter((name) => name.endsWith(".md")).sort().map((name) => `docs/${name}`),
  ...Object.values(tsconfig.compilerOptions.paths).flat().map((door) => door.replace("./", "")),
];

/** A page, or what the doc comment of a public door says. */
function read(page: string): string {
  const text = readFileSync(join(projectRoot, page), "utf8");
  return page.endsWith(".ts") ? moduleDoc(text) : text;
}

/** Inside the project, so that `sluice` is found unbuilt; ignored by version control. */
const folder = join(projectRoot, ".sluice", "pages", ownRuntime());

const docs = suite("the pages' programs");

docs.before(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
});
docs.after(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (page: string, line: number): string => join(folder, `${page.replaceAll(/\W/g, "_")}_${line}.ts`);

for (const page of pages) {
  for (const { block, output } of pagePrograms(read(page))) {
    docs(`${page}, line ${block.line}: runs${output === undefined ? "" : " and prints what the page says"}`, () => {
      const runtime = findRuntime(ownRuntime());
      assert.ok("command" in runtime);
      const file = fileOf(page, block.line);
      writeFileSync(file, block.code);
      const { status, stdout, stderr } = spawnSync(runtime.command, [...runtime.scriptArguments, file], {
        cwd: projectRoot,
        encoding: "utf8",
        timeout: 60_000,
      });
      assert.is(status, 0, stderr);
      if (output !== undefined && !printsAsSaid(stdout, output)) assert.is(stdout.trim(), output.trim());
    });
  }
}

// What a compiler says does not depend on the runtime.
if (onNode) {
  docs("every program marked run or check compiles under the strictest settings", () => {
    const places = new Map<string, string>();
    for (const page of pages) {
      for (const { language, marks, line, code } of codeBlocks(read(page))) {
        if (language !== "ts" || !(marks.includes("run") || marks.includes("check"))) continue;
        places.set(fileOf(page, line), `${page}:${line}`);
        writeFileSync(fileOf(page, line), code);
      }
    }
    if (places.size === 0) return;
    const config = join(folder, "tsconfig.json");
    const paths = Object.fromEntries(
      Object.entries(tsconfig.compilerOptions.paths).map(([name, files]) => [name, files.map((door) => join(projectRoot, door))]),
    );
    writeFileSync(config, JSON.stringify({ extends: "../../../tsconfig.json", compilerOptions: { paths }, include: ["*.ts"] }));
    const { stdout } = spawnSync("node", ["node_modules/typescript/bin/tsc", "-p", config], {
      cwd: projectRoot,
      encoding: "utf8",
    });
    const ours = stdout.split("\n").filter((line) => line.includes(".sluice/pages"));
    assert.is(ours.join("\n"), "", [...places.entries()].map(([file, place]) => `${file} is ${place}`).join("\n"));
  });
}

docs("the README's first example is marked to be run", () => {
  const readme = read("README.md");
  assert.is(pagePrograms(readme)[0]?.block.code, firstExample(readme));
  assert.type(denoFlags(readme), "object");
});

docs("blocks, marks and outputs are read from a page", () => {
  const page = "# A\n\n```ts run\nrun();\n```\n\nprints\n\n```text output\nran in … ms\n```\n\n```ts\nshown();\n```\n";
  const [program, ...rest] = pagePrograms(page);
  assert.is(rest.length, 0);
  assert.is(program?.block.line, 3);
  assert.is(program?.block.code, "run();\n");
  assert.is(program?.output, "ran in … ms\n");
  assert.ok(printsAsSaid("ran in 3.5 ms\n", "ran in … ms"));
  assert.not(printsAsSaid("ran in 3.5 s\n", "ran in … ms"));
  assert.not(printsAsSaid("it ran in 3 ms\n", "ran in … ms"));
});

docs("the doc comment of a module is a page with the same lines", () => {
  const source = "/**\n * A module.\n *\n * ```ts run\n * if (true) {\n *   run();\n * }\n * ```\n */\nexport {};\n";
  const [program] = pagePrograms(moduleDoc(source));
  assert.is(program?.block.line, 4);
  assert.is(program?.block.code, "if (true) {\n  run();\n}\n");
  assert.is(moduleDoc("export {};\n/** Not the module's. */\n"), "");
});

docs("a block that is never closed is an error", () => {
  assert.throws(() => codeBlocks("```ts\nrun();\n"), /line 1 is never closed/);
});

docs("the flags of a deno command are read from a page", () => {
  assert.equal(denoFlags("$ deno run --allow-env --allow-read=data job.ts"), ["--allow-env", "--allow-read=data"]);
  assert.equal(denoFlags("`deno run job.ts`"), []);
});

docs.run();
