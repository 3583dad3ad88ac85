import { projectRoot } from "../runner/discover.ts";
import { matches, type Source, type Violation } from "./sources.ts";

// Put together here so that this file does not object to itself.
const folders = ["home", "root", "Users", "mnt", "opt"].join("|");
const hosts = [["registry", "npmjs"], ["registry", "yarnpkg"], ["npm", "jsr"]].map((parts) => parts.join(String.raw`\.`)).join(
  "|",
);

const machinePath = new RegExp(String.raw`(?<=^|[\s"'\`(=:,])(/(?:${folders})/[\w.-]+|[A-Z]:\\\w+)`, "gm");
const registryHost = new RegExp(
  String.raw`\b(?:${hosts})\.\w+|https?://[\w.-]*(?:artifactory|nexus|verdaccio|registry)[\w.-]*`,
  "g",
);

/** Paths that exist on one machine only, and addresses of package registries: what a clone elsewhere cannot follow. */
export function machineBound(sources: readonly Source[]): Violation[] {
  const here = new RegExp(projectRoot.replace(/[\\/]$/, "").replaceAll(/[^\w/]/g, String.raw`\$&`) + String.raw`(?![\w-])`, "g");
  return sources.flatMap(({ path, text }) => [
    ...matches(text, here).map(({ line }) => ({ path, line, problem: "names the folder of this very clone" })),
    ...matches(text, machinePath).map(({ line, match }) => ({ path, line, problem: `${match[0]} exists on one machine only` })),
    ...matches(text, registryHost).map(({ line, match }) => ({ path, line, problem: `${match[0]} names a package registry` })),
  ]);
}

const topLevel = new Set([
  ...["actors", "runtime", "test", "bench", "docs", "examples", ".ci", ".github", "mod.ts", "deno.json", "deno.lock"],
  ...["package.json", "package-lock.json", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...["tsconfig.json", "tsconfig.build.json", ".gitignore", ".npmrc", ".gitattributes"],
]);

/** Files and folders at the top that are not in the plan of the project. */
export function strayAtTop(sources: readonly Source[]): Violation[] {
  const names = new Set(sources.map(({ path }) => path.split("/")[0] as string));
  return [...names].filter((name) => !topLevel.has(name)).map((path) => ({
    path,
    line: 0,
    problem: "has no place at the top level",
  }));
}
