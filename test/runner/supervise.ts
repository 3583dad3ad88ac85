import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { defaultLimitMs } from "../limit.ts";
import { projectRoot } from "./discover.ts";
import { type JournalEvent, JournalReader } from "./journal.ts";
import type { Runtime } from "./runtimes.ts";

/** What came of some test files. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** File and text of each failure. */
  readonly failures: { readonly file: string; readonly text: string }[];
  /** File and reason of each loud skip. */
  readonly skips: { readonly file: string; readonly reason: string }[];
}

export function emptyTally(): Tally {
  return { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
}

export function addTally(total: Tally, part: Tally): void {
  total.passed += part.passed;
  total.failed += part.failed;
  total.skipped += part.skipped;
  total.failures.push(...part.failures);
  total.skips.push(...part.skips);
}

/** How far the process has come. */
interface Progress {
  file: string | undefined;
  suite: string;
  testsDone: { passed: number; failed: number; skipped: number };
  startedMs: number;
  limitMs: number;
  finished: number;
  done: boolean;
}

/** What tests print is kept to be shown with a failure; of more than this, only the end. */
const maxOutputChars = 20_000;

/**
 * Runs the files on a runtime, in one process as long as nothing crashes or hangs. When something does, the file is named as
 * failed and a new process goes on with the next one.
 */
export async function supervise(runtime: Runtime, files: readonly string[], report: (line: string) => void): Promise<Tally> {
  const tally = emptyTally();
  let rest = files;
  while (rest.length > 0) {
    const finished = await runProcess(runtime, rest, tally, report);
    rest = rest.slice(finished);
  }
  return tally;
}

/** Runs one process; returns how many of the files are dealt with (at least one). */
async function runProcess(runtime: Runtime, files: readonly string[], tally: Tally, report: (line: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const journalPath = join(folder, "journal");
  writeFileSync(journalPath, "");
  const journal = new JournalReader(journalPath);
  const child = spawn(
    runtime.command,
    [...runtime.scriptArguments, join(projectRoot, "test/runner/child.ts"), journalPath, ...files],
    { cwd: projectRoot, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, SLUICE_TEST_RUNTIME: runtime.name } },
  );

  let output = "";
  const keep = (chunk: string): void => {
    output = (output + chunk).slice(-maxOutputChars);
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);

  const progress: Progress = {
    file: undefined,
    suite: "",
    testsDone: { passed: 0, failed: 0, skipped: 0 },
    startedMs: performance.now(),
    limitMs: defaultLimitMs,
    finished: 0,
    done: false,
  };
  const failure = (text: string): void => {
    tally.failures.push({ file: progress.file ?? files[0] ?? "", text });
  };
  const handle = (event: JournalEvent): void => {
    switch (event.kind) {
      case "file":
        progress.file = event.file;
        progress.suite = "";
        progress.testsDone = { passed: 0, failed: 0, skipped: 0 };
        progress.startedMs = performance.now();
        progress.limitMs = defaultLimitMs;
        return;
      case "limit":
        progress.limitMs = event.limitMs;
        return;
      case "suite":
        progress.suite = event.name;
        return;
      case "test":
        progress.testsDone[event.outcome]++;
        return;
      case "skip":
        tally.skips.push({ file: progress.file ?? "", reason: event.reason });
        return;
      case "failure":
        failure(event.text);
        return;
      case "result": {
        tally.passed += event.passed;
        tally.failed += event.failed;
        tally.skipped += event.skipped;
        progress.finished++;
        const count = event.passed + event.failed + event.skipped;
        report(`${event.failed > 0 ? "FAILED" : "ok    "} ${event.file} (${count} tests, ${event.tookMs} ms)`);
        if (event.failed > 0 && output.trim() !== "") report(output.trimEnd());
        output = "";
        return;
      }
      case "done":
        progress.done = true;
        return;
      default:
        return event satisfies never;
    }
  };

  let hung = false;
  const watchdog = setInterval(() => {
    journal.next().forEach(handle);
    if (performance.now() - progress.startedMs > progress.limitMs) {
      hung = true;
      child.kill("SIGKILL");
    }
  }, 100);
  const ended = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`could not be started: ${error.message}`));
    child.on("close", (code, signal) => resolve(signal === null ? `ended with exit code ${code}` : `ended by ${signal}`));
  });
  clearInterval(watchdog);
  journal.next().forEach(handle);
  rmSync(folder, { recursive: true, force: true });
  if (progress.done) return files.length;

  const { passed, failed, skipped } = progress.testsDone;
  const where = `${progress.suite === "" ? "" : `in suite "${progress.suite}", `}after ${passed + failed + skipped} of its tests`;
  const file = progress.file ?? files[0] ?? "";
  tally.passed += passed;
  tally.failed += failed + 1;
  tally.skipped += skipped;
  failure(
    hung
      ? `Hung: nothing came of it within ${progress.limitMs} ms (${where}); the process was ended`
      : `The process ${ended} (${where}): a crash, a call of process.exit, or a promise that nothing will ever settle`,
  );
  report(`FAILED ${file} (${hung ? "hung" : ended})`);
  if (output.trim() !== "") report(output.trimEnd());
  return files.indexOf(file) + 1;
}
