/** A fenced block of code in a page. */
export interface CodeBlock {
  /** The first word after the fence. */
  readonly language: string;
  /** The words after it. `run`: a program that must run; `check`: one that must compile; `output`: what the one above prints. */
  readonly marks: readonly string[];
  /** The line of the opening fence, counted from 1. */
  readonly line: number;
  readonly code: string;
}

/** The fenced blocks of a markdown page, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const fence = /^(`{3,})(\w+)(.*)$/.exec(lines[at] ?? "");
    if (fence === null) continue;
    const end = lines.indexOf(fence[1] ?? "```", at + 1);
    if (end < 0) throw new Error(`The block that opens in line ${at + 1} is never closed`);
    const marks = (fence[3] ?? "").split(/\s+/).filter((mark) => mark !== "");
    blocks.push({ language: fence[2] ?? "", marks, line: at + 1, code: lines.slice(at + 1, end).join("\n") + "\n" });
    at = end;
  }
  return blocks;
}

/** The doc comment that a module begins with, as a page with the same line numbers. */
export function moduleDoc(source: string): string {
  const end = source.indexOf("*/");
  if (!source.startsWith("/**") || end < 0) return "";
  return source.slice(3, end).split("\n").map((line) => line.replace(/^ \* ?/, "")).join("\n");
}

/** A program of a page, and what it must print, if the page says so. */
export interface PageProgram {
  readonly block: CodeBlock;
  /** The text of the `output` block that follows it directly; `…` in it stands for anything. */
  readonly output: string | undefined;
}

/** The blocks marked `ts run`, each with its output. */
export function pagePrograms(markdown: string): PageProgram[] {
  const blocks = codeBlocks(markdown);
  return blocks.flatMap((block, index) => {
    if (block.language !== "ts" || !block.marks.includes("run")) return [];
    const next = blocks[index + 1];
    return [{ block, output: next?.marks.includes("output") ? next.code : undefined }];
  });
}

/** Whether a program printed what its page says; `…` stands for any text. */
export function printsAsSaid(printed: string, said: string): boolean {
  const pattern = said.trim().split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join("[^]*?");
  return new RegExp(`^${pattern}$`).test(printed.trim());
}

/** The first TypeScript block of a page: what a newcomer copies. */
export function firstExample(markdown: string): string {
  const block = codeBlocks(markdown).find(({ language }) => language === "ts");
  if (block === undefined) throw new Error("The page has no TypeScript block");
  return block.code;
}

/** The flags of the first `deno run` command of a page. */
export function denoFlags(markdown: string): string[] {
  const command = /\bdeno run((?: --?[\w-]+(?:=\S+)?)*) \S+\.ts\b/.exec(markdown);
  if (command === null) throw new Error("The page has no `deno run` command");
  return (command[1] ?? "").split(" ").filter((flag) => flag !== "");
}
