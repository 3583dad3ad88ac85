import { codeText } from "./code_text.ts";
import { importsOf } from "./layers.ts";
import { isProduct, matches, type Source, type Violation } from "./sources.ts";

interface Ban {
  /** Uses in code. */
  readonly pattern?: RegExp;
  /** Modules of the platform, without `node:` and what follows a slash. */
  readonly modules?: RegExp;
  readonly instead: string;
}

/** What reads time, chance or the outside world, and what to use instead. */
const banned: Readonly<Record<string, Ban>> = {
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
    pattern: /\bnew\s+WebSocket\b|(?<![\w.])fetch\s*\(/g,
    modules: /^(net|tls|https?|http2|dgram|dns)$/,
    instead: "Transport",
  },
  files: { modules: /^fs$/, instead: "Disk" },
  platform: { pattern: /(?<![\w.])(Deno|Bun)\s*\.\s*\w+/g, instead: "node: modules, which all three runtimes have" },
  process: {
    pattern: /(?<![\w.#])process\s*\.\s*\w+/g,
    modules: /^(process|os|child_process|worker_threads|timers|crypto|perf_hooks)$/,
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
    const code = codeText(source.text);
    const imported = importsOf(source).map(({ line, specifier }) => ({ line, said: specifier }));
    for (const [name, { pattern, modules, instead }] of Object.entries(banned)) {
      const uses = pattern === undefined
        ? []
        : matches(code, pattern).map(({ line, match }) => ({ line, said: match[0].trim() }));
      const imports = imported.filter(({ said }) => modules?.test(/^node:([^/]+)/.exec(said)?.[1] ?? ""));
      for (const { line, said } of [...uses, ...imports]) {
        if (entry !== undefined && allowed[entry]?.includes(name)) needed.add(`${entry} ${name}`);
        else found.push({ path: source.path, line, problem: `${said} is banned here; use ${instead}` });
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
