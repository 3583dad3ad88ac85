import { posix } from "node:path";
import { codeText } from "./code_text.ts";
import { isProduct, isTypeScript, matches, type Source, type Violation } from "./sources.ts";

export const maxFileLines = 450;
export const maxLineChars = 130;
export const maxMedianLines = 150;

function lineCount(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

/** Files and lines that have grown too long to be read in one sitting. */
export function tooLong(sources: readonly Source[]): Violation[] {
  const found: Violation[] = [];
  for (const { path, text } of sources.filter(isTypeScript)) {
    const lines = lineCount(text);
    if (lines > maxFileLines) {
      found.push({ path, line: 0, problem: `has ${lines} lines, over ${maxFileLines}: look for the second concept in it` });
    }
    text.split("\n").forEach((line, index) => {
      if ([...line].length > maxLineChars) {
        found.push({ path, line: index + 1, problem: `is longer than ${maxLineChars} characters` });
      }
    });
  }
  return found;
}

/** The median length in lines of the product's files. */
export function medianLines(sources: readonly Source[]): number {
  const lengths = sources.filter(isProduct).map(({ text }) => lineCount(text)).sort((a, b) => a - b);
  return lengths[Math.floor(lengths.length / 2)] ?? 0;
}

const namelessNames =
  /^(utils?|helpers?|types?|misc|common|shared|constants|interfaces?|index)(_|\.|$)|_(utils?|helpers?|misc)\./;

/** Files and folders named for no concept. */
export function namelessFiles(sources: readonly Source[]): Violation[] {
  return sources
    .filter(isTypeScript)
    .filter(({ path }) => path.split("/").some((part) => namelessNames.test(part)) && !path.startsWith("test/types/"))
    .map(({ path }) => ({ path, line: 0, problem: "is named for a category; name the one concept that it holds" }));
}

// The words are put together here so that this file does not object to itself.
const leftOvers: readonly { readonly pattern: RegExp; readonly problem: string; readonly inComments: boolean }[] = [
  {
    pattern: new RegExp(String.raw`\b(TO${"DO"}|FIX${"ME"}|X${"XX"}|HA${"CK"})\b`, "g"),
    problem: "is left over; do it now",
    inComments: true,
  },
  { pattern: new RegExp(`@ts-(${"ignore"}|${"nocheck"})`, "g"), problem: "hides type errors; mend the type", inComments: true },
  { pattern: /\bas\s+any\b/g, problem: "switches type-checking off; name the type, or use unknown", inComments: false },
  { pattern: /:\s*any\b(?!\s*[(.])/g, problem: "switches type-checking off; name the type, or use unknown", inComments: false },
  { pattern: /\bdebugger\b/g, problem: "is left over", inComments: false },
];

/** Work left undone, and checks switched off. */
export function leftovers(sources: readonly Source[]): Violation[] {
  return sources.filter(isTypeScript).flatMap(({ path, text }) => {
    const code = codeText(text);
    return leftOvers.flatMap(({ pattern, problem, inComments }) =>
      matches(inComments ? text : code, pattern).map(({ line, match }) => ({ path, line, problem: `${match[0]} ${problem}` }))
    );
  });
}

/** Tests that switch other tests off, or themselves without saying so. */
export function silencedTests(sources: readonly Source[]): Violation[] {
  return sources.filter(({ path }) => path.endsWith(".test.ts")).flatMap(({ path, text }) =>
    matches(codeText(text), /(?<=[\w)])\.(only|skip)\s*\(/g)
      .map(({ line, match }) => ({ path, line, problem: `${match[0]} is silent; use skip(reason) of test/skip.ts, or nothing` }))
  );
}

/** `mod.ts` files that do more than re-export. */
export function busyDoors(sources: readonly Source[]): Violation[] {
  return sources.filter((source) => isProduct(source) && posix.basename(source.path) === "mod.ts").flatMap(({ path, text }) => {
    const rest = codeText(text, true).replaceAll(/export\s+(type\s+)?(\*(\s+as\s+\w+)?|\{[^}]*\})\s+from\s+"[^"]*";/g, "").trim();
    return rest === "" ? [] : [{ path, line: 0, problem: `holds more than re-exports: ${rest.split("\n")[0]}` }];
  });
}
