import { posix } from "node:path";
import { codeText } from "./code_text.ts";
import { isProduct, isTypeScript, matches, type Source, type Violation } from "./sources.ts";

/**
 * The layers and what each may import besides itself. Imports go downward only: a layer that is not named in another's list
 * is out of its sight, so that each can be read and used without what stands above it.
 */
const layers = {
  actors: [],
  "actors/simulation": ["actors"],
  "runtime/graph": ["actors"],
  "runtime/scratch": ["actors", "runtime/graph"],
  "runtime/state": ["actors", "runtime/graph"],
  "runtime/checkpoint": ["actors", "runtime/graph", "runtime/state"],
  "runtime/task": ["actors", "runtime/graph", "runtime/state", "runtime/checkpoint"],
  "runtime/operators": ["actors", "runtime/graph", "runtime/state"],
  "runtime/connectors": ["actors", "runtime/graph", "runtime/state", "runtime/operators"],
  "runtime/job": ["actors", "runtime/graph", "runtime/state", "runtime/checkpoint", "runtime/operators", "runtime/connectors"],
  "runtime/master": [
    "actors",
    "runtime/graph",
    "runtime/scratch",
    "runtime/state",
    "runtime/checkpoint",
    "runtime/task",
    "runtime/operators",
    "runtime/connectors",
    "runtime/job",
  ],
  "runtime/nats": ["actors", "runtime/graph", "runtime/state", "runtime/checkpoint", "runtime/operators", "runtime/connectors"],
  "runtime/cluster": ["actors", "runtime/", "!runtime/simulation", "!runtime/dashboard", "!runtime/cli"],
  "runtime/simulation": ["actors", "actors/simulation", "runtime/", "!runtime/dashboard", "!runtime/cli"],
  "runtime/dashboard": ["actors", "runtime/", "!runtime/simulation", "!runtime/cli"],
  "runtime/cli": ["actors", "actors/simulation", "runtime/"],
  "mod.ts": ["actors", "runtime/"],
} as const satisfies Record<string, readonly string[]>;

type Layer = keyof typeof layers;

function layerOf(path: string): Layer | undefined {
  const [first = "", second = "", third] = path.split("/");
  const nested = `${first}/${second}`;
  if (third !== undefined && Object.hasOwn(layers, nested)) return nested as Layer;
  if (first === "actors") return "actors";
  return Object.hasOwn(layers, first) && second === "" ? first as Layer : undefined;
}

function mayImport(from: Layer, to: Layer): boolean {
  if (from === to) return true;
  const allowed: readonly string[] = layers[from];
  if (allowed.includes(`!${to}`)) return false;
  return allowed.some((entry) => entry === to || (entry.endsWith("/") && to.startsWith(entry)));
}

/** One import or re-export. */
interface Import {
  readonly line: number;
  readonly specifier: string;
  /** Whether it is there at run time. */
  readonly isValue: boolean;
}

const importPattern = /(?:^|\n)\s*(import|export)\b(\s+type\b)?([^;"'()]*?\bfrom)?\s*["']([^"'\n]+)["']/g;

/** What a file imports, statically or not. */
export function importsOf({ text }: Source): Import[] {
  const code = codeText(text, true);
  const found: Import[] = [];
  for (const { line, match } of matches(code, importPattern)) {
    const lineOfWord = line + (match[0].match(/^\s*/)?.[0].split("\n").length ?? 1) - 1;
    const names = match[3] ?? "";
    const onlyTypes = /^\s*\{(\s*type\s[^,}]*,?)+\s*\}\s*from$/.test(names);
    found.push({ line: lineOfWord, specifier: match[4] ?? "", isValue: match[2] === undefined && !onlyTypes });
  }
  for (const { line, match } of matches(code, /\bimport\(\s*["']([^"'\n]+)["']/g)) {
    found.push({ line, specifier: match[1] ?? "", isValue: true });
  }
  return found;
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith("./") || specifier.startsWith("../");
}

/** Imports that go upward, leave the product, or name a file in no layer. */
export function upwardImports(sources: readonly Source[]): Violation[] {
  const found: Violation[] = [];
  for (const source of sources.filter(isProduct)) {
    const from = layerOf(source.path);
    if (from === undefined) {
      found.push({ path: source.path, line: 0, problem: "stands in no layer; name its folder in test/house/layers.ts" });
      continue;
    }
    for (const { line, specifier } of importsOf(source)) {
      if (!isRelative(specifier)) continue;
      const target = posix.join(posix.dirname(source.path), specifier);
      const to = layerOf(target);
      if (to === undefined) found.push({ path: source.path, line, problem: `imports ${target}, which is in no layer` });
      else if (!mayImport(from, to)) {
        found.push({
          path: source.path,
          line,
          problem: `${from} imports ${target}: imports go downward only, ${to} is not below`,
        });
      }
    }
  }
  return found;
}

/** Files that import each other in a circle at run time, each circle once, with its path. */
export function importCircles(sources: readonly Source[]): Violation[] {
  const graph = new Map<string, string[]>();
  for (const source of sources.filter(isProduct)) {
    const targets = importsOf(source).filter(({ specifier, isValue }) => isValue && isRelative(specifier));
    graph.set(source.path, targets.map(({ specifier }) => posix.join(posix.dirname(source.path), specifier)));
  }
  const found: Violation[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push({ path, line: 0, problem: `imports itself in a circle: ${[...trail.slice(start), path].join(" -> ")}` });
      return;
    }
    if (finished.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

/** Imports that do not end in `.ts`, and packages of the product that are no dependencies. */
export function foreignImports(sources: readonly Source[], dependencies: readonly string[]): Violation[] {
  const found: Violation[] = [];
  for (const source of sources.filter(isTypeScript)) {
    for (const { line, specifier } of importsOf(source)) {
      if (isRelative(specifier)) {
        if (!/\.(ts|json)$/.test(specifier)) {
          found.push({ path: source.path, line, problem: `imports "${specifier}": end it in .ts, every runtime then finds it` });
        }
      } else if (isProduct(source) && !specifier.startsWith("node:") && !dependencies.includes(packageOf(specifier))) {
        found.push({ path: source.path, line, problem: `imports "${specifier}", which is not a dependency of the package` });
      }
    }
  }
  return found;
}

function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Imports of a package by the product from a second folder: the first folder (in code unit order) keeps it to itself. */
export function scatteredImports(sources: readonly Source[], name: string): Violation[] {
  const users = sources.filter(isProduct).flatMap((source) =>
    importsOf(source)
      .filter(({ specifier }) => packageOf(specifier) === name)
      .map(({ line }) => ({ path: source.path, line, folder: posix.dirname(source.path) }))
  );
  const home = users.map(({ folder }) => folder).sort()[0];
  return users
    .filter(({ folder }) => folder !== home)
    .map(({ path, line }) => ({ path, line, problem: `imports ${name}, which ${home}/ already keeps behind its interface` }));
}
