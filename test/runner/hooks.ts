/** What the runner offers to the test file that it is running. Absent when a file is run on its own. */
export interface RunnerHooks {
  /** Counts a skipped test. */
  skip(reason: string): void;
  /** Sets the running file's limit in milliseconds. */
  limit(limitMs: number): void;
}

const slot = Symbol.for("sluice.test.hooks");
const holder = globalThis as { [slot]?: RunnerHooks };

export function runnerHooks(): RunnerHooks | undefined {
  return holder[slot];
}

export function installRunnerHooks(hooks: RunnerHooks): void {
  holder[slot] = hooks;
}
