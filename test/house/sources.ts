import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../runner/discover.ts";

/** One file of the project. */
export interface Source {
  /** The path from the project's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Something that a house rule objects to. */
export interface Violation {
  readonly path: string;
  /** Counted from 1; 0 where the whole file is meant. */
  readonly line: number;
  /** What is wrong, and what to do instead. */
  readonly problem: string;
}

const binary = /\.(png|jpg|jpeg|gif|ico|woff2?|gz|tgz|bin)$/;

/** Every text file of the project: those under version control, and new ones that are not ignored. */
export function projectSources(): Source[] {
  const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  return list
    .split("\n")
    .filter((path) => path !== "" && !binary.test(path) && existsSync(join(projectRoot, path)))
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), "utf8") }));
}

export function isTypeScript({ path }: Source): boolean {
  return path.endsWith(".ts");
}

/** Whether a file belongs to what is published. */
export function isProduct({ path }: Source): boolean {
  return path.endsWith(".ts") && (path === "mod.ts" || path.startsWith("actors/") || path.startsWith("runtime/"));
}

/** Where each match of a pattern lies. */
export function matches(text: string, pattern: RegExp): { readonly line: number; readonly match: RegExpExecArray }[] {
  const found = [];
  for (const match of text.matchAll(pattern)) {
    found.push({ line: text.slice(0, match.index).split("\n").length, match });
  }
  return found;
}

/** Violations as text: one a line, `path:line: problem`. */
export function listed(violations: readonly Violation[]): string {
  return violations.map(({ path, line, problem }) => `${path}${line > 0 ? `:${line}` : ""}: ${problem}`).join("\n");
}

/** Fails with the list when a rule objects to anything. */
export function holds(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const error = new Error(`${violations.length} violations\n    ${listed(violations).replaceAll("\n", "\n    ")}`);
  error.stack = error.name; // The places are in the list; where the rule itself stands helps nobody.
  throw error;
}
