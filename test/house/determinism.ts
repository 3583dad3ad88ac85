import { codeText } from "./code_text.ts";
import { isProduct, matches, type Source, type Violation } from "./sources.ts";

/** What reads time, chance or the outside world, and what to use instead. */
const banned: Readonly<Record<string, { readonly pattern: RegExp; readonly instead: string }>> = {
  "Date.now": { pattern: /\bDate\s*\.\s*now\b/g, instead: "Clock.now" },
  "new Date()": {
    pattern: /\bnew\s+Date\s*(\(\s*\)|(?![\s\w(.<]))|(?<!new\s+)(?<![\w.])Date\s*\(/g,
    instead: "new Date(clock.now())",
  },
  "performance.now": { pattern: /\bperformance\s*\.\s*(now|timeOrigin|mark|measure)\b/g, instead: "Clock.monotonic" },
  "process.hrtime": { pattern: /\bhrtime\b/g, instead: "Clock.monotonic" },
  setTimeout: { pattern: /\bsetTimeout\b/g, instead: "Clock.setTimer" },
  setInterval: { pattern: /\bsetInterval\b/g, instead: "Clock.setTimer" },
  setImmediate: { pattern: /\bsetImmediate\b/g, instead: "Clock.yield" },
  queueMicrotask: { pattern: /\bqueueMicrotask\b/g, instead: "Clock.yield, or nothing" },
  nextTick: { pattern: /\bnextTick\b/g, instead: "Clock.yield, or nothing" },
  "Math.random": { pattern: /\bMath\s*\.\s*random\b/g, instead: "Random.next" },
  randomUUID: { pattern: /\b(randomUUID|getRandomValues|randomBytes|randomInt)\b/g, instead: "Random.id or Random.int" },
  "AbortSignal.timeout": { pattern: /\bAbortSignal\s*\.\s*timeout\b/g, instead: "Clock.setTimer and an AbortController" },
  localeCompare: {
    pattern: /\b(localeCompare|toLocale(Upper|Lower)Case|Intl\s*\.\s*Collator)\b/g,
    instead: "comparison by code unit (<)",
  },
  WeakRef: { pattern: /\b(WeakRef|FinalizationRegistry)\b/g, instead: "an owner that disposes of it" },
  sockets: {
    pattern: /["']node:(net|tls|http|https|http2|dgram|dns)(\/[a-z]+)?["']|\bnew\s+WebSocket\b|(?<![\w.])fetch\s*\(/g,
    instead: "Transport",
  },
  files: { pattern: /["']node:fs(\/promises)?["']/g, instead: "Disk" },
  platform: { pattern: /(?<![\w.])(Deno|Bun)\s*\.\s*\w+/g, instead: "node: modules, which all three runtimes have" },
  process: {
    pattern: new RegExp(
      String.raw`["']node:(process|os|child_process|worker_threads|timers|timers/promises|crypto|perf_hooks)["']` +
        String.raw`|(?<![\w.#])process\s*\.\s*\w+`,
      "g",
    ),
    instead: "what the caller passes down",
  },
};

/** A real implementation of an interface, or a program's outermost shell, and what it is allowed. */
export type AllowList = Readonly<Record<string, readonly (keyof typeof banned)[]>>;

/**
 * Uses of what is banned, outside the allow-list; and entries of the allow-list that are of no use (any more). An entry that
 * ends in `/` is a folder.
 */
export function undeterminedUses(sources: readonly Source[], allowed: AllowList): Violation[] {
  const found: Violation[] = [];
  const needed = new Set<string>();
  for (const source of sources.filter(isProduct)) {
    const entry = Object.keys(allowed).find((path) =>
      path === source.path || (path.endsWith("/") && source.path.startsWith(path))
    );
    const withStrings = codeText(source.text, true);
    const without = codeText(source.text);
    for (const [name, { pattern, instead }] of Object.entries(banned)) {
      const isModuleName = pattern.source.includes("node:");
      for (const { line, match } of matches(isModuleName ? withStrings : without, pattern)) {
        if (entry !== undefined && allowed[entry]?.includes(name)) needed.add(`${entry} ${name}`);
        else found.push({ path: source.path, line, problem: `${match[0].trim()} is banned here; use ${instead}` });
      }
    }
  }
  for (const [path, names] of Object.entries(allowed)) {
    for (const name of names) {
      if (!needed.has(`${path} ${name}`)) {
        found.push({ path, line: 0, problem: `is allowed ${name} but does not use it; strike it` });
      }
    }
  }
  return found;
}
