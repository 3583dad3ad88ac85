/**
 * Runs test files one after another in one process of one runtime and journals what happens.
 *
 * Arguments: the journal's path, then the files (paths from the project's folder). Uvu collects a file's suites while it is
 * imported (`UVU_DEFER`), and they are run before the next file is imported, so a crash or a hang always has a file's name.
 */
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { projectRoot } from "./discover.ts";
import { installRunnerHooks } from "./hooks.ts";
import { JournalWriter } from "./journal.ts";

/** What uvu puts into its queue: errors as text (or true), passed, skipped, total. */
type SuiteRun = () => Promise<[string | true, number, number, number]>;

const uvu = globalThis as { UVU_DEFER?: number; UVU_INDEX?: number; UVU_QUEUE?: SuiteRun[][] };

/** The counts of the file that runs now, and what its tests have said. */
interface Current {
  passed: number;
  failed: number;
  skipped: number;
  insideSuite: boolean;
  suiteNamed: boolean;
  testSkipped: boolean;
}

const [journalPath, ...files] = process.argv.slice(2);
if (journalPath === undefined) throw new Error("Cannot run tests: the first argument is the journal's path");
const journal = new JournalWriter(journalPath);
let current: Current = fresh();

function fresh(): Current {
  return { passed: 0, failed: 0, skipped: 0, insideSuite: false, suiteNamed: false, testSkipped: false };
}

function countOf({ passed, failed, skipped }: Current): number {
  return passed + failed + skipped;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
}

function fail(text: string): void {
  current.failed++;
  journal.write({ kind: "failure", text });
}

installRunnerHooks({
  skip(reason) {
    journal.write({ kind: "skip", reason });
    if (current.insideSuite) current.testSkipped = true;
    else current.skipped++;
  },
  limit: (limitMs) => journal.write({ kind: "limit", limitMs }),
});

/** Uvu reports on standard output: the suite's name first, then a mark per test. Both go into the journal instead. */
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = ((chunk: unknown, ...rest: never[]) => {
  if (typeof chunk === "string" && current.insideSuite) {
    const plain = stripVTControlCharacters(chunk);
    if (plain === "• " || plain === "✘ ") {
      mark(plain === "• ");
      return true;
    }
    const name = /^ (.*) {2}$/s.exec(plain)?.[1];
    if (!current.suiteNamed && name !== undefined) {
      current.suiteNamed = true;
      journal.write({ kind: "suite", name });
      return true;
    }
    if (/^ {2}\(\d+ \/ \d+\)\n$/.test(plain)) return true;
  }
  return write(chunk as string, ...rest);
}) as typeof process.stdout.write;

function mark(passed: boolean): void {
  const outcome = !passed ? "failed" : current.testSkipped ? "skipped" : "passed";
  current[outcome]++;
  current.testSkipped = false;
  journal.write({ kind: "test", outcome });
}

process.on("uncaughtException", (error) => fail(`An error that no test caught: ${describe(error)}`));
process.on("unhandledRejection", (error) => fail(`A rejection that nothing handled: ${describe(error)}`));

async function runSuite(run: SuiteRun): Promise<void> {
  const before = countOf(current);
  current.insideSuite = true;
  current.suiteNamed = false;
  current.testSkipped = false;
  try {
    const [errors, , skipped, total] = await run();
    const lost = total - (countOf(current) - before);
    current.skipped += skipped;
    if (typeof errors === "string") journal.write({ kind: "failure", text: stripVTControlCharacters(errors).trim() });
    // Uvu says nothing about a hook that threw before or between tests, nor about something thrown that is no Error.
    if (lost > 0) fail(`${lost} of ${total} tests did not run: a hook failed, or a test threw something that is no Error`);
  } catch (error) {
    fail(`A hook failed after ${countOf(current) - before} tests of the suite: ${describe(error)}`);
  } finally {
    current.insideSuite = false;
  }
}

async function runFile(file: string): Promise<void> {
  journal.write({ kind: "file", file });
  current = fresh();
  const startedMs = performance.now();
  const group: SuiteRun[] = [];
  uvu.UVU_QUEUE = [group];
  uvu.UVU_INDEX = 0;
  try {
    await import(pathToFileURL(join(projectRoot, file)).href);
    for (const run of group) await runSuite(run);
    // A turn of the event loop, so that a rejection nobody handles is counted with the file that caused it.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (countOf(current) === 0) fail("The file has no tests: is `suite.run()` missing?");
  } catch (error) {
    fail(`The file cannot be loaded: ${describe(error)}`);
  }
  const { passed, failed, skipped } = current;
  journal.write({ kind: "result", file, passed, failed, skipped, tookMs: Math.round(performance.now() - startedMs) });
}

uvu.UVU_DEFER = 1;
for (const file of files) await runFile(file);
journal.write({ kind: "done" });
journal.close();
process.exit(0);
