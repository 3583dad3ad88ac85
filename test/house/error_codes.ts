import { codeText } from "./code_text.ts";
import { isProduct, matches, type Source, type Violation } from "./sources.ts";

const codePattern = /["']([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)["']/g;

/**
 * The error codes that the product raises: the first argument of `new SluiceError`, of `super` in a class that extends it, and
 * any other name in capitals and underscores in a file that speaks of it (codes are passed on, too).
 */
export function raisedCodes(
  sources: readonly Source[],
): { readonly code: string; readonly path: string; readonly line: number }[] {
  return sources.filter(isProduct).flatMap(({ path, text }) => {
    const code = codeText(text, true);
    if (!/\bSluiceError\b/.test(code)) return [];
    const direct = matches(code, /\b(?:SluiceError|super)\(\s*["']([A-Z][A-Z0-9_]*)["']/g);
    const passedOn = matches(code, codePattern).filter(({ match }) =>
      match[1]?.includes("_") && !/^(ERR|SLUICE)_/.test(match[1])
    );
    const found = new Map<string, { code: string; path: string; line: number }>();
    for (const { line, match } of [...direct, ...passedOn]) {
      const name = match[1] ?? "";
      if (!found.has(name)) found.set(name, { code: name, path, line });
    }
    return [...found.values()];
  });
}

/** The rows of the table in `docs/errors.md`: code, when it is raised, what to do. */
export function documentedCodes(markdown: string): { readonly code: string; readonly line: number; readonly cells: string[] }[] {
  return matches(markdown, /^\| *`([A-Z][A-Z0-9_]*)` *\|(.*)\|\s*$/gm).map(({ line, match }) => ({
    code: match[1] ?? "",
    line,
    cells: (match[2] ?? "").split("|").map((cell) => cell.trim()),
  }));
}

/** Codes that are raised but not in the table, in the table but never raised, twice in it, out of order, or without a remedy. */
export function codeViolations(sources: readonly Source[], page: Source): Violation[] {
  const found: Violation[] = [];
  const raised = raisedCodes(sources);
  const rows = documentedCodes(page.text);
  const documented = new Set(rows.map(({ code }) => code));
  for (const { code, path, line } of raised) {
    if (!documented.has(code)) found.push({ path, line, problem: `raises ${code}, which has no row in ${page.path}` });
  }
  const known = new Set(raised.map(({ code }) => code));
  rows.forEach(({ code, line, cells }, index) => {
    const at = { path: page.path, line };
    if (!known.has(code)) found.push({ ...at, problem: `lists ${code}, which nothing raises` });
    const before = rows[index - 1]?.code ?? "";
    if (code <= before) found.push({ ...at, problem: `lists ${code} after ${before}; each code once, in order of the alphabet` });
    if (cells.length !== 2 || cells.includes("")) {
      found.push({ ...at, problem: `${code} needs both: when it is raised, and the remedy` });
    }
  });
  return found;
}
