/**
 * What a TypeScript text says in code: comments are blanked, and so is what stands inside strings, templates and regular
 * expressions unless `keepStrings`. Every character keeps its line and column.
 *
 * A slash begins a regular expression where a value may begin: after an operator, an opening bracket or a keyword. That is
 * exact enough for code that `deno fmt` has laid out.
 */
export function codeText(text: string, keepStrings = false): string {
  const out = text.split("");
  const blank = (from: number, to: number): void => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " ";
  };
  /** Depths of braces at which a template's `${` is open. */
  const templates: number[] = [];
  let depth = 0;
  let before = "";
  let at = 0;

  const skipTemplate = (from: number): number => {
    let end = from;
    while (end < text.length) {
      if (text[end] === "\\") end += 2;
      else if (text[end] === "`") {
        if (!keepStrings) blank(from, end);
        return end + 1;
      } else if (text.startsWith("${", end)) {
        if (!keepStrings) blank(from, end);
        templates.push(depth++);
        return end + 2;
      } else end++;
    }
    return end;
  };

  while (at < text.length) {
    const char = text[at] as string;
    if (text.startsWith("//", at) || (at === 0 && text.startsWith("#!"))) {
      const newline = text.indexOf("\n", at);
      const end = newline < 0 ? text.length : newline;
      blank(at, end);
      at = end;
    } else if (text.startsWith("/*", at)) {
      const close = text.indexOf("*/", at + 2);
      const end = close < 0 ? text.length : close + 2;
      blank(at, end);
      at = end;
    } else if (char === '"' || char === "'") {
      const end = endOfQuoted(text, at);
      if (!keepStrings) blank(at + 1, end - 1);
      before = char;
      at = end;
    } else if (char === "`") {
      at = skipTemplate(at + 1);
      before = text[at - 1] as string;
    } else if (char === "/" && regexMayFollow(before)) {
      const end = endOfRegex(text, at);
      if (!keepStrings) blank(at + 1, end - 1);
      before = "/";
      at = end;
    } else if (char === "}" && templates.at(-1) === depth - 1) {
      depth = templates.pop() as number;
      at = skipTemplate(at + 1);
      before = text[at - 1] as string;
    } else {
      if (char === "{") depth++;
      else if (char === "}") depth--;
      const word = /[\w$]+/y;
      word.lastIndex = at;
      const found = word.exec(text)?.[0];
      if (found !== undefined || !/\s/.test(char)) before = found ?? char;
      at += found?.length ?? 1;
    }
  }
  return out.join("");
}

function endOfQuoted(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && text[end] !== text[start] && text[end] !== "\n") end += text[end] === "\\" ? 2 : 1;
  return end + 1;
}

function endOfRegex(text: string, start: number): number {
  let end = start + 1;
  for (let inClass = false; end < text.length && text[end] !== "\n"; end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === "[") inClass = true;
    else if (text[end] === "]") inClass = false;
    else if (text[end] === "/" && !inClass) return end + 1;
  }
  return end;
}

const wordsBeforeValues = new Set(["return", "case", "typeof", "in", "of", "do", "else", "await", "yield", "void", "throw"]);

function regexMayFollow(before: string): boolean {
  return before === "" || wordsBeforeValues.has(before) || /^[(,=:[!&|?{};+\-*%<>~^]$/.test(before);
}
